"""Finding a mapping: the fastest one by a model of the array's buses and the link."""

import itertools
from dataclasses import dataclass
from math import ceil

from compiler.lowering import NativeLayer
from compiler.mapping import Mapping, MappingError, Placement
from hw.config import ChipConfig

__all__ = ["Estimate", "estimate", "find_mapping"]

KEPT = 150  # array layouts that are tried with every tiling
PASS_OVERHEAD = 100  # cycles to ramp up a pass, about


@dataclass(frozen=True)
class Estimate:
    """What the model expects of a placement: core cycles, and 64-bit words over the link."""

    cycles: int
    link_words: int
    glb_words: int


def estimate(placement: Placement) -> Estimate:
    """Cycles as the largest of what PEs, ifmap, psum and filter bus need in a pass, and of what the
    64-bit link needs in all."""
    layer, mp, chip = placement.layer, placement.mapping, placement.chip
    tiles = layer.N * placement.strips[0] * placement.spans[0]
    columns_f = layer.N * placement.strips[0] * layer.F  # ofmap columns over all tiles
    filters, each, last = placement.filter_groups
    groups = (filters - 1) * each + last
    per_sweep = {  # of all tiles in one channel group and one filter group
        "pe": mp.p * mp.q * layer.S * columns_f,
        "ifmap": placement.rows * mp.q * mp.r * (columns_f * layer.V + tiles * (layer.S - layer.V)),
        "psum": mp.t * mp.e * placement.quads * columns_f,
        "filter": placement.pass_words * placement.blocks[0],
    }
    sweep = max(per_sweep.values()) + PASS_OVERHEAD * placement.blocks[0]
    array = sweep * placement.channel_groups * groups
    ifmap_words = per_sweep["ifmap"] // 4 * placement.channel_groups
    ofmap = layer.N * groups * mp.t * placement.quads * layer.E * layer.F
    link_words = (filters * ifmap_words + ofmap
                  + placement.blocks[0] * groups * placement.channel_groups * placement.pass_words)
    glb_words = 2 * ofmap * placement.channel_groups + ifmap_words * groups
    return Estimate(max(array, ceil(link_words * chip.core_mhz / chip.link_mhz)), link_words, glb_words)


def _parts(total, most):
    """Sizes that cut `total` into equal parts, the last a little smaller, none above `most`."""
    return sorted({ceil(total / count) for count in range(ceil(total / most), total + 1)}, reverse=True)


def _array_layouts(layer: NativeLayer, chip: ChipConfig):
    """(e, p, q, r, t) that the array and the spads can hold, best use of the PEs first."""
    found = []
    for q in range(1, min(layer.C, chip.ifmap_spad_words // layer.S) + 1):
        most_p = min(layer.M, chip.psum_spad_words, chip.filter_spad_words // (q * layer.S))
        for p, r in itertools.product(
                sorted({most_p, *range(4, most_p + 1, 4)}),
                range(1, min(ceil(layer.C / q), chip.rows // layer.R) + 1)):
            down = chip.rows // (r * layer.R)
            for e in _parts(layer.E, chip.columns * down):
                segments = ceil(e / chip.columns)
                across = chip.columns // e if segments == 1 else 1
                for t in range(1, min(ceil(layer.M / p), across * (down // segments)) + 1):
                    work = (p * q * layer.S * ceil(layer.C / (q * r)) * ceil(layer.M / (p * t))
                            * ceil(layer.E / e))
                    found.append((work, -r, -p * t, (e, p, q, r, t)))
    return [entry[-1] for entry in sorted(found)]


def _tilings(layer, e, group):
    """(f, n, m) to try with a layout whose passes make `group` ofmap channels."""
    for f in _parts(layer.F, layer.F)[:12]:
        tiles = layer.N * ceil(layer.E / e) * ceil(layer.F / f)
        for n in sorted({min(tiles, count) for count in (1, 2, 3, 4, 6, 8, 12, 16, 32)}):
            for m in _parts(ceil(layer.M / group), ceil(layer.M / group))[:8]:
                yield f, n, m * group


def find_mapping(layer: NativeLayer, chip: ChipConfig) -> Mapping:
    """The fastest mapping of a native layer, then the one with least GLB traffic.

    Raises
    ------
    MappingError
        Nothing fits; with the reason why the last one tried did not.
    """
    best, why = None, MappingError(f"no PE set of R = {layer.R} and S = {layer.S} fits chip {chip.name}")
    layouts = _array_layouts(layer, chip)
    for first in range(0, len(layouts), KEPT):
        for e, p, q, r, t in layouts[first:first + KEPT]:
            for f, n, m in _tilings(layer, e, p * t):
                try:
                    placement = Placement(layer, Mapping(m=m, n=n, e=e, f=f, p=p, q=q, r=r, t=t), chip)
                except MappingError as error:
                    why = error
                    continue
                expected = estimate(placement)
                key = expected.cycles, expected.glb_words, expected.link_words
                if best is None or key < best[0]:
                    best = key, placement.mapping
        if best:
            return best[1]
    raise MappingError(f"no mapping fits: {why}")
