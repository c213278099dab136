"""The chip behind its link, in time: ifmaps on the way into the GLB, passes in the array, ofmaps on the way out.

`compiler.timeline.schedule` plays the link; each of its steps lets the classes here work until a time. They know how
far each is, as shares of a pass and words of 64 bits, and what the others have left for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compiler.mapping.cost import Rates, array_cycles, busy_together
from compiler.mapping.placement import Placement

__all__ = ["LEAST", "SOME", "ChipSide"]

# Sums of fractions of words are not exact:
SOME = 0.5  # less is no word
LEAST = 1e-3  # less is no part of a burst
NOTHING = 1e-9  # of a word, or of a cycle
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


def _blocks(placement: Placement) -> np.ndarray:
    """The first tile of each block of a job, and the tile behind the last one: an integer array (blocks + 1,)."""
    bounds = (placement.first_block + np.arange(placement.blocks.count + 1)) * placement.mapping.n
    return np.minimum(bounds, placement.all_tiles)


def _filter_groups(placement: Placement) -> Iterator[int]:
    """Filter groups of each m group of a job, and of each group of the layer in it."""
    groups = placement.filter_groups
    for m_group in range(groups.m_groups * placement.job_groups):
        yield groups.last if m_group % groups.m_groups == groups.m_groups - 1 else groups.each


def _passes(placement: Placement, given: Rates) -> Iterator[_Pass]:
    """The passes of a job in order."""
    bounds, sweeps = _blocks(placement), placement.channel_groups
    positions, words, psum_words = (
        np.diff(placement.first_tiles(measure, bounds))
        for measure in (lambda e, f: f, placement.ifmap_words, placement.psum_words))
    array = busy_together(placement.chip, *array_cycles(placement, given, positions, np.diff(bounds), words))
    work = np.maximum(given.filter_cycles, given.ramp + array)
    filters = placement.pass_words * given.filter_dram
    blocks = list(zip(work.tolist(), (given.ifmap_glb * words).tolist(), psum_words.tolist(),
                      (1 / positions).tolist(), strict=True))
    for groups in _filter_groups(placement):
        for cycles, slot, psums, first in blocks:
            for sweep in range(sweeps):
                for group in range(groups):
                    yield _Pass(cycles, slot if group == 0 else 0, slot if group == groups - 1 else 0,
                                psums if sweep == 0 else 0, psums if sweep == sweeps - 1 else 0,
                                filters, first)


class _Array:
    """The array: how far it is, given what has been loaded and drained."""

    def __init__(self, placement: Placement, given: Rates) -> None:
        chip = placement.chip
        self._passes = _passes(placement, given)
        self._capacity = (chip.glb_banks - placement.ifmap_banks) * chip.glb_bank_words
        # two banks, and the PEs' spads, which take the weights of as many passes as there is room for
        self._buffer = 2 * chip.filter_bank_words + given.filter_dram * placement.weights_ahead(chip.word_values)
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

    @property
    def filters_taken(self) -> float:
        """Filter words that may be loaded by now: this pass's go on to the PEs at once."""
        return self.taken + (self.now.filters if self.now else 0) + self._buffer

    def wait(self, ifmap: float, ofmap: float) -> float:
        """Cycles until the pass has freed `ifmap` words, or finished `ofmap` psum words, or ends."""
        if not self.now:
            return 0.0
        shares = [words / each for words, each in ((ifmap, self.now.frees), (ofmap, self.now.ends)) if each]
        return self.now.work * min([1 - self.done, *shares])

    @property
    def ifmap_dead(self) -> float:
        return self.released + (self.done * self.now.frees if self.now else 0)

    @property
    def psums_ready(self) -> float:
        return self.finished + (self.done * self.now.ends if self.now else 0)


