"""Finding a mapping: all layouts of PE sets on the array, all tilings of the best of them.

A mapping is a layout (e, p, q, r, t) that fits array and spads, and a tiling (f, n, m) that fits the
GLB. `compiler.model` ranks them, a million at a time; what wins is checked as a `Placement`, which is
the last word on whether the chip can hold it.
"""

import itertools
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from compiler.energy import EnergyTable
from compiler.lowering import NativeLayer
from compiler.mapping import Mapping, MappingError, Placement
from compiler.model import Costs, costs, unpadded
from compiler.schedule import schedule
from hw.config import ChipConfig

__all__ = ["OBJECTIVES", "Found", "find_mapping", "search", "timed_costs"]

KEPT = 400  # layouts that are tried with every tiling, the best by PEs kept busy first
PLAYED = 4  # candidates whose timelines decide
SLACK = 1.03  # latencies this close to the best count as equal: then the least energy of DRAM and GLB decides
OBJECTIVES = ("latency", "energy", "dram")
NAMES = "m n e f p q r t coded".split()


@dataclass(frozen=True)
class Found:
    """A mapping, its costs, and the best one of another layout with its costs, if any.

    The costs' cycles are those of the timeline (`compiler.schedule`), not just of the busiest resource.
    """

    mapping: Mapping
    costs: Costs
    runner_up: Mapping | None
    runner_up_costs: Costs | None
    tried: int


def _parts(total, most):
    """Sizes that cut `total` into equal parts, the last a little smaller, none above `most`."""
    return sorted({ceil(total / count) for count in range(ceil(total / most), total + 1)}, reverse=True)


