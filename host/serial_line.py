"""A board at a serial line, as a driver: `hw.config.serial_ops` says what goes over the line."""

import struct
import time
from collections.abc import Sequence
from types import TracebackType

import numpy as np
import serial

from hw.config import ChipConfig, scan_words
from hw.config import serial_ops as ops
from hw.config.counters import counter_index
from hw.config.serial_ops import Op

from .driver import End, Patience, Status, Words

__all__ = ["PATIENCE", "BoardLost", "SerialDriver", "WrongBoard"]

ARGUMENT = struct.Struct("<BQ")
WORD = struct.Struct("<Q")
POLL_SECONDS = 0.02
#: In seconds. The chip's own watchdog is a thousand times faster.
PATIENCE = Patience(idle=20)


class BoardLost(Exception):
    """The board does not answer, or what answers is no board; one line."""


class WrongBoard(ValueError):
    """The board holds another chip; one line."""


class SerialDriver:
    """A `host.driver.Driver` that blocks: `host.jobs.complete` runs what uses it.

    Parameters
    ----------
    port : str
        A serial device.
    baud : int
        Bits a second.
    timeout : float
        Seconds to wait for a reply.

    Raises
    ------
    OSError, ValueError
        There is no such device, or it cannot be opened with this bit rate.
    """

    def __init__(self, port: str, *, baud: int, timeout: float = 10.0) -> None:
        self._line = serial.Serial(port, baud, timeout=timeout, exclusive=True)
        self._timeout, self._started = timeout, 0.0

    def __enter__(self) -> "SerialDriver":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._line.close()

    def synchronise(self) -> None:
        """End a command of which only a part was sent, and drop replies that nobody waits for."""
        self._line.write(bytes(9))
        time.sleep(0.05)
        self._line.reset_input_buffer()

    def check(self, chip: ChipConfig) -> int:
        """Compare the board's parameters with those of a chip.

        Returns
        -------
        int
            64-bit words of the board's memory.

        Raises
        ------
        BoardLost
            What answers is no Eyeriss.
        WrongBoard
            The board holds another chip.
        """
        expected = ops.parameters(chip, 0)
        found = {name: self._ask(Op.PARAMETER, number) for number, name in enumerate(expected)}
        if found["IDENTITY"] != expected["IDENTITY"]:
            raise BoardLost(f"what answers is no Eyeriss: identity 0x{found['IDENTITY']:X}, "
                            f"not 0x{expected['IDENTITY']:X}")
        for name in list(expected)[:-1]:
            if found[name] != expected[name]:
                raise WrongBoard(f"its {name} is 0x{found[name]:X}, that of {chip.name} is 0x{expected[name]:X}")
        return found["MEMORY_WORDS"]

    async def reset(self) -> None:
        """Reset the chip and the board's status."""
        self._send(Op.RESET)

    async def configure(self, bits: Sequence[int]) -> None:
        """Load the scan chain."""
        for word in scan_words(bits):
            self._send(Op.CONFIG, word)

    async def start(self) -> None:
        """Start the job that is configured."""
        self._send(Op.START)
        self._started = time.monotonic()

    async def wait(self, most: float) -> End | None:
        """Ask for the status; after POLL_SECONDS, None if the chip is busy."""
        bits = self._ask(Op.STATUS)
        flags = {flag for flag in ops.Status if bits >> flag & 1}
        if ops.Status.BUSY in flags:
            time.sleep(min(most, POLL_SECONDS))
            return None
        out_of_range = ops.Status.OUT_OF_RANGE in flags
        wrong = out_of_range or ops.Status.FAULT in flags
        return End(Status.FAULT if wrong else Status.DONE, out_of_range)

    def elapsed(self) -> float:
        """Seconds since `start`."""
        return time.monotonic() - self._started

    async def counter(self, name: str) -> int:
        """A counter of `hw.config.counters`."""
        return self._ask(Op.COUNTER, counter_index(name))

    async def write_memory(self, address: int, words: Words) -> None:
        """Write words from a word address on; the board has them when it returns."""
        self._send(Op.ADDRESS, address)
        self._write(b"".join(ARGUMENT.pack(Op.WRITE, int(word)) for word in words))
        self._ask(Op.STATUS)  # words that still wait on the line would count against the next reply's timeout

    async def read_memory(self, address: int, count: int) -> Words:
        """Read words from a word address on."""
        self._send(Op.ADDRESS, address)
        self._send(Op.READ, count)
        return np.frombuffer(self._read(WORD.size * count), "<u8").astype(np.uint64)

    def _send(self, op: Op, argument: int = 0) -> None:
        self._write(ARGUMENT.pack(op, argument))

    def _write(self, data: bytes) -> None:
        try:
            self._line.write(data)
        except serial.SerialException as error:
            raise BoardLost(f"the board is gone: {error}") from None

    def _ask(self, op: Op, argument: int = 0) -> int:
        self._send(op, argument)
        return int(WORD.unpack(self._read(WORD.size))[0])

    def _read(self, size: int) -> bytes:
        try:
            data = self._line.read(size)
        except serial.SerialException as error:
            raise BoardLost(f"the board is gone: {error}") from None
        if len(data) != size:
            raise BoardLost(f"no answer from {self._line.port} within {self._timeout:g} s: "
                            f"another port, bit rate or bitstream?")
        return data
