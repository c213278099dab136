"""What goes over a board's serial line: nine bytes of command, eight bytes of reply."""

from enum import IntEnum

from . import ChipConfig
from .registers import constants

__all__ = ["Op", "Status", "parameters"]


class Op(IntEnum):
    """A command's first byte; an argument of 8 bytes follows, lowest first, but after NOP."""

    NOP = 0  # alone: as many as one likes bring both sides back in step
    PARAMETER = ord("P")  # reply: that number of `parameters`
    ADDRESS = ord("A")  # of the next memory word
    WRITE = ord("W")  # this into the next memory word
    READ = ord("R")  # reply: so many memory words, one after another
    CONFIG = ord("C")  # 32 bits into the scan chain
    START = ord("S")
    STATUS = ord("T")  # reply: bits of Status
    COUNTER = ord("N")  # reply: the counter of this number
    RESET = ord("X")  # the chip, its configuration, its counters


class Status(IntEnum):
    """Bits of a STATUS reply."""

    BUSY = 0
    DONE = 1
    FAULT = 2
    OUT_OF_RANGE = 3  # the chip asked for a word that the memory does not have


def parameters(chip: ChipConfig, memory_words: int) -> dict[str, int]:
    """By which a host knows a board, in order of their numbers."""
    names = ("IDENTITY", "ARRAY", "SPADS", "GLB", "FILTER_BANKS", "SCAN_BITS", "BURST_WORDS")
    return {name: constants(chip)[name] for name in names} | {"MEMORY_WORDS": memory_words}
