"""Finding a mapping: all layouts of PE sets on the array, all tilings of the best of them.

A mapping is a layout (e, p, q, r, t) that fits array and spads, and a tiling (f, n, m) that fits the
GLB. `limits` says what fits, `cost` ranks what does, a hundred thousand mappings at a time, and `timeline` chooses
among the best.
"""

from dataclasses import dataclass, replace
from itertools import product
from types import SimpleNamespace

import numpy as np

from hw.config import ChipConfig, field_limits
from hw.config.fields import ADDRESS_BITS

from .cost import Costs, costs, unpadded
from .energy import EnergyTable
from .limits import Sizes, least_dram_words, up
from .lowering import NativeLayer
from .mapping import Mapping, MappingError, Placement
from .timeline import schedule

__all__ = ["OBJECTIVES", "SLACK", "Found", "find_mapping", "search", "timed_costs"]

LISTED = 8000  # layouts that are tried with some tilings, the best by a bound on their cycles first
KEPT = 300  # of these, layouts that are tried with all tilings
FEW = 4  # filters, as groups of the largest p, of which p need not be a multiple of four
PLAYED = 4  # candidates whose timelines decide
SLACK = 1.03  # latencies this close to the best count as equal: then the least energy of DRAM and GLB decides
OBJECTIVES = ("latency", "energy", "dram")
NAMES = "m n e f p q r t coded".split()
LAYOUT = "e p q r t".split()


@dataclass(frozen=True)
class Found:
    """A mapping, its costs, and the best one of another layout with its costs, if any.

    The costs' cycles are those of the timeline (`compiler.mapping.timeline`), not just of the busiest resource.
    """

    mapping: Mapping
    costs: Costs
    runner_up: Mapping | None
    runner_up_costs: Costs | None
    tried: int


class _Shortage:
    """What keeps mappings from fitting: of all that was too much, what was so by the least factor."""

    def __init__(self, chip):
        self._chip, self._nearest = chip, (float("inf"), "the array holds no PE set")

    def keep(self, limits, count):
        """Of `count` candidates those that are within `limits`: a mask."""
        fits = np.ones(count, bool)
        for value, most, what in limits:
            within = fits & (value <= most)
            if not within.any():
                self.note(int(np.min(np.broadcast_to(value, count)[fits])), most, what)
                return within
            fits = within
        return fits

    def note(self, value, most, what):
        text = f"{what} is {value} at least, chip {self._chip.name} has {most}"
        self._nearest = min(self._nearest, (value / most, text))

    def error(self):
        return MappingError(f"no mapping fits: {self._nearest[1]}")


def _cuts(total, most, kept):
    """Sizes that cut `total` into equal parts, the last a little smaller: the largest of at most `most` first.

    Of more than `kept`, the smaller ones are thinned out; the smallest, 1, stays.
    """
    counts = np.unique(up(total, np.arange(1, min(total, most) + 1)))
    sizes = np.unique(up(total, counts))[::-1]
    if len(sizes) > kept:
        sizes = sizes[np.unique(np.geomspace(1, len(sizes), kept).round().astype(int)) - 1]
    return sizes


