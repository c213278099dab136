"""The numbers that follow from a mapping: PEs, tiles, passes, words, GLB banks and cycles of each bus.

No other module works them out. Everything is elementwise: integers for one `Mapping`, integer arrays (mappings,) for
`Mappings`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic

import numpy as np

from hw.config import ChipConfig

from .lowering import NativeLayer
from .mapping import MappingOf, Number

__all__ = ["Geometry", "Pieces", "choose", "least", "up"]

#: Words of a tile of e rows and f columns.
Measure = Callable[[Any, Any], Any]


def up(a: Any, b: Any) -> Any:
    """a / b, rounded up; of integers and arrays of them."""
    return -(-a // b)


def least(a: Any, b: Any) -> Any:
    """The smaller of both; of numbers and arrays."""
    return np.minimum(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else min(a, b)


def choose(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`; of numbers and arrays."""
    return np.where(condition, a, b) if isinstance(condition, np.ndarray) else a if condition else b


def whole(a: Any) -> Any:
    """`a` without its fraction; of numbers and arrays."""
    return a.astype(np.int64) if isinstance(a, np.ndarray) else int(a)


@dataclass(frozen=True)
class Pieces(Generic[Number]):
    """The pieces that a length is cut into.

    Attributes
    ----------
    count : Number
    last : Number
        Size of the last piece, which may be smaller.
    """

    count: Number
    last: Number


