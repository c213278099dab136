"""Enumerates mappings that fit: all layouts of PE sets on the array, and tilings of them.

A layout is (e, p, q, r, t) that fits array and spads, a tiling (f, n, m) that fits the GLB. `limits` says what fits.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np

from hw.config import ChipConfig

from .density import Density, most_coded_words, unpadded
from .geometry import Geometry, up
from .limits import Limit, array_limits, loop_limits, most_groups_of_m, most_tile_columns, most_tiles_of_pass
from .lowering import NativeLayer
from .mapping import MappingError, Mappings

__all__ = ["LAYOUT", "Shortage", "layouts", "tilings"]

LAYOUT = ("e", "p", "q", "r", "t")  # the parameters of a mapping that are its layout
PSUM_SPAD_SHARE = Fraction(2, 3)  # of the psum spad that p may take, see `layouts`
FEW = 4  # filters, as groups of the largest p, of which p need not be a multiple of four


class Shortage:
    """Why no mapping fits: of all limits exceeded, the one exceeded by the smallest factor.

    Parameters
    ----------
    chip : ChipConfig
    """

    def __init__(self, chip: ChipConfig) -> None:
        self._chip, self._nearest = chip, (float("inf"), "the array holds no PE set")

    def keep(self, limits: Iterator[Limit[np.ndarray]], count: int) -> np.ndarray:
        """Of `count` candidates those that are within `limits`: a mask (count,)."""
        fits = np.ones(count, bool)
        for limit in limits:
            within = fits & (limit.value <= limit.most)
            if not within.any():
                self.note(int(np.min(np.broadcast_to(limit.value, count)[fits])), limit.most, limit.what)
                return within
            fits = within
        return fits

    def note(self, value: int, most: int, what: str) -> None:
        """Note that even the smallest value of some candidates exceeds its limit."""
        text = f"{what} is {value} at least, chip {self._chip.name} has {most}"
        self._nearest = min(self._nearest, (value / most, text))

    def error(self) -> MappingError:
        return MappingError(f"no mapping fits: {self._nearest[1]}")


def _cuts(total: int, most: int, kept: int) -> np.ndarray:
    """Sizes that cut `total` into equal parts, the last a little smaller: the largest of at most `most` first.

    Of more than `kept`, the smaller ones are thinned out; the smallest, 1, stays.
    """
    counts = np.unique(up(total, np.arange(1, min(total, most) + 1)))
    sizes = np.unique(up(total, counts))[::-1]
    if len(sizes) > kept:
        sizes = sizes[np.unique(np.geomspace(1, len(sizes), kept).round().astype(int)) - 1]
    return sizes


def layouts(layer: NativeLayer, chip: ChipConfig, short: Shortage) -> Mappings:
    """All layouts that the array and the spads can hold, with whole planes as tiles, all of them in one block.

    p leaves a third of the psum spad free: with less the PEs wait for psums to leave before they can start
    a position (RTL: 4 to 40 cycles a position with p = 24 of 24).
    """
    parts, sets = [], {}
    most_psums = max(1, int(PSUM_SPAD_SHARE * chip.psum_spad_words))
    for q in range(1, min(layer.C, chip.ifmap_spad_words // layer.S) + 1):
        most_p = min(layer.M, most_psums, chip.filter_spad_words // (q * layer.S))
        rs = _cuts(up(layer.C, q), chip.rows // layer.R, chip.rows)
        ps = {most_p, *range(chip.word_psums, most_p + 1, chip.word_psums)}  # whole words of psums
        if layer.M <= FEW * most_p:  # with more filters, padding of the last group hardly counts
            ps |= set(_cuts(layer.M, most_p, most_p).tolist())
        for p, r in product(sorted(ps - {0}), rs.tolist()):
            slots = chip.rows // (r * layer.R)
            if slots not in sets:
                sets[slots] = _sets(layer, chip, slots)
            e, t = sets[slots]
            groups = up(up(layer.M, p), t)
            # of all t that give the same number of groups, the smallest
            fewest = np.append(True, (e[1:] != e[:-1]) | (groups[1:] != groups[:-1]))
            e, t = e[fewest], t[fewest]
            parts.append(np.column_stack([e, *np.broadcast_arrays(p, q, r, e)[:3], t]))
    table = np.concatenate(parts) if parts else np.empty((0, len(LAYOUT)), int)
    if not len(table):
        raise short.error()
    e, p, q, r, t = table.T
    found = Mappings.of(m=layer.M, n=layer.N * up(layer.E, e), e=e, f=layer.F, p=p, q=q, r=r, t=t, coded=0)
    found = found.take(short.keep(array_limits(Geometry(layer, chip, found)), len(found)))
    if not len(found):
        raise short.error()
    return found


def _sets(layer: NativeLayer, chip: ChipConfig, slots: int) -> np.ndarray:
    """(e, t) of the sets that go into `slots` stacks, by e, then t: an integer array (2, sets)."""
    pairs = []
    for e in _cuts(layer.E, chip.columns * slots, chip.columns * slots).tolist():
        segments = up(e, chip.columns)
        across, down = chip.columns // e if segments == 1 else 1, slots // segments
        ts = np.unique(np.outer(np.arange(1, across + 1), np.arange(1, down + 1)))
        pairs += [(e, t) for t in ts.tolist() if t == 1 or segments == 1 or e % segments == 0]
    return np.array(pairs).T


def tilings(layer: NativeLayer, chip: ChipConfig, chosen: Mappings, density: Density | None, short: Shortage, *,
            spans: int, groups: int) -> Mappings:
    """Each layout with its tilings, with as many tiles in a block as the GLB holds; none if nothing fits.

    Parameters
    ----------
    density : Density or None
        Of ifmaps that may stay run-length coded in the GLB; None: they may not.
    spans, groups : int
        The number of tile widths f, and of filter groups per m (m / p t), to try.
    """
    fs = _cuts(layer.F, most_tile_columns(layer, chip), spans)
    totals = up(layer.M, chosen.p * chosen.t)
    gs = {total: _cuts(total, most_groups_of_m(chip), groups) for total in np.unique(totals).tolist()}
    # a row for each layout and number of groups, and then for each f
    lengths = np.array([len(gs[total]) for total in totals.tolist()])
    each = np.repeat(np.repeat(np.arange(len(chosen)), lengths), len(fs))
    number = np.repeat(np.concatenate([gs[total] for total in totals.tolist()]), len(fs))
    rows = chosen.take(each)
    rows = replace(rows, m=number * rows.p * rows.t, f=np.tile(fs, lengths.sum()), coded=np.zeros_like(number))
    kinds = (None, density) if density else (None,)
    return Mappings.join([_with_tiles(layer, chip, rows, kind, short) for kind in kinds])


def _with_tiles(layer: NativeLayer, chip: ChipConfig, rows: Mappings, density: Density | None,
                short: Shortage) -> Mappings:
    """The tilings with n, and with banks for coded ifmaps where there is a `density` of them."""
    geometry = Geometry(layer, chip, rows)
    tiles = geometry.all_tiles

    def ifmap_banks(n: np.ndarray) -> np.ndarray:
        return _coded_banks(geometry, n, density) if density else geometry.decoded_ifmap_banks(n)

    most = np.minimum(tiles, most_tiles_of_pass(chip))
    found = []
    for ifmaps in (1, 2):  # banks for the ifmaps of one block, or of two
        n = np.zeros_like(most)
        for step in 1 << np.arange(int(most.max()).bit_length())[::-1]:
            tried = np.minimum(n + step, most)
            n = np.where(ifmaps * ifmap_banks(tried) + geometry.psum_banks(tried) <= chip.glb_banks, tried, n)
        if ifmaps == 1 and not n.any():
            one = np.ones_like(most)
            short.note(int(np.min(ifmap_banks(one) + geometry.psum_banks(one))), chip.glb_banks,
                       "GLB banks for a tile's ifmaps and psums")
        found.append(up(tiles, up(tiles, np.maximum(n, 1))) * (n > 0))  # blocks as large as one another
    tried = np.concatenate([found[0], np.where(found[1] == found[0], 0, found[1])])
    table = replace(Mappings.join([rows, rows]), n=tried).take(tried > 0)
    if not len(table):
        return table
    final = Geometry(layer, chip, table)
    if density:
        needed = _coded_banks(final, table.n, density)
        spare = chip.glb_banks - needed - final.psum_banks_needed
        table = replace(table, coded=needed + np.minimum(needed, spare))
        final = Geometry(layer, chip, table)
    return table.take(short.keep(loop_limits(final), len(table)))


def _coded_banks(geometry: Geometry[np.ndarray], n: np.ndarray, density: Density) -> np.ndarray:
    """GLB banks for the coded ifmaps of n tiles."""
    chip = geometry.chip
    values = chip.word_values * geometry.first_tiles(geometry.ifmap_words, n)
    return up(most_coded_words(values, density.ifmap * unpadded(geometry.layer), chip), chip.glb_bank_words)
