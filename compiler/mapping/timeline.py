"""A layer's passes in time: the array, the link and the buffers between them, burst by burst.

`compiler.mapping.cost` says how long each resource is busy; the timeline says how long the layer takes when
resources stall each other: loads that cannot run ahead, ofmaps that drain after the last MAC, full buffers.
It is deterministic and plays some ten thousand bursts a second; the search refines its best candidates with it, and
docs/model.md compares it with the RTL.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .cost import Rates, array_cycles, busy_together, costs, rates
from .density import Density
from .placement import Placement

__all__ = ["Timeline", "schedule"]

LATENCY = 60  # core cycles from a command to its first word in a buffer, and from the last word to done: RTL
QUEUED_BURSTS = 2  # bursts of ofmaps that the DRAM writer's queue holds
# Bursts of filters for one of ifmaps while there is room for both: of the eight that may be on their way, two may be
# of ifmaps, as their queue holds no more. RTL: between one and three, as the filters' buffer is full or empty.
FILTERS_AHEAD = 2
# These keep the run time of a timeline below a second or two:
STEPS = 20_000  # bursts of a layer: a layer of more is played in larger bursts than the chip's ...
LARGEST_BURST = 12  # ... of up to 12 of the chip's
LONG = 100_000  # a layer of more passes and bursts is not played, as its start and end hardly count
# A timeline makes no progress if it takes more than 10 times the busiest resource's cycles and a million besides.
STUCK, STUCK_BESIDE = 10, 1e6
# Sums of fractions of words are not exact:
SOME = 0.5  # less is no word
LEAST = 1e-3  # less is no part of a burst
DONE = 1 - 1e-9  # of a pass


@dataclass
class _Pass:
    """A processing pass; words are of 64 bits.

    Attributes
    ----------
    work : core cycles of the array.
    ifmap : words that it needs of the slot; 0 if an earlier pass read the slot.
    frees : words of the slot that it is the last to read.
    starts, ends : psum words that it writes for the first time, and that it finishes.
    filters : words of weights, as they are in the filter banks.
    first : share of its first position in the work.
    """

    work: float
    ifmap: float
    frees: float
    starts: float
    ends: float
    filters: float
    first: float


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


def _passes(placement: Placement, given: Rates) -> Iterator[_Pass]:
    """The passes of a job in order."""
    groups, sweeps = placement.filter_groups, placement.channel_groups
    bounds = (placement.first_block + np.arange(placement.blocks.count + 1)) * placement.mapping.n
    bounds = np.minimum(bounds, placement.all_tiles)
    tiles = np.diff(bounds)
    positions, words, psum_words = (
        np.diff(placement.first_tiles(measure, bounds))
        for measure in (lambda e, f: f, placement.ifmap_words, placement.psum_words))
    array = busy_together(placement.chip, *array_cycles(placement, given, positions, tiles, words))
    work = np.maximum(given.filter_cycles, given.ramp + array)
    filters = placement.pass_words * given.filter_dram
    blocks = list(zip(work.tolist(), (given.ifmap_glb * words).tolist(), psum_words.tolist(),
                      (1 / positions).tolist(), strict=True))
    for m_group in range(groups.m_groups * placement.job_groups):
        last_group = (groups.last if m_group == groups.m_groups - 1 else groups.each) - 1
        for cycles, slot, psums, first in blocks:
            for sweep in range(sweeps):
                for group in range(last_group + 1):
                    yield _Pass(cycles, slot if group == 0 else 0, slot if group == last_group else 0,
                                psums if sweep == 0 else 0, psums if sweep == sweeps - 1 else 0,
                                filters, first)


class _Machine:
    """The array's side: how far it is, given what has been loaded and drained."""

    def __init__(self, placement: Placement, given: Rates) -> None:
        chip = placement.chip
        self._passes = _passes(placement, given)
        self._capacity = (chip.glb_banks - placement.ifmap_banks) * chip.glb_bank_words
        spads = min(placement.weights_ahead(chip.word_values), placement.pass_words)
        self._buffer = 2 * chip.filter_bank_words + given.filter_dram * spads  # two banks, and the PEs' spads
        self.now: _Pass | None = next(self._passes)
        self.done = 0.0  # share of the current pass
        self.fetched = self.released = self.taken = 0.0  # ifmap words needed so far, dead; filter words needed
        self.started = self.finished = 0.0  # psum words
        self.working, self.since = 0.0, 0.0

    def advance(self, until: float, ifmap: float, filters: float, drained: float) -> None:
        """Work until a time, with `ifmap` and `filters` words loaded and `drained` psum words gone from the GLB."""
        time = self.since
        while self.now and time < until:
            # the share of the pass that can be done with these words; its first position waits for the weights
            limit = 1.0
            if filters < self.taken + self.now.filters:
                limit = self.now.first * max(0.0, filters - self.taken) / self.now.filters
            if self.now.ifmap:
                limit = min(limit, (ifmap - self.fetched) / self.now.ifmap)
            if self.now.starts:
                limit = min(limit, (drained + self._capacity - self.started) / self.now.starts)
            able = (limit - self.done) * self.now.work
            step = min(able, until - time)
            if step <= 0:
                break
            self.done += step / self.now.work
            self.working += step
            time += step
            if self.done >= DONE:
                self.taken += self.now.filters
                self.fetched += self.now.ifmap
                self.released += self.now.frees
                self.started += self.now.starts
                self.finished += self.now.ends
                self.now, self.done = next(self._passes, None), 0.0
        self.since = until

    def room_for_filters(self) -> float:
        """Filter words that may be loaded by now: this pass's go on to the PEs at once."""
        return self.taken + (self.now.filters if self.now else 0) + self._buffer

    def wait(self, ifmap: float, ofmap: float) -> float:
        """Cycles until the pass has freed `ifmap` words, or finished `ofmap` psum words, or ends."""
        if not self.now:
            return 0.0
        shares = [words / each for words, each in ((ifmap, self.now.frees), (ofmap, self.now.ends)) if each]
        return self.now.work * min([1 - self.done, *shares])

    def ifmap_dead(self) -> float:
        return self.released + (self.done * self.now.frees if self.now else 0)

    def psums_ready(self) -> float:
        return self.finished + (self.done * self.now.ends if self.now else 0)


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
    machine = _Machine(placement, given)
    per_word = chip.core_mhz / chip.link_mhz
    ring = placement.ifmap_banks * chip.glb_bank_words
    # Words of DRAM for each word of the GLB, and of the filters' banks.
    shrink = {"filter": 1.0, "ifmap": given.ifmap_dram / float(given.ifmap_glb),
              "ofmap": given.ofmap_dram * chip.word_psums / chip.word_values}
    left = {"filter": costed.dram["filter"], "ifmap": costed.dram["ifmap"], "ofmap": float("inf")}
    loaded = {"filter": 0.0, "ifmap": 0.0}  # in words of their buffers
    limit = STUCK * costed.cycles + STUCK_BESIDE
    drained, time, turn = 0.0, float(LATENCY), 0
    order = FILTERS_AHEAD * ("filter",) + ("ifmap", "ofmap")
    while machine.now or machine.psums_ready() - drained > SOME:
        there = {kind: words if left[kind] > SOME else float("inf") for kind, words in loaded.items()}
        gone = drained + QUEUED_BURSTS * burst / shrink["ofmap"]  # from the GLB
        machine.advance(time, there["ifmap"], there["filter"], gone)
        room = {
            "filter": machine.room_for_filters() - loaded["filter"],
            "ifmap": (machine.ifmap_dead() + ring - loaded["ifmap"]) * shrink["ifmap"] + burst,
            "ofmap": (machine.psums_ready() - drained) * shrink["ofmap"],
        }
        for distance in range(len(order)):
            place = (turn + distance) % len(order)
            kind = order[place]
            words = min(burst, left[kind])
            if kind == "ofmap" and not machine.now:
                words = min(words, room[kind])  # the rest of all
            if words > LEAST and room[kind] >= words:
                break
        else:  # nothing may move: let the array work
            lacks = {kind: (burst - room[kind]) / shrink[kind] if left[kind] > LEAST else float("inf")
                     for kind in ("ifmap", "ofmap")}
            time += max(burst, machine.wait(**lacks))
            if time > limit:  # the sketch of the buffers is stuck where the chip is not: its busiest resource then
                return Timeline(costed.cycles, machine.working)
            continue
        turn = (place + 1) % len(order)
        left[kind] -= words
        time += words * per_word
        if kind == "ofmap":
            drained += words / shrink[kind]
        else:
            loaded[kind] += words / shrink[kind]
    return Timeline(max(time, machine.since) + LATENCY, machine.working)
