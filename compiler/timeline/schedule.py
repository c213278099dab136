"""A layer's passes in time: the array, the link and the buffers between them, burst by burst.

`compiler.mapping.cost` says how long each resource is busy; the timeline says how long the layer takes when
resources stall each other: loads that cannot run ahead, ofmaps that drain after the last MAC, full buffers.
It is deterministic and plays some hundred thousand bursts a second; the search refines its best candidates with it,
and docs/model.md compares it with the RTL.
"""

from collections import deque
from dataclasses import dataclass

from compiler.mapping.cost import costs, rates
from compiler.mapping.density import Density
from compiler.mapping.placement import Placement

from .chip_side import LEAST, SOME, ChipSide

__all__ = ["Timeline", "schedule"]

# Of the chip (`hw.dram`, `hw.kit.crossing`) and of the DRAM model:
SOURCES = ("bias", "filter", "ifmap", "ofmap")  # whom the arbiter serves in turn
READS_AHEAD = 8  # bursts to be read that may be on their way
# Link cycles, and core cycles, from a command to its first word on the link: two clock crossings of about two cycles
# each, and eight cycles of the DRAM for a read
READ_LATENCY, WRITE_LATENCY = (10, 4), (3, 3)
PUSHED = 0.5  # share of a burst of ofmaps that has left when the next may be asked for: the rest is in the crossing
ENDS = 20  # core cycles from start to the first command, and from the last word to done
# These keep the run time of a timeline below a second or two:
STEPS = 20_000  # bursts of a layer: a layer of more is played in larger bursts than the chip's ...
LARGEST_BURST = 12  # ... of up to 12 of the chip's
LONG = 100_000  # a layer of more passes and bursts is not played, as its start and end hardly count
# A timeline makes no progress if it takes more than 10 times the busiest resource's cycles and a million besides.
STUCK, STUCK_BESIDE = 10, 1e6


@dataclass(frozen=True)
class Timeline:
    """Core cycles of a job.

    Attributes
    ----------
    cycles : float
        From start to done.
    working : float
        Those in which the array works.
    """

    cycles: float
    working: float


class _Link:
    """The arbiter, commands on their way, and the burst on the link.

    A command goes out as soon as its buffer has room for all of its words; words come in the order of commands.
    """

    def __init__(self, side: ChipSide, burst: float, core_per_link: float) -> None:
        self._side, self._burst, self._per_word = side, burst, core_per_link
        self._latency = {"read": READ_LATENCY[0] * core_per_link + READ_LATENCY[1],
                         "write": WRITE_LATENCY[0] * core_per_link + WRITE_LATENCY[1]}
        self._commands: deque[tuple[str, float, float]] = deque()  # kind, words, earliest time of the first one
        self._reads, self._turn = 0, 0
        self._free_writer = 0.0  # from when on ofmaps may be asked for; infinite while a command of theirs waits
        self.ends: float | None = None  # of the burst on the link

    @property
    def busy(self) -> bool:
        return self.ends is not None or bool(self._commands)

    def ask(self, time: float) -> None:
        """Send all commands that may go out."""
        while found := self._next(time):
            kind, words = found
            self._turn = (SOURCES.index(kind) + 1) % len(SOURCES)
            if kind == "ofmap":
                self._free_writer = float("inf")
                self._commands.append((kind, words, time + self._latency["write"]))
            else:
                self._reads += 1
                stream = self._side.streams[kind]
                stream.asked += words
                stream.left -= words
                self._commands.append((kind, words, time + self._latency["read"]))

    def _next(self, time: float) -> tuple[str, float] | None:
        """The next source in turn that may ask for a burst, and its words."""
        side, burst = self._side, self._burst
        for distance in range(len(SOURCES)):
            kind = SOURCES[(self._turn + distance) % len(SOURCES)]
            if kind == "ofmap":
                waiting = side.drain.waiting
                if time >= self._free_writer and (waiting >= burst - LEAST or waiting > SOME and not side.running):
                    return kind, min(burst, waiting)
            elif self._reads < READS_AHEAD and (left := side.streams[kind].left) > LEAST:
                words = min(burst, left)
                if side.room(kind) >= words - LEAST:
                    return kind, words
        return None

    def start(self, time: float) -> None:
        """Begin the next burst if the link is free and the first word is there."""
        if self.ends is not None or not self._commands or self._commands[0][2] > time:
            return
        kind, words, _ = self._commands.popleft()
        self.ends = time + words * self._per_word
        if kind == "ofmap":
            self._side.drain.sent += words
            self._free_writer = time + PUSHED * words * self._per_word
        else:
            self._side.streams[kind].come += words
            self._reads -= 1

    def until(self, time: float) -> float:
        """Cycles to the next event on the link; only while `busy`."""
        return (self._commands[0][2] if self.ends is None else self.ends) - time


def schedule(placement: Placement, density: Density | None = None) -> Timeline:
    """Play the passes and bursts of a job: of the first of a placement, as all are alike.

    Parameters
    ----------
    density : Density, optional
        Of the fmaps: RLC shrinks them, and PEs may skip zeros.
    """
    density, chip = density or Density(), placement.chip
    placement = placement.each_job()[0]
    costed, given = costs(placement, density), rates(placement, density)
    traffic = sum(costed.dram.values())
    burst = min(max(chip.burst_words, traffic / STEPS), LARGEST_BURST * chip.burst_words)
    if placement.passes + traffic / burst > LONG:
        return Timeline(costed.cycles, costed.cycles)
    side = ChipSide(placement, given, costed.dram, burst)
    link = _Link(side, burst, chip.core_mhz / chip.link_mhz)
    limit = STUCK * costed.cycles + STUCK_BESIDE
    time = float(ENDS)
    while side.running or side.drain.waiting > SOME or link.busy:
        link.ask(time)
        link.start(time)
        # a burst takes several steps, so that commands go out soon after there is room
        time += min(burst, link.until(time)) if link.busy else max(burst, side.quiet())
        side.advance(time)
        if link.ends is not None and time >= link.ends:
            link.ends = None
        if time > limit:  # the sketch of the buffers is stuck where the chip is not: its busiest resource then
            return Timeline(costed.cycles, side.array.working)
    return Timeline(time + ENDS, side.array.working)
