"""Source, sink and protocol checker of one stream; `sim.bench.streams` says by which rule of time."""

import collections
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from .patterns import pattern

__all__ = ["Port", "ProtocolChecker", "Sink", "Source"]

#: A payload: one value, one for each field, or none.
Word = int | dict[str, int] | None
Fields = Sequence[str]

#: Cycles without a transfer after which a bench gives up.
PATIENCE = 2_000


class Port:
    """The handles of one stream.

    Parameters
    ----------
    dut : handle
    name : str
        Of the stream.
    fields : list of str, optional
        Of its payload, where that is several ports; values are dicts then.
        ``()`` for a stream without a payload, whose values are None.
        By default a single payload port, if there is one.
    signed : bool
        Read the payload as two's complement.
    """

    def __init__(self, dut: Any, name: str, fields: Fields | None = None, signed: bool = False) -> None:
        self.name, self.fields, self.signed = name, fields, signed
        self.valid = getattr(dut, f"{name}__valid")
        self.ready = getattr(dut, f"{name}__ready")
        if fields is None and not hasattr(dut, f"{name}__payload"):
            self.fields = fields = ()
        if fields is None:
            self._handles = [getattr(dut, f"{name}__payload")]
        else:
            self._handles = [getattr(dut, f"{name}__payload__{field}") for field in fields]
        self._masks = [(1 << len(handle)) - 1 for handle in self._handles]

    def raw(self) -> list[str]:
        """The payload as bit strings: comparable even where it is X."""
        return [str(handle.value) for handle in self._handles]

    def read(self) -> Word:
        """The payload as an int, a dict of ints, or None."""
        values = []
        for handle in self._handles:
            try:
                value = int(handle.value)
            except ValueError:
                raise AssertionError(
                    f"{self.name}: payload is {handle.value} at {_now()}"
                ) from None
            if self.signed and value >> (len(handle) - 1):
                value -= 1 << len(handle)
            values.append(value)
        if self.fields is None:
            return values[0]
        return dict(zip(self.fields, values, strict=True)) if values else None

    def write(self, value: Any) -> None:
        """Drive the payload; negative numbers wrap."""
        if self.fields is None:
            values = [value]
        else:
            values = [value[field] for field in self.fields]
        for handle, mask, each in zip(self._handles, self._masks, values, strict=True):
            handle.value = int(each) & mask

    def scramble(self, chance: random.Random) -> None:
        """Drive what nobody may look at."""
        for handle, mask in zip(self._handles, self._masks, strict=True):
            handle.value = chance.getrandbits(mask.bit_length())


class Source:
    """Offers words to a stream of the DUT.

    Between words the payload is random: a DUT that looks at it is caught.

    Parameters
    ----------
    dut, name, fields : see `Port`
    clk : handle
    idle : str or iterator of bool
        A name in `patterns.PATTERNS`, or the pattern itself.
    seed : int

    Attributes
    ----------
    transfers : list of int
        The cycle of each word, counted from the source's creation.
    """

    def __init__(self, dut: Any, name: str, clk: Any, *, idle: str | Iterator[bool] = "never", seed: int = 0,
                 fields: Fields | None = None) -> None:
        self.port = Port(dut, name, fields)
        self.transfers: list[int] = []
        self._clk, self._idle, self._chance = clk, pattern(idle, seed), random.Random(seed)
        self._words: collections.deque[Any] = collections.deque()
        self.port.valid.value = 0
        self.task = cocotb.start_soon(self._run())

    def send(self, words: Iterable[Any]) -> None:
        """Queue words."""
        self._words.extend(words)

    async def drain(self) -> None:
        """Wait until every word was taken.

        Raises
        ------
        AssertionError
            None was taken in `PATIENCE` cycles.
        """
        edge, left, patience = RisingEdge(self._clk), len(self._words), PATIENCE
        while self._words:
            await edge
            patience = patience - 1 if len(self._words) == left else PATIENCE
            left = len(self._words)
            assert patience, f"{self.port.name}: {left} words not taken in {PATIENCE} cycles"

    async def _run(self) -> None:
        port, edge, cycle, offering = self.port, RisingEdge(self._clk), 0, False
        while True:
            await edge
            if offering and _is_one(port.ready):
                self._words.popleft()
                self.transfers.append(cycle)
                offering = False
            if not offering:
                offering = bool(self._words) and not next(self._idle)
                if offering:
                    port.write(self._words[0])
                else:
                    port.scramble(self._chance)
                port.valid.value = int(offering)
            cycle += 1


