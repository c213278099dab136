"""What a host can do with a chip, whatever lies between them: a bus, a serial line, a simulator.

Methods are coroutines, as a driver in a simulation must let the simulator go on. A driver that blocks instead never
suspends, and `host.jobs.complete` runs what uses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ChipDriver", "Driver", "End", "Patience", "Status", "Words"]

#: 64-bit words of the chip's memory, one dimension.
Words = NDArray[np.uint64]


class Status(StrEnum):
    """How a job or a layer ended."""

    DONE = "done"
    FAULT = "fault"  # the chip or its memory found an error
    HANG = "hang"  # no progress, or too many cycles
    MALFORMED = "malformed"  # done, but the ofmap in memory is no run-length coded stream
    NOT_RUN = "not run"  # a job before it did not end well


@dataclass(frozen=True)
class End:
    """The end of a job as the driver sees it.

    Attributes
    ----------
    status : DONE or FAULT
    out_of_range : bool
        The chip addressed a word that its memory does not have.
    bus_broken : bool
        The chip broke a rule of the bus to its memory.
    """

    status: Status
    out_of_range: bool = False
    bus_broken: bool = False


@dataclass(frozen=True)
class Patience:
    """How long a job may take, in the unit of the driver's `elapsed`, until it counts as a hang.

    Attributes
    ----------
    idle : float
        Time without a step of the counter `mac_cycles`.
    total : float
    """

    idle: float
    total: float = inf


class ChipDriver(Protocol):
    """Runs jobs; the memory is somebody else's."""

    async def reset(self) -> None:
        """Reset the chip, its configuration and its counters."""

    async def configure(self, bits: Sequence[int]) -> None:
        """Load the scan chain; the first bit is the first to be shifted in."""

    async def start(self) -> None:
        """Start the job that is configured."""

    async def wait(self, most: float) -> End | None:
        """Wait for the job's end, but no longer than `most` or the driver's polling interval; None if still busy."""

    def elapsed(self) -> float:
        """Time since `start`, in the driver's own unit."""

    async def counter(self, name: str) -> int | None:
        """A counter's value, also of a job that has not ended; None if the chip does not tell."""


class Driver(ChipDriver, Protocol):
    """Runs jobs and reaches the memory that the chip works on."""

    async def write_memory(self, address: int, words: Words) -> None:
        """Write words from a word address on."""

    async def read_memory(self, address: int, count: int) -> Words:
        """Read words from a word address on."""
