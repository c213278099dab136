"""cocotb drivers and monitors for valid/ready streams.

A stream `i` of an Amaranth component has the Verilog ports ``i__valid``,
``i__ready`` and ``i__payload``, or one ``i__payload__<field>`` for each field,
or no payload port at all.

One rule for time, under every simulator: *sample at the rising edge, then
drive*. What `RisingEdge` sees is what the flip-flops see at that edge, since
neither they nor anything combinational behind them has changed yet; what is written then
lands after the edge. Nothing here waits for another phase, so the order in
which the tasks of one edge run does not matter.

A bench is usually::

    @cocotb.test()
    @cocotb.parametrize(cross())
    async def passes_all(dut, idle, pressure):
        await run_io_check(dut, {"i": words}, {"o": words}, idle=idle, pressure=pressure)
"""

import collections
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from .patterns import cross, pattern

__all__ = [
    "Port", "ProtocolChecker", "Sink", "Source", "cross", "cycles", "run_io_check", "start",
]

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

    def __init__(self, dut, name, fields=None, signed=False):
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

    def raw(self):
        """The payload as bit strings: comparable even where it is X."""
        return [str(handle.value) for handle in self._handles]

    def read(self):
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

    def write(self, value):
        """Drive the payload; negative numbers wrap."""
        if self.fields is None:
            values = [value]
        else:
            values = [value[field] for field in self.fields]
        for handle, mask, each in zip(self._handles, self._masks, values, strict=True):
            handle.value = int(each) & mask

    def scramble(self, chance):
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

    def __init__(self, dut, name, clk, *, idle="never", seed=0, fields=None):
        self.port = Port(dut, name, fields)
        self.transfers = []
        self._clk, self._idle, self._chance = clk, pattern(idle, seed), random.Random(seed)
        self._words = collections.deque()
        self.port.valid.value = 0
        self.task = cocotb.start_soon(self._run())

    def send(self, words):
        """Queue words."""
        self._words.extend(words)

    async def drain(self):
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

    async def _run(self):
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

    def __init__(
        self, dut, name, clk, *, pressure="never", seed=0, expect=None, fields=None, signed=False
    ):
        self.port = Port(dut, name, fields, signed)
        self.received, self.transfers = [], []
        self._expected = None if expect is None else list(expect)
        self._clk, self._pressure = clk, pattern(pressure, seed)
        self.port.ready.value = 0
        self.task = cocotb.start_soon(self._run())

    async def wait(self, count=None):
        """Wait for `count` words in all, by default all that are expected.

        Raises
        ------
        AssertionError
            Nothing came in `PATIENCE` cycles.
        """
        count = len(self._expected) if count is None else count
        edge, seen, patience = RisingEdge(self._clk), len(self.received), PATIENCE
        while len(self.received) < count:
            await edge
            patience = patience - 1 if len(self.received) == seen else PATIENCE
            seen = len(self.received)
            assert patience, (
                f"{self.port.name}: {seen} of {count} words, then none in {PATIENCE} cycles"
            )

    async def _run(self):
        port, edge, cycle, ready = self.port, RisingEdge(self._clk), 0, False
        while True:
            await edge
            if ready and _is_one(port.valid):
                self._take(port.read(), cycle)
            ready = not next(self._pressure)
            port.ready.value = int(ready)
            cycle += 1

    def _take(self, word, cycle):
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

    def __init__(self, dut, name, clk, rst=None, *, fields=None):
        self.port, self._clk, self._rst = Port(dut, name, fields), clk, rst
        self.task = cocotb.start_soon(self._run())

    async def _run(self):
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