class _Drain:
    """Finished psums on their way from the GLB to the DRAM writer's queue of `queue` words.

    The psums of a filter group in a block wait for its biases: the table is loaded before the first is drained. From
    then on a word of psums leaves in each cycle, or in as many as the run-length encoder takes for its pairs.
    """

    def __init__(self, placement: Placement, given: Rates, queue: float) -> None:
        chip = placement.chip
        self._streams = self._all_streams(placement)
        self._table, self._queue = placement.bias_words, queue
        self.word = given.ofmap_dram * chip.word_psums / chip.word_values  # of DRAM for one of psums
        self._tail = given.ofmap_dram * placement.ofmap_words(0, 1)
        self._rate = 1 / given.leaving  # psum words a cycle
        self.left: float | None = next(self._streams)  # psum words of this stream; None: there is none
        self._missing = float(self._table)  # bias words that this stream still waits for
        self.biases = self.drained = 0.0  # bias words taken, psum words gone from the GLB
        self.made = self.sent = 0.0  # words into the queue, and on the link

    @staticmethod
    def _all_streams(placement: Placement) -> Iterator[float]:
        """Psum words of each filter group of each block, in order."""
        psums = np.diff(placement.first_tiles(placement.psum_words, _blocks(placement))).tolist()
        for groups in _filter_groups(placement):
            for words in psums:
                for _ in range(groups):
                    yield words

    @property
    def waiting(self) -> float:
        """Words in the queue."""
        return self.made - self.sent

    def able(self, ready: float, biases: float) -> bool:
        """Whether anything can move, with `ready` psum words finished and `biases` words there."""
        if self.left is None:
            return False
        if self._missing > 0:
            return biases - self.biases > LEAST
        return ready - self.drained > LEAST and self._queue - self.waiting > LEAST

    def advance(self, cycles: float, ready: float, biases: float) -> None:
        """Work for some cycles with `ready` psum words finished and `biases` words there."""
        while cycles > 0 and self.left is not None:
            if self._missing > 0:
                step = min(self._missing, biases - self.biases, cycles)
                self._missing -= step
                self.biases += step
                cycles -= step
            else:
                room = (self._queue - self.waiting) / self.word
                step = min(self.left, ready - self.drained, cycles * self._rate, room)
                self.left -= step
                self.drained += step
                self.made += step * self.word
                cycles -= step / self._rate
                if self.left <= LEAST:
                    self.made += self._tail
                    self.left, self._missing = next(self._streams, None), self._table
                    continue
            if step <= NOTHING:
                break


@dataclass
class _Stream:
    """Words of DRAM of a kind: those still to be asked for, those asked for, those that have come."""

    left: float
    asked: float = 0.0
    come: float = 0.0

    @property
    def there(self) -> float:
        """Words that have come; all where none is left, as the sums that are needed are not exact."""
        return self.come if self.left > SOME or self.asked - self.come > LEAST else float("inf")


class ChipSide:
    """All of the chip but the link.

    Parameters
    ----------
    placement : Placement
        A job.
    given : Rates
    dram : dict of str to float
        Words of the job by kind.
    burst : float
        Words of a burst; biases, ifmaps and ofmaps each have a queue of two between the link and the rest.

    Attributes
    ----------
    array, drain
    streams : dict of str to _Stream
        Of biases, filters and ifmaps.
    """

    def __init__(self, placement: Placement, given: Rates, dram: dict[str, float], burst: float) -> None:
        chip = placement.chip
        self._burst, self._queue = burst, 2 * burst
        self.array = _Array(placement, given)
        self.drain = _Drain(placement, given, self._queue)
        self.streams = {kind: _Stream(dram[kind]) for kind in ("bias", "filter", "ifmap")}
        self._ring = placement.ifmap_banks * chip.glb_bank_words
        self._shrink = float(given.ifmap_dram / given.ifmap_glb)  # words of DRAM for one of the GLB
        self._arrival = float(given.arrival)
        self._ifmaps = 0.0  # words that have come into the GLB

    @property
    def running(self) -> bool:
        """Whether passes or ofmaps are still to come."""
        return self.array.now is not None or self.drain.left is not None

    @property
    def _ifmaps_queued(self) -> float:
        """Ifmap words of DRAM asked for that are not in the GLB."""
        return self.streams["ifmap"].asked - self._shrink * self._ifmaps

    @property
    def _ring_free(self) -> float:
        return self.array.ifmap_dead + self._ring - self._ifmaps

    def room(self, kind: str) -> float:
        """Words of a kind that may be asked for."""
        if kind == "filter":
            return self.array.filters_taken - self.streams[kind].asked
        if kind == "ifmap":
            return self._queue - self._ifmaps_queued
        return self._queue - (self.streams[kind].asked - self.drain.biases)

    def advance(self, until: float) -> None:
        """Work until a time, first what comes first on a word's way."""
        cycles = until - self.array.since
        ifmap = self.streams["ifmap"].there / self._shrink
        self._ifmaps = max(self._ifmaps, min(ifmap, self._ifmaps + self._ring_free,
                                             self._ifmaps + cycles / self._arrival))
        self.array.advance(until, self._ifmaps, self.streams["filter"].there, self.drain.drained)
        self.drain.advance(cycles, self.array.psums_ready, self.streams["bias"].there)

    def quiet(self) -> float:
        """Cycles for which nothing but the array moves, about."""
        if self.drain.able(self.array.psums_ready, self.streams["bias"].there):
            return 0.0
        if self._ifmaps_queued > LEAST and self._ring_free > LEAST:
            return 0.0
        ifmap = (self._ifmaps_queued - self._burst) / self._shrink
        return self.array.wait(max(0.0, ifmap) if self.streams["ifmap"].left > LEAST else float("inf"),
                               max(0.0, self._burst - self.drain.waiting) / self.drain.word)