def _layouts(layer: NativeLayer, chip: ChipConfig):
    """(e, p, q, r, t) that the array and the spads can hold.

    p leaves a third of the psum spad free: with less the PEs wait for psums to leave before they can start
    a position (RTL: 4 to 40 cycles a position with p = 24 of 24).
    """
    for q in range(1, min(layer.C, chip.ifmap_spad_words // layer.S) + 1):
        most_p = min(layer.M, max(1, 2 * chip.psum_spad_words // 3), chip.filter_spad_words // (q * layer.S))
        most_r = min(ceil(layer.C / q), chip.rows // layer.R, 15 // layer.U)
        for p, r in itertools.product(sorted({most_p, *range(4, most_p + 1, 4)} - {0}), range(1, most_r + 1)):
            slots = chip.rows // (r * layer.R)
            most_e = min(layer.E, chip.columns * slots, 30 - (layer.R - 1) // layer.U)
            for e in _parts(layer.E, max(1, most_e)):
                segments = ceil(e / chip.columns)
                across = chip.columns // e if segments == 1 else 1
                most_t = min(ceil(layer.M / p), chip.bias_words // ceil(p / 4))
                ts = {a * d for a in range(1, across + 1) for d in range(1, slots // segments + 1)}
                for t in sorted(t for t in ts if t <= most_t):
                    if t > 1 and segments > 1 and e % segments:
                        continue
                    yield e, p, q, r, t


def _busy_first(layer, layouts):
    """Layouts by the cycles that their PEs need, then by psums that stay in the array."""
    e, p, q, r, t = layouts.T
    work = (p * q * layer.S * -(-layer.C // (q * r)) * -(-layer.M // (p * t)) * -(-layer.E // e))
    return layouts[np.lexsort((-p * t, -q * r, work))]


def _tilings(layer, chip, layouts, density):
    """Mappings as columns of NAMES: every tiling of every layout that the GLB holds.

    density : Density or None
        Of ifmaps that may stay run-length coded in the GLB; None: they may not.
    """
    spans = np.array(_parts(layer.F, layer.F)[:16])
    found = []
    for e, p, q, r, t in layouts:
        groups = ceil(layer.M / (p * t))
        group_counts = np.array(_parts(groups, groups)[:10])
        tiles = layer.N * ceil(layer.E / e) * -(-layer.F // spans)
        counts = np.unique(np.concatenate([
            [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64], np.unique(tiles),
            ceil(layer.E / e) * np.arange(1, min(layer.N, 4) + 1)]))
        f, n, g = (axis.ravel() for axis in np.meshgrid(spans, counts, group_counts, indexing="ij"))
        values, positions = _block(layer, e, f, n)
        psum = -(-g * positions * t * ceil(p / 4) // chip.glb_bank_words)
        for coded in (False, True) if density else (False,):
            words = _coded_words(values * q * r, density.ifmap * unpadded(layer)) if coded else values * q * r / 4 + n
            banks = np.ceil(words / chip.glb_bank_words).astype(int)
            fits = (banks + psum <= chip.glb_banks) & (n <= layer.N * ceil(layer.E / e) * -(-layer.F // f))
            twice = banks + np.minimum(banks, chip.glb_banks - banks - psum)
            fixed = np.broadcast_to([e, p, q, r, t], (fits.sum(), 5))
            found.append(np.column_stack([(g * p * t)[fits], n[fits], fixed[:, 0], f[fits], fixed[:, 1:],
                                          coded * twice[fits]]))
    return np.concatenate(found) if found else np.empty((0, len(NAMES)), int)


def _block(layer, e, f, n):
    """(ifmap values of a channel, positions) of n tiles of e x f: of whole planes where n makes some."""
    strips, spans = -(-layer.E // e), -(-layer.F // f)
    planes, rest = np.divmod(n, strips * spans)
    tile = ((e - 1) * layer.U + layer.R) * ((f - 1) * layer.V + layer.S)
    plane = ((layer.E * layer.U + strips * (layer.R - layer.U))
             * (layer.F * layer.V + spans * (layer.S - layer.V)))
    return (np.where(rest == 0, planes * plane, n * tile),
            np.where(rest == 0, planes * layer.E * layer.F, n * e * f))


def _coded_words(values, density):
    """Words that coded values take, four standard deviations above their mean."""
    most = np.minimum(1.0, density + 4 * np.sqrt(density * (1 - density) / values))
    pairs = most + most * (1 - most)**32 / (1 - (1 - most)**32 + 1e-9) + 1 / 32
    return values * pairs / 3 + 1


def _score(found: Costs, objective, table):
    """Sort keys, the most important last."""
    traffic, dram = sum(found.glb.values()), sum(found.dram.values())
    return {
        "latency": (table.glb * traffic + table.dram * dram, np.maximum(found.cycles, SLACK * found.cycles.min())),
        "energy": (dram, found.cycles, found.energy),
        "dram": (traffic, found.cycles, dram),
    }[objective]


def _as_dict(table):
    return dict(zip(NAMES, table.T, strict=True))


def _best(layer, chip, objective, density, energy, coded):
    """(best mapping, best one of another layout or None, mappings tried)."""
    if objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, not {objective!r}")
    layouts = np.array(list(_layouts(layer, chip)), dtype=np.int64).reshape(-1, 5)
    if not len(layouts):
        raise MappingError(_shortage(layer, chip))
    layouts = _busy_first(layer, layouts)
    for first in range(0, len(layouts), KEPT):
        table = _tilings(layer, chip, layouts[first:first + KEPT], density if coded else None)
        if not len(table):
            continue
        found = costs(layer, chip, _as_dict(table), density, energy)
        order = np.lexsort(_score(found, objective, energy or EnergyTable()))
        placed = list(itertools.islice(_placed(layer, chip, table[order]), PLAYED))
        if placed:
            return *_by_timeline(placed, layer, chip, objective, density), len(table)
    raise MappingError(_shortage(layer, chip))


def _by_timeline(placed, layer, chip, objective, density):
    """(best, best of another layout or None): for latency, the first that its timeline does not slow down."""
    if objective == "latency":
        cycles = {mapping: schedule(Placement(layer, mapping, chip), density).cycles for mapping in placed}
        least = min(cycles.values())
        placed = sorted(placed, key=lambda mapping: cycles[mapping] > SLACK * least)
    best = placed[0]
    return best, next((other for other in placed if _layout(other) != _layout(best)), None)


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
    return _best(layer, chip, objective, density, energy, coded)[0]


def search(layer: NativeLayer, chip: ChipConfig, *, objective="latency", density=None, energy=None,
           coded=False) -> Found:
    """The best mapping, the runner-up, and what both cost.

    Raises
    ------
    MappingError
        As `find_mapping`.
    """
    best, other, tried = _best(layer, chip, objective, density, energy, coded)
    return Found(best, timed_costs(layer, chip, best, density, energy), other,
                 other and timed_costs(layer, chip, other, density, energy), tried)


def timed_costs(layer, chip, mapping: Mapping, density=None, energy=None) -> Costs:
    """The costs of one mapping, cycles by its timeline."""
    found = costs(layer, chip, mapping.as_dict(), density, energy)
    return replace(found, cycles=schedule(Placement(layer, mapping, chip), density).cycles)


def _layout(mapping):
    return mapping.e, mapping.p, mapping.q, mapping.r, mapping.t


def _placed(layer, chip, table):
    """The mappings that the chip takes, in the order of the table."""
    for row in table:
        mapping = Mapping(**{name: int(value) for name, value in _as_dict(row).items()})
        try:
            yield Placement(layer, mapping, chip).mapping
        except MappingError:
            continue


def _shortage(layer, chip):
    """Why nothing fits: what stops the smallest mapping."""
    try:
        Placement(layer, Mapping(m=1, n=1, e=1, f=1, p=1, q=1, r=1, t=1), chip)
    except MappingError as error:
        return f"no mapping fits: {error}"
    return f"no mapping fits chip {chip.name}: the GLB is short of banks"