class Sink:
    """Takes words from a stream of the DUT.

    Parameters
    ----------
    dut, name, fields, signed : see `Port`
    clk : handle
    pressure : str or iterator of bool
        True where the sink is not ready.
    seed : int
    expect : iterable, optional
        The words that must come; each is compared as it arrives.

    Attributes
    ----------
    received : list
    transfers : list of int
        The cycle of each word, counted from the sink's creation.
    """

    def __init__(self, dut: Any, name: str, clk: Any, *, pressure: str | Iterator[bool] = "never", seed: int = 0,
                 expect: Iterable[Any] | None = None, fields: Fields | None = None, signed: bool = False) -> None:
        self.port = Port(dut, name, fields, signed)
        self.received: list[Word] = []
        self.transfers: list[int] = []
        self._expected = None if expect is None else list(expect)
        self._clk, self._pressure = clk, pattern(pressure, seed)
        self.port.ready.value = 0
        self.task = cocotb.start_soon(self._run())

    async def wait(self, count: int | None = None) -> None:
        """Wait for `count` words in all, by default all that are expected.

        Raises
        ------
        AssertionError
            Nothing came in `PATIENCE` cycles.
        """
        if count is None:
            count = len(self._expected or ())
        edge, seen, patience = RisingEdge(self._clk), len(self.received), PATIENCE
        while len(self.received) < count:
            await edge
            patience = patience - 1 if len(self.received) == seen else PATIENCE
            seen = len(self.received)
            assert patience, (
                f"{self.port.name}: {seen} of {count} words, then none in {PATIENCE} cycles"
            )

    async def _run(self) -> None:
        port, edge, cycle, ready = self.port, RisingEdge(self._clk), 0, False
        while True:
            await edge
            if ready and _is_one(port.valid):
                self._take(port.read(), cycle)
            ready = not next(self._pressure)
            port.ready.value = int(ready)
            cycle += 1

    def _take(self, word: Word, cycle: int) -> None:
        index = len(self.received)
        self.received.append(word)
        self.transfers.append(cycle)
        if self._expected is not None:
            assert index < len(self._expected), (
                f"{self.port.name}: word {index} is {_hex(word)}, none expected, at {_now()}"
            )
            assert word == self._expected[index], (
                f"{self.port.name}: word {index} is {_hex(word)}, "
                f"not {_hex(self._expected[index])}, at {_now()}"
            )


class ProtocolChecker:
    """Fails the test when a stream breaks the rules.

    Once `valid`, it and the payload hold until the transfer; `valid` and
    `ready` are never X after reset.

    Parameters
    ----------
    dut, name, fields : see `Port`
    clk : handle
    rst : handle, optional
        While it is 1 nothing is checked.
    """

    def __init__(self, dut: Any, name: str, clk: Any, rst: Any = None, *, fields: Fields | None = None) -> None:
        self.port, self._clk, self._rst = Port(dut, name, fields), clk, rst
        self.task = cocotb.start_soon(self._run())

    async def _run(self) -> None:
        port, edge, held = self.port, RisingEdge(self._clk), None
        while True:
            await edge
            if self._rst is not None and not _is_zero(self._rst):
                held = None
                continue
            valid, ready = _is_one(port.valid, port.name), _is_one(port.ready, port.name)
            if held is not None:
                assert valid, f"{port.name}: valid withdrawn before its transfer at {_now()}"
                payload = port.raw()
                assert payload == held, (
                    f"{port.name}: payload changed from {held} to {payload} "
                    f"before its transfer at {_now()}"
                )
            held = port.raw() if valid and not ready else None


def _is_one(handle: Any, name: str | None = None) -> bool:
    """Whether a wire is 1. An X counts as 0, or fails where a name is given."""
    value = str(handle.value)
    assert name is None or value in "01", f"{name}: {handle._name} is {value} at {_now()}"
    return value == "1"


def _is_zero(handle: Any) -> bool:
    return str(handle.value) == "0"


def _hex(word: Word) -> str:
    return f"{word:#x}" if isinstance(word, int) else repr(word)


def _now() -> str:
    return f"{get_sim_time('ns'):g} ns"
