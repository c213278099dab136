"""A layer's passes in time: the array, the link and the buffers between them, burst by burst.

`compiler.mapping.cost` says how long each resource is busy; this says how long the layer takes when each waits
for the others: what cannot be loaded ahead, ofmaps that leave after the last MAC, buffers that are full.
Deterministic and quick (some ten thousand bursts a second of run time); the mapper refines its best
candidates with it, and docs/model.md holds it to the RTL.
"""

from dataclasses import dataclass

import numpy as np

from .cost import Density, busy_together, costs, decoder_cycles, filter_bus_words, unpadded
from .mapping import Placement

__all__ = ["Timeline", "schedule"]

LATENCY = 60  # core cycles from a command to its first word in a buffer, and from the last word to done
STEPS = 20_000
LONG = 100_000  # passes and bursts of a layer whose timeline is not played


@dataclass
class _Pass:
    """A processing pass: `work` cycles of the array, and the words that go with it."""

    work: float
    ifmap: float  # words it needs of the slot, 0 if the slot was read before
    frees: float  # words of the slot that it is the last to read
    starts: float  # psum words that it writes for the first time
    ends: float  # psum words that it finishes
    filters: int
    first: float  # its first position's share of the work


@dataclass(frozen=True)
class Timeline:
    """What `schedule` finds, in core cycles: from start to done, and those in which the array works."""

    cycles: float
    working: float


