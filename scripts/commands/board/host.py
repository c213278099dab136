"""A board's serial line, host side: `hw.shell.serial.device` says what goes over it."""

import struct
import time

import numpy as np
import serial

from hw.config import scan_words
from hw.config.counters import COUNTERS, counter_index
from hw.config.serial_ops import Op, Status, parameters
from scripts.terminal.console import BadInput

__all__ = ["BoardHost", "BoardLost"]

ARGUMENT = struct.Struct("<BQ")
WORD = struct.Struct("<Q")
CHUNK = 256  # words at once, between two steps of a progress bar


class BoardLost(Exception):
    """No answer, or not the one that makes sense, in one line."""


class BoardHost:
    """Commands by name.

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
    BadInput
        There is no such device, or it cannot be opened so.
    """

    def __init__(self, port, *, baud, timeout=5.0):
        try:
            self._line = serial.Serial(port, baud, timeout=timeout, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise BadInput(f"--port must be a serial device that can be opened: {error}") from None
        self._timeout = timeout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._line.close()

    def synchronise(self):
        """Whatever was on its way is over after this."""
        self._line.write(bytes(9))  # ends a command of which a part had come
        time.sleep(0.05)
        self._line.reset_input_buffer()

    def check(self, chip):
        """The board must have this chip.

        Returns
        -------
        int
            64-bit words of its memory.
        """
        expected = parameters(chip, 0)
        found = {name: self._ask(Op.PARAMETER, number) for number, name in enumerate(expected)}
        if found["IDENTITY"] != expected["IDENTITY"]:
            raise BoardLost(f"what answers is no Eyeriss: identity 0x{found['IDENTITY']:X}, "
                            f"not 0x{expected['IDENTITY']:X}")
        for name in list(expected)[:-1]:
            if found[name] != expected[name]:
                raise BadInput(f"--chip must be what the board holds: its {name} is 0x{found[name]:X}, "
                               f"that of {chip.name} is 0x{expected[name]:X}")
        return found["MEMORY_WORDS"]

    def reset(self):
        self._send(Op.RESET)

    def configure(self, bits):
        """Load the scan chain."""
        for word in scan_words(bits):
            self._send(Op.CONFIG, word)

    def start(self):
        self._send(Op.START)

    def status(self):
        """The set bits of Status."""
        bits = self._ask(Op.STATUS)
        return {status for status in Status if bits >> status & 1}

    def counter(self, name):
        return self._ask(Op.COUNTER, counter_index(name))

    def counters(self):
        return {name: self.counter(name) for name in COUNTERS}

    def put(self, address, words, progress):
        """Write memory; `progress` is called with the number of words done."""
        self._send(Op.ADDRESS, address)
        for first in range(0, len(words), CHUNK):
            chunk = words[first:first + CHUNK]
            self._line.write(b"".join(ARGUMENT.pack(Op.WRITE, int(word)) for word in chunk))
            self._line.flush()
            progress(first + len(chunk))

    def get(self, address, count, progress):
        """Read memory: uint64."""
        words = np.empty(count, np.uint64)
        self._send(Op.ADDRESS, address)
        for first in range(0, count, CHUNK):
            size = min(CHUNK, count - first)
            self._send(Op.READ, size)
            words[first:first + size] = np.frombuffer(self._read(8 * size), "<u8")
            progress(first + size)
        return words

    def _send(self, op, argument=0):
        try:
            self._line.write(ARGUMENT.pack(op, argument))
        except serial.SerialException as error:
            raise BoardLost(f"the board is gone: {error}") from None

    def _ask(self, op, argument=0):
        self._send(op, argument)
        return WORD.unpack(self._read(WORD.size))[0]

    def _read(self, size):
        try:
            data = self._line.read(size)
        except serial.SerialException as error:
            raise BoardLost(f"the board is gone: {error}") from None
        if len(data) != size:
            raise BoardLost(f"no answer from {self._line.port} within {self._timeout:g} s: "
                            f"another port, bit rate or bitstream?")
        return data