class Geometry(Generic[Number]):
    """Array, loops, buffers and buses of a mapping, for one group of the layer.

    A pass is what the array does between two changes of its weights: a block of n tiles, a group of p t filters
    and a group of q r channels. Positions are columns of ofmap tiles: all e rows of a PE set work on one at a time.

    Parameters
    ----------
    layer : NativeLayer
    chip : ChipConfig
    mapping : Mapping or Mappings
        e from 1 to E, f from 1 to F, n up to the tiles that there are.
    """

    def __init__(self, layer: NativeLayer, chip: ChipConfig, mapping: MappingOf[Number]) -> None:
        self.layer, self.chip = layer, chip
        self.mapping: MappingOf[Number] = mapping

    # -- the array --------------------------------------------------------------------------------

    @cached_property
    def segments(self) -> Number:
        """Parts of a PE set that is wider than the array, on rows of their own (Fig. 5, CONV2)."""
        return up(self.mapping.e, self.chip.columns)

    @cached_property
    def sets_across(self) -> Number:
        """Sets for other filters (t) side by side: as many as fit and divide t."""
        t, most = self.mapping.t, self.chip.columns // self.mapping.e
        found = t // t
        for count in range(2, self.chip.columns + 1):
            found = choose((count <= most) & (t % count == 0), count, found)
        return found

    @property
    def sets_down(self) -> Number:
        """Sets for other filters below one another."""
        return self.mapping.t // self.sets_across

    @property
    def stacks(self) -> Number:
        """Stacks of r sets below one another, segments included."""
        return self.sets_down * self.segments

    @property
    def pe_columns(self) -> Number:
        """PE columns of a stack; the last segment may be narrower."""
        e = self.mapping.e
        widest = choose(self.mapping.t > 1, e // self.segments, least(e, self.chip.columns))
        return choose(self.segments == 1, e * self.sets_across, widest)

    @property
    def weight_targets(self) -> Number:
        """PEs of a column of sets (e = 1), each with weights of its own."""
        return self.layer.R * self.mapping.r * self.mapping.t

    @property
    def active_pes(self) -> Number:
        return self.weight_targets * self.mapping.e

    # -- the loops --------------------------------------------------------------------------------

    @property
    def quads(self) -> Number:
        """64-bit words of psums at a position of a set."""
        return up(self.mapping.p, self.chip.word_psums)

    @property
    def pass_filters(self) -> Number:
        """Filters of a pass (p t): a filter group."""
        return self.mapping.p * self.mapping.t

    @cached_property
    def strips(self) -> Pieces[Number]:
        """Strips of e ofmap rows that a plane is cut into."""
        return _pieces(self.layer.E, self.mapping.e)

    @cached_property
    def spans(self) -> Pieces[Number]:
        """Spans of f ofmap columns that a strip is cut into."""
        return _pieces(self.layer.F, self.mapping.f)

    @property
    def all_tiles(self) -> Number:
        """Tiles of the layer."""
        return self.layer.N * self.strips.count * self.spans.count

    @property
    def all_blocks(self) -> Number:
        """Blocks of n tiles of the layer."""
        return up(self.all_tiles, self.mapping.n)

    @property
    def channel_groups(self) -> Number:
        """Groups of q r channels."""
        return up(self.layer.C, self.mapping.q * self.mapping.r)

    @cached_property
    def all_filter_groups(self) -> Number:
        """Groups of p t filters."""
        return up(self.layer.M, self.pass_filters)

    @cached_property
    def groups_of_m(self) -> Number:
        """Filter groups whose psums the GLB holds at a time."""
        return least(self.all_filter_groups, up(self.mapping.m, self.pass_filters))

    @property
    def m_groups(self) -> Number:
        """Groups of m filters: how often all ifmaps are read."""
        return up(self.all_filter_groups, self.groups_of_m)

    @property
    def job_groups(self) -> Number:
        """Groups of the layer that are a job: all, one after another in place of m groups, or one."""
        return choose(self.m_groups == 1, self.layer.groups, 1)

    @property
    def jobs(self) -> Number:
        """Jobs of the layer."""
        return self.layer.groups // self.job_groups

    @property
    def all_passes(self) -> Number:
        """Processing passes of a group."""
        return self.all_blocks * self.channel_groups * self.all_filter_groups

    @property
    def all_positions(self) -> Number:
        """Positions of all tiles."""
        return self.layer.N * self.strips.count * self.layer.F

    # -- sizes ------------------------------------------------------------------------------------

    def ifmap_rows(self, e: Any) -> Any:
        """Ifmap rows under e ofmap rows."""
        return (e - 1) * self.layer.U + self.layer.R

    def ifmap_columns(self, f: Any) -> Any:
        """Ifmap columns under f ofmap columns."""
        return (f - 1) * self.layer.V + self.layer.S

    def ifmap_columns_of(self, positions: Any, tiles: Any) -> Any:
        """Ifmap columns of `tiles` tiles with `positions` positions, all tiles summed."""
        return positions * self.layer.V + tiles * (self.layer.S - self.layer.V)

    @property
    def tile_rows(self) -> Number:
        """Ifmap rows of a whole tile."""
        return self.ifmap_rows(self.mapping.e)

    def ifmap_words(self, e: Any, f: Any) -> Any:
        """64-bit words of a tile's q r channels."""
        return up(self.ifmap_rows(e) * self.ifmap_columns(f) * self.mapping.q * self.mapping.r, self.chip.word_values)

    def psum_words(self, e: Any, f: Any) -> Any:
        """64-bit words of a tile's p t psums."""
        return e * f * self.position_words

    @property
    def position_words(self) -> Number:
        """64-bit words of a position's p t psums; the drain has a place for the biases of each."""
        return self.mapping.t * self.quads

    @property
    def bias_words(self) -> Number:
        """64-bit words of a filter group's biases in DRAM; with psums for 8-bit ofmaps, of its factors as well."""
        return self.position_words * self.chip.bias_parts

    def ofmap_words(self, psums: Any, streams: Any) -> Any:
        """64-bit words of ofmaps that are not coded, on average, of `psums` words of psums in some streams.

        Values of 8 bits lie closer than their psums, and a stream ends with a word that is not full.
        """
        share = self.chip.word_psums / self.chip.word_values
        return share * psums + (1 - share) / 2 * streams

    @property
    def pe_weights(self) -> Number:
        """Weights that a PE holds for a pass, and MACs of a position."""
        return self.mapping.p * self.mapping.q * self.layer.S

    @property
    def pass_words(self) -> Number:
        """64-bit words of weights of a pass."""
        return up(self.pe_weights, self.chip.word_values) * self.weight_targets

    def weights_ahead(self, values: int) -> Number:
        """Words of `values` values each of the next pass's weights that fit the spads beside this pass's."""
        return (self.chip.filter_spad_words - self.pe_weights) // values * self.weight_targets

    def first_tiles(self, words: Measure, count: Any) -> Any:
        """Words of the layer's first `count` tiles."""
        strips, spans = self.strips.count, self.spans.count
        planes, rest = divmod(count, strips * spans)
        lines, beside = divmod(rest, spans)
        low = choose(lines == strips - 1, beside, 0)  # tiles in the last strip
        e, f = self.mapping.e, self.mapping.f
        whole, right, bottom = words(e, f), words(e, self.spans.last), words(self.strips.last, f)
        plane = (whole * ((strips - 1) * (spans - 1)) + right * (strips - 1) + bottom * (spans - 1)
                 + words(self.strips.last, self.spans.last))
        return planes * plane + whole * (rest - lines - low) + right * lines + bottom * low

    def decoded_ifmap_banks(self, n: Any) -> Any:
        """GLB banks for the ifmaps of n tiles that are not coded: at most, as the first tiles are the largest."""
        return up(self.first_tiles(self.ifmap_words, n), self.chip.glb_bank_words)

    def psum_banks(self, n: Any) -> Any:
        """GLB banks for the psums of n tiles and m filters, at most."""
        return up(self.groups_of_m * self.first_tiles(self.psum_words, n), self.chip.glb_bank_words)

    @property
    def ifmap_banks_needed(self) -> Number:
        """GLB banks for the ifmaps of a block."""
        coded = self.mapping.coded
        return choose(coded > 0, coded, self.decoded_ifmap_banks(self.mapping.n))

    @property
    def psum_banks_needed(self) -> Number:
        """GLB banks for the psums of a block."""
        return self.psum_banks(self.mapping.n)

    # -- words of the whole layer -----------------------------------------------------------------

    @property
    def all_ifmap_words(self) -> Number:
        """64-bit words of all tiles and all channel groups, about: as if all spans were of the mean width."""
        layer, tiles = self.layer, self.all_tiles
        width = up(self.ifmap_columns_of(self.all_positions, tiles), tiles)
        rows = layer.N * self.spans.count * (layer.E * layer.U + self.strips.count * (layer.R - layer.U))
        return up(self.mapping.q * self.mapping.r * width * rows, self.chip.word_values) * self.channel_groups

    @property
    def all_psum_words(self) -> Number:
        """64-bit words of all finished psums."""
        return self.layer.N * self.all_filter_groups * self.psum_words(self.layer.E, self.layer.F)

    @property
    def dram_words(self) -> Number:
        """64-bit words of DRAM of a job at most: fmaps that are run-length coded may grow, and by a word a stream."""
        layer, strips, spans = self.layer, self.strips, self.spans
        rows = self.ifmap_rows(self.mapping.e) * (strips.count - 1) + self.ifmap_rows(strips.last)
        columns = self.ifmap_columns(self.mapping.f) * (spans.count - 1) + self.ifmap_columns(spans.last)
        values = layer.N * rows * columns * self.mapping.q * self.mapping.r
        growth = self.chip.word_values / self.chip.word_pairs  # of a stream without zeros: a pair for each value
        ifmaps = self.channel_groups * (values / self.chip.word_values + self.all_tiles)
        psums = layer.N * self.psum_words(layer.E, layer.F) * self.chip.word_psums
        ofmaps = self.all_filter_groups * (psums / self.chip.word_values + self.all_blocks)
        filters = self.all_filter_groups * (self.channel_groups * self.pass_words + self.bias_words)
        return self.job_groups * whole(
            choose(self.mapping.coded > 0, growth, 1) * ifmaps + growth * ofmaps + filters)

    # -- cycles -----------------------------------------------------------------------------------

    def pe_cycles(self, positions: Any) -> Any:
        """Core cycles of a PE for `positions` positions of a pass: one a MAC."""
        return self.pe_weights * positions

    def ifmap_bus_cycles(self, positions: Any, tiles: Any) -> Any:
        """Core cycles of the ifmap bus for them: one a word."""
        words = self.tile_rows * self.mapping.r * up(self.mapping.q, self.chip.ifmap_bus_values)
        return words * self.ifmap_columns_of(positions, tiles)

    def psum_bus_cycles(self, positions: Any) -> Any:
        """Core cycles of the psum bus into the array for them, and as many of the one out of it: one a word."""
        return self.mapping.t * self.mapping.e * up(self.mapping.p, self.chip.psum_bus_values) * positions

    @property
    def filter_bus_cycles(self) -> Number:
        """Core cycles of the filter bus for a pass's weights: one a word."""
        return up(self.pe_weights, self.chip.filter_bus_values) * self.weight_targets


def _pieces(total: int, size: Number) -> Pieces[Number]:
    count = up(total, size)
    return Pieces(count, total - (count - 1) * size)