async def start(dut, *, periods=None, cycles=2, **inputs):
    """Start the clocks and reset.

    Parameters
    ----------
    periods : dict of str to float, optional
        Nanoseconds of each clock port; ``{"clk": 10}`` by default. The reset
        of ``link_clk`` is ``link_rst``, if there is such a port.
    cycles : int
        Of the slowest clock under reset.
    inputs : int
        Ports to drive from the first moment on.

    Returns
    -------
    handle
        The first clock.
    """
    periods = periods or {"clk": 10}
    for name, value in inputs.items():
        getattr(dut, name).value = int(value)
    resets = []
    for clock, period in periods.items():
        # Not left to cocotb to choose: without trust in inertial writes, which
        # Icarus does not get, it would toggle the clock from Python. Low first,
        # lest the unknown level before time 0 make an edge or not.
        Clock(getattr(dut, clock), period, "ns", impl="gpi").start(start_high=False)
        if (reset := _reset_of(dut, clock)) is not None:
            reset.value = 1
            resets.append((getattr(dut, clock), reset))
    slowest = getattr(dut, max(periods, key=periods.get))
    for _ in range(cycles):
        await RisingEdge(slowest)
    for clock, reset in reversed(resets):
        await RisingEdge(clock)
        reset.value = 0
    return getattr(dut, next(iter(periods)))


async def cycles(clk, count):
    """Wait for `count` rising edges."""
    for _ in range(count):
        await RisingEdge(clk)


async def run_io_check(
    dut, inputs, outputs, *, idle="never", pressure="never", seed=0, extra_cycles=20,
    fields=None, signed=(), ports=None, periods=None, clocks=None,
):
    """Send words into all input streams, expect words from all output streams.

    Every stream is checked for protocol, each has its own idle pattern, and
    for `extra_cycles` after the last word nothing more may come.

    Parameters
    ----------
    inputs, outputs : dict of str to iterable
        Stream name to its words.
    idle, pressure : str
        Names in `patterns.PATTERNS`.
    fields : dict of str to list of str, optional
        Of the streams whose payloads are several ports.
    signed : collection of str
        The output streams to be read as two's complement.
    ports : dict of str to int, optional
        Constant inputs.
    periods : dict of str to float, optional
        See `start`.
    clocks : dict of str to str, optional
        The clock port of each stream that is not of the first clock.

    Returns
    -------
    sources, sinks : dict of str to Source, dict of str to Sink
        For their `transfers`, from which a test takes cycle counts.
    """
    fields = fields or {}
    for name in inputs:
        getattr(dut, f"{name}__valid").value = 0
    for name in outputs:
        getattr(dut, f"{name}__ready").value = 0
    main = await start(dut, periods=periods, **(ports or {}))
    sources, sinks = {}, {}
    for number, name in enumerate([*inputs, *outputs]):
        own = {"seed": seed * 1009 + number, "fields": fields.get(name)}
        clk = getattr(dut, (clocks or {}).get(name, main._name))
        ProtocolChecker(dut, name, clk, _reset_of(dut, clk._name), fields=own["fields"])
        if name in inputs:
            sources[name] = Source(dut, name, clk, idle=idle, **own)
            sources[name].send(inputs[name])
        else:
            sinks[name] = Sink(
                dut, name, clk, pressure=pressure, expect=outputs[name],
                signed=name in signed, **own,
            )
    for sink in sinks.values():
        await sink.wait()
    for source in sources.values():
        await source.drain()
    await cycles(main, extra_cycles)
    return sources, sinks


def _reset_of(dut, clock):
    """The reset port of a clock port, or None."""
    return getattr(dut, clock[: -len("clk")] + "rst", None)


def _is_one(handle, name=None):
    """Whether a wire is 1. An X counts as 0, or fails where a name is given."""
    value = str(handle.value)
    assert name is None or value in "01", f"{name}: {handle._name} is {value} at {_now()}"
    return value == "1"


def _is_zero(handle):
    return str(handle.value) == "0"


def _hex(word):
    return f"{word:#x}" if isinstance(word, int) else repr(word)


def _now():
    from cocotb.utils import get_sim_time

    return f"{get_sim_time('ns'):g} ns"