def _layouts(layer: NativeLayer, chip: ChipConfig, short):
    """Arrays of (e, p, q, r, t) that the array and the spads can hold.

    p leaves a third of the psum spad free: with less the PEs wait for psums to leave before they can start
    a position (RTL: 4 to 40 cycles a position with p = 24 of 24).
    """
    found, sets = [], {}
    for q in range(1, min(layer.C, chip.ifmap_spad_words // layer.S) + 1):
        most_p = min(layer.M, max(1, 2 * chip.psum_spad_words // 3), chip.filter_spad_words // (q * layer.S))
        rs = _cuts(up(layer.C, q), chip.rows // layer.R, chip.rows)
        ps = {most_p, *range(4, most_p + 1, 4)}
        if layer.M <= FEW * most_p:  # with more filters, those that fill up the last group hardly count
            ps |= set(_cuts(layer.M, most_p, most_p).tolist())
        for p, r in product(sorted(ps - {0}), rs.tolist()):
            slots = chip.rows // (r * layer.R)
            if slots not in sets:
                sets[slots] = _sets(layer, chip, slots)
            e, t = sets[slots]
            groups = up(up(layer.M, p), t)
            # of the sets that make as many groups, the fewest
            fewest = np.append(True, (e[1:] != e[:-1]) | (groups[1:] != groups[:-1]))
            fewest &= up(p, 4) * t <= chip.bias_words
            e, t = e[fewest], t[fewest]
            found.append(np.column_stack([e, *np.broadcast_arrays(p, q, r, e)[:3], t]))
    table = np.concatenate(found) if found else np.empty((0, len(LAYOUT)), int)
    sizes = Sizes(layer, SimpleNamespace(**dict(zip(LAYOUT, table.T, strict=True))), chip)
    return table[short.keep(sizes.array_limits(), len(table))] if len(table) else table


def _sets(layer, chip, slots):
    """(e, t) of the sets that go into `slots` stacks, by e, then t."""
    pairs = []
    for e in _cuts(layer.E, chip.columns * slots, chip.columns * slots).tolist():
        segments = up(e, chip.columns)
        across, down = chip.columns // e if segments == 1 else 1, slots // segments
        ts = np.unique(np.outer(np.arange(1, across + 1), np.arange(1, down + 1)))
        pairs += [(e, t) for t in ts.tolist() if t == 1 or segments == 1 or e % segments == 0]
    return np.array(pairs).T


def _bounds(layer, chip, layouts, objective, density, energy):
    """What each layout costs at least: with whole planes as tiles, all of them in one block."""
    e, p, q, r, t = layouts.T
    whole = dict(m=layer.M, n=layer.N * up(layer.E, e), e=e, f=layer.F, p=p, q=q, r=r, t=t, coded=0)
    found = costs(layer, chip, whole, density, energy)
    return np.lexsort(_score(found, objective, energy or EnergyTable(), 1))


def _tilings(layer, chip, layouts, density, short, *, spans, groups):
    """Mappings as columns of NAMES: layouts by tilings with the most tiles in a block that the GLB holds.

    Parameters
    ----------
    density : Density or None
        Of ifmaps that may stay run-length coded in the GLB; None: they may not.
    spans, groups : int
        How many widths f of a tile, and how many numbers of filter groups m / p t, are tried.
    """
    most = field_limits(chip)
    widest = min(most["f_last"], most["final_column"] // layer.V) + 1
    fs = _cuts(layer.F, widest, spans)
    totals = up(layer.M, layouts[:, 1] * layouts[:, 4])
    gs = {total: _cuts(total, most["groups_last"] + 1, groups) for total in np.unique(totals).tolist()}
    lengths = np.array([len(gs[total]) for total in totals.tolist()])
    each = np.repeat(np.arange(len(layouts)), lengths)  # a row for each layout and g, and then for each f
    g = np.concatenate([gs[total] for total in totals.tolist()])
    each, g = np.repeat(each, len(fs)), np.repeat(g, len(fs))
    e, p, q, r, t = layouts[each].T
    columns = dict(m=g * p * t, n=1, e=e, f=np.tile(fs, len(lengths) and lengths.sum()), p=p, q=q, r=r, t=t, coded=0)
    return np.concatenate([_with_tiles(layer, chip, columns, kind, short)
                           for kind in ((None, density) if density else (None,))])


def _with_tiles(layer, chip, columns, density, short):
    """The tilings with n, and with banks for coded ifmaps where there is a `density` of them."""
    sizes = Sizes(layer, SimpleNamespace(**columns), chip)

    def banks(n):
        trial = Sizes(layer, SimpleNamespace(**columns | {"n": n}), chip)
        if density:
            words = np.ceil(_coded_words(4 * trial.block_words(trial.ifmap_words), density.ifmap * unpadded(layer)))
            return up(words.astype(int), chip.glb_bank_words), trial.psum_banks_needed
        return trial.ifmap_banks_needed, trial.psum_banks_needed

    def fits(n, ifmaps=1):
        ifmap, psum = banks(n)
        return ifmaps * ifmap + psum <= chip.glb_banks

    most = np.minimum(sizes.all_tiles, field_limits(chip)["tiles_last"] + 1)
    found = []
    for ifmaps in (1, 2):  # with banks for the ifmaps of a block, and of two
        n = np.zeros_like(most)
        for step in 1 << np.arange(int(most.max()).bit_length())[::-1]:
            tried = np.minimum(n + step, most)
            n = np.where(fits(tried, ifmaps), tried, n)
        if ifmaps == 1 and not n.any():
            least = np.sum(banks(np.ones_like(most)), axis=0)
            short.note(int(least.min()), chip.glb_banks, "GLB banks for a tile's ifmaps and psums")
        n = up(sizes.all_tiles, up(sizes.all_tiles, np.maximum(n, 1))) * (n > 0)  # blocks as large as one another
        found.append(n)
    n = np.concatenate([found[0], np.where(found[1] == found[0], 0, found[1])])
    table = np.column_stack([np.tile(np.broadcast_to(columns[name], len(most)), 2) for name in NAMES])
    table[:, NAMES.index("n")] = n
    columns, table = None, table[n > 0]
    if not len(table):
        return table
    final = Sizes(layer, SimpleNamespace(**_as_dict(table)), chip)
    if density:
        words = np.ceil(_coded_words(4 * final.block_words(final.ifmap_words), density.ifmap * unpadded(layer)))
        needed = up(words.astype(int), chip.glb_bank_words)
        spare = chip.glb_banks - needed - final.psum_banks_needed
        table[:, NAMES.index("coded")] = needed + np.minimum(needed, spare)
    return table[short.keep(Sizes(layer, SimpleNamespace(**_as_dict(table)), chip).loop_limits(), len(table))]


def _coded_words(values, density):
    """Words that coded values take, four standard deviations above their mean."""
    most = np.minimum(1.0, density + 4 * np.sqrt(density * (1 - density) / values))
    pairs = most + most * (1 - most)**32 / (1 - (1 - most)**32 + 1e-9) + 1 / 32
    return values * pairs / 3 + 1


def _score(found: Costs, objective, table, slack):
    """Sort keys, the most important last."""
    traffic, dram = sum(found.glb.values()), sum(found.dram.values())
    return {
        "latency": (table.glb * traffic + table.dram * dram, np.maximum(found.cycles, slack * found.cycles.min())),
        "energy": (dram, found.cycles, found.energy),
        "dram": (traffic, found.cycles, dram),
    }[objective]


def _as_dict(table):
    return dict(zip(NAMES, table.T, strict=True))


def _best(layer, chip, objective, density, energy, coded):
    """(best mapping, best one of another layout or None, mappings tried): mappings with their cycles."""
    if objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, not {objective!r}")
    least = least_dram_words(layer)
    if least > 1 << ADDRESS_BITS:
        raise MappingError(f"no mapping fits: 64-bit words of DRAM is {least} at least, chip {chip.name} has "
                           f"{1 << ADDRESS_BITS}")
    short = _Shortage(chip)
    layouts = _layouts(layer, chip, short)
    if not len(layouts):
        raise short.error()
    density_coded = density if coded else None
    layouts = layouts[_bounds(layer, chip, layouts, objective, density, energy)[:LISTED]]
    for cuts, listed in ((4, LISTED), (24, KEPT)):
        some = _tilings(layer, chip, layouts[:listed], density_coded, short, spans=cuts, groups=cuts)
        if len(some):
            break
    else:
        raise short.error()
    table_of_energy = energy or EnergyTable()
    found = costs(layer, chip, _as_dict(some), density, energy)
    order = np.lexsort(_score(found, objective, table_of_energy, 1))
    at = [NAMES.index(name) for name in LAYOUT]
    _, first = np.unique(some[order][:, at], axis=0, return_index=True)
    layouts = some[order][np.sort(first)[:KEPT]][:, at]
    table = _tilings(layer, chip, layouts, density_coded, short, spans=24, groups=24)
    found = costs(layer, chip, _as_dict(table), density, energy)
    order = np.lexsort(_score(found, objective, table_of_energy, SLACK))
    placed = [Mapping(**{name: int(value) for name, value in zip(NAMES, row, strict=True)})
              for row in table[order[:PLAYED]]]
    return *_by_timeline(placed, layer, chip, objective, density), len(table)


def _by_timeline(placed, layer, chip, objective, density):
    """(best, best of another layout or None) with their cycles: for latency, the first that is not slowed down."""
    cycles = {mapping: schedule(Placement(layer, mapping, chip), density).cycles for mapping in placed}
    if objective == "latency":
        least = min(cycles.values())
        placed = sorted(placed, key=lambda mapping: cycles[mapping] > SLACK * least)
    best = placed[0]
    other = next((other for other in placed if _layout(other) != _layout(best)), None)
    return (best, cycles[best]), other and (other, cycles[other])


def find_mapping(layer: NativeLayer, chip: ChipConfig, *, objective="latency", density=None,
                 energy=None, coded=False) -> Mapping:
    """The best mapping of a native layer by `objective`.

    Parameters
    ----------
    objective : str
        latency, energy or dram; among latencies within SLACK of the best, traffic of DRAM and GLB decides.
    density : Density, optional
    energy : EnergyTable, optional
    coded : bool
        Whether ifmaps may stay run-length coded in the GLB where `density` says that they fit;
        `compile_layer` refuses a mapping when they do not.

    Raises
    ------
    MappingError
        Nothing fits; says which resource is short.
    """
    return _best(layer, chip, objective, density, energy, coded)[0][0]


def search(layer: NativeLayer, chip: ChipConfig, *, objective="latency", density=None, energy=None,
           coded=False) -> Found:
    """The best mapping, the runner-up, and what both cost.

    Raises
    ------
    MappingError
        As `find_mapping`.
    """
    best, other, tried = _best(layer, chip, objective, density, energy, coded)

    def with_costs(mapping, cycles):
        return mapping, replace(costs(layer, chip, mapping.as_dict(), density, energy), cycles=cycles)

    return Found(*with_costs(*best), *(with_costs(*other) if other else (None, None)), tried)


def timed_costs(layer, chip, mapping: Mapping, density=None, energy=None) -> Costs:
    """The costs of one mapping, cycles by its timeline."""
    found = costs(layer, chip, mapping.as_dict(), density, energy)
    return replace(found, cycles=schedule(Placement(layer, mapping, chip), density).cycles)


def _layout(mapping):
    return mapping.e, mapping.p, mapping.q, mapping.r, mapping.t