def _passes(placement, density):
    """The passes of a native layer in order."""
    layer, mp, chip = placement.layer, placement.mapping, placement.chip
    m_groups, each, last = placement.filter_groups
    whole = costs(layer, chip, mp.as_dict(), density)
    ramp = float(whole.ramp) / float(whole.passes)
    share = float(whole.by_resource["pe"]) * placement.active_pes / float(whole.macs)  # 1 but where zeros are skipped
    shrink = Density.coded(density.ifmap * unpadded(layer)) if mp.coded else 1.0  # of ifmaps in the GLB
    per_position = share * mp.p * mp.q * layer.S
    per_column = placement.rows * mp.r * -(-mp.q // chip.ifmap_bus_values)  # bus words
    filters = filter_bus_words(layer, chip, mp.p, mp.q, mp.r, mp.t)
    decoding = decoder_cycles(density.ifmap * unpadded(layer)) if mp.coded else 0.0
    bounds = (placement.first_block + np.arange(placement.blocks[0] + 1)) * mp.n
    bounds = np.minimum(bounds, placement.all_tiles)
    columns, words, psum_words = (
        np.diff(placement.first_tiles(measure, bounds)).tolist()
        for measure in (lambda e, f: f, placement.ifmap_words, placement.psum_words))
    tiles = np.diff(bounds).tolist()
    for m_group in range(m_groups):
        groups = last if m_group == m_groups - 1 else each
        for block, count in enumerate(tiles):
            spread = columns[block] * layer.V + count * (layer.S - layer.V)
            ifmaps = max(per_column * spread, decoding * words[block])
            psums = mp.t * mp.e * -(-mp.p // chip.psum_bus_values) * columns[block]
            work = max(filters, ramp + float(busy_together(chip, per_position * columns[block], ifmaps, psums)))
            slot, psums = shrink * words[block], psum_words[block]
            for sweep in range(placement.channel_groups):
                for group in range(groups):
                    yield _Pass(work, slot if group == 0 else 0, slot if group == groups - 1 else 0,
                                psums if sweep == 0 else 0,
                                psums if sweep == placement.channel_groups - 1 else 0, placement.pass_words,
                                1 / columns[block])


class _Machine:
    """The array's side: how far it is, given what has been loaded and drained."""

    def __init__(self, placement, density):
        self._passes = _passes(placement, density)
        self._capacity = (placement.chip.glb_banks - placement.ifmap_banks) * placement.chip.glb_bank_words
        chip, mp = placement.chip, placement.mapping
        spare = (chip.filter_spad_words - mp.p * mp.q * placement.layer.S) // 4 * placement.layer.R * mp.r * mp.t
        self._buffer = 2 * chip.filter_bank_words + min(spare, placement.pass_words)  # banks, and the PEs' spads
        self.now = next(self._passes)
        self.done = 0.0  # of the pass at hand
        self.fetched = self.released = self.taken = 0.0  # ifmap words needed so far, dead; filter words needed
        self.started = self.finished = 0.0  # psum words
        self.working, self.since = 0.0, 0.0

    def advance(self, until, ifmap, filters, drained):
        """Work until a time, with so many ifmap and filter words there and psum words gone from the GLB."""
        time = self.since
        while self.now and time < until:
            # how far the pass can get with what is there; its first position takes the weights as they come
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
            if self.done >= 1 - 1e-9:
                self.taken += self.now.filters
                self.fetched += self.now.ifmap
                self.released += self.now.frees
                self.started += self.now.starts
                self.finished += self.now.ends
                self.now, self.done = next(self._passes, None), 0.0
        self.since = until

    def room_for_filters(self):
        """Filter words that may have been loaded by now: the PEs take this pass's as they come."""
        return self.taken + (self.now.filters if self.now else 0) + self._buffer

    def wait(self, ifmap, ofmap):
        """Cycles until the pass has freed so many ifmap words, or finished so many psum words, or ends."""
        if not self.now:
            return 0.0
        shares = [words / each for words, each in ((ifmap, self.now.frees), (ofmap, self.now.ends)) if each]
        return self.now.work * min([1 - self.done, *shares])

    def ifmap_dead(self):
        return self.released + (self.done * self.now.frees if self.now else 0)

    def psums_ready(self):
        return self.finished + (self.done * self.now.ends if self.now else 0)


def schedule(placement: Placement, density: Density | None = None) -> Timeline:
    """Play a placement's passes and bursts.

    Parameters
    ----------
    density : Density, optional
        Of the fmaps, for what RLC makes of them.
    """
    density, chip, layer = density or Density(), placement.chip, placement.layer
    costed = costs(layer, chip, placement.mapping.as_dict(), density)
    # Real bursts where they are few; of a long layer larger ones, so that none takes more than a second or two.
    burst = min(max(chip.burst_words, float(sum(costed.dram.values())) / STEPS), 12 * chip.burst_words)
    if placement.passes + float(sum(costed.dram.values())) / burst > LONG:  # what begins and ends does not count
        return Timeline(float(costed.cycles), float(costed.cycles))
    machine = _Machine(placement, density)
    per_word = chip.core_mhz / chip.link_mhz
    ring = placement.ifmap_banks * chip.glb_bank_words
    shrink = {kind: float(costed.dram[kind]) / max(1.0, raw) for kind, raw in (
        ("ifmap", float(costed.glb["ifmap"]) / max(1, -(-layer.M // placement.group)) * placement.filter_groups[0]),
        ("ofmap", float(costed.glb["psum_read"]) / placement.channel_groups))}
    left = {"filter": float(costed.dram["filter"]), "ifmap": float(costed.dram["ifmap"]),
            "ofmap": float("inf")}
    loaded = {"filter": 0.0, "ifmap": 0.0}  # in words of their buffers
    limit = 10 * float(costed.cycles) + 1e6
    drained, time, turn = 0.0, float(LATENCY), 0
    order = ("filter", "ifmap", "ofmap")
    while machine.now or machine.psums_ready() - drained > 0.5:
        there = {kind: words if left[kind] > 0.5 else float("inf") for kind, words in loaded.items()}
        gone = drained + 2 * burst / shrink["ofmap"]  # from the GLB: the writer's queue holds two bursts
        machine.advance(time, there["ifmap"], there["filter"], gone)
        room = {
            "filter": machine.room_for_filters() - loaded["filter"],
            "ifmap": (machine.ifmap_dead() + ring - loaded["ifmap"]) * shrink["ifmap"] + burst,
            "ofmap": (machine.psums_ready() - drained) * shrink["ofmap"],
        }
        for distance in range(3):
            kind = order[(turn + distance) % 3]
            words = min(burst, left[kind])
            if kind == "ofmap" and not machine.now:
                words = min(words, room[kind])  # the rest of all
            if words > 1e-3 and room[kind] >= words:
                break
        else:  # nothing may move: let the array work
            lacks = {kind: (burst - room[kind]) / shrink[kind] if left[kind] > 1e-3 else float("inf")
                     for kind in ("ifmap", "ofmap")}
            time += max(burst, machine.wait(**lacks))
            if time > limit:  # the sketch of the buffers is stuck where the chip is not: its busiest resource then
                return Timeline(float(costed.cycles), machine.working)
            continue
        turn = (order.index(kind) + 1) % 3
        left[kind] -= words
        time += words * per_word
        if kind == "ofmap":
            drained += words / shrink["ofmap"]
        else:
            loaded[kind] += words / (shrink["ifmap"] if kind == "ifmap" else 1.0)
    return Timeline(max(time, machine.since) + LATENCY, machine.working)
