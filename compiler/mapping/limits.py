"""What a mapping takes of the chip, and how much there is: for one mapping, or for arrays of them at once."""

from functools import cached_property

import numpy as np

from hw.config import field_limits
from hw.config.fields import ADDRESS_BITS

__all__ = ["Sizes", "least_dram_words", "up"]


def up(a, b):
    """a / b, rounded up; of integers and arrays of them."""
    return -(-a // b)


def least_dram_words(layer) -> int:
    """64-bit words of DRAM that a native layer takes with any mapping: each value once, four in a word."""
    rows, columns = (layer.E - 1) * layer.U + layer.R, (layer.F - 1) * layer.V + layer.S
    return up(layer.N * layer.C * rows * columns, 4) + up(layer.M * layer.C * layer.R * layer.S, 4) + up(
        layer.N * layer.M * layer.E * layer.F, 4)


class Sizes:
    """Array, loops and buffers of a mapping.

    All is elementwise: `mapping` has the attributes m n e f p q r t coded, integers or arrays that broadcast.

    Parameters
    ----------
    layer : NativeLayer
    mapping : Mapping, or an object like it
        e up to E, f from 1 up to F, n up to the tiles that there are.
    chip : ChipConfig
    """

    def __init__(self, layer, mapping, chip):
        self.layer, self.mapping, self.chip = layer, mapping, chip

    # -- the array --------------------------------------------------------------------------------

    @cached_property
    def segments(self):
        """Parts of a PE set that is wider than the array, on rows of their own (Fig. 5, CONV2)."""
        return up(self.mapping.e, self.chip.columns)

    @cached_property
    def sets_across(self):
        """Sets for other filters (t) side by side: as many as fit and divide t."""
        t, most = self.mapping.t, self.chip.columns // self.mapping.e
        found = np.ones_like(t)
        for count in range(2, self.chip.columns + 1):
            found = np.where((count <= most) & (t % count == 0), count, found)
        return found if isinstance(t, np.ndarray) else int(found)

    @property
    def sets_down(self):
        """Sets for other filters below one another."""
        return self.mapping.t // self.sets_across

    @property
    def stacks(self):
        """Stacks of r sets below one another, segments included."""
        return self.sets_down * self.segments

    @property
    def columns(self):
        """PE columns of a stack; the last segment may be narrower."""
        e, t = self.mapping.e, self.mapping.t
        widest = np.where(t > 1, e // self.segments, np.minimum(e, self.chip.columns))
        columns = np.where(self.segments == 1, e * self.sets_across, widest)
        return columns if isinstance(t, np.ndarray) else int(columns)

    @property
    def active_pes(self):
        return self.layer.R * self.mapping.e * self.mapping.r * self.mapping.t

    # -- the loops --------------------------------------------------------------------------------

    @property
    def quads(self):
        """64-bit words of psums at a position of a set."""
        return up(self.mapping.p, 4)

    @property
    def group(self):
        """Filters of a pass (p t)."""
        return self.mapping.p * self.mapping.t

    @property
    def strips(self):
        """Strips of e ofmap rows: (how many, the last one's rows)."""
        return _pieces(self.layer.E, self.mapping.e)

    @property
    def spans(self):
        """Spans of f ofmap columns: (how many, the last one's columns)."""
        return _pieces(self.layer.F, self.mapping.f)

    @property
    def all_tiles(self):
        """Tiles of the whole layer."""
        return self.layer.N * self.strips[0] * self.spans[0]

    @property
    def all_blocks(self):
        """Blocks of n tiles of the whole layer."""
        return up(self.all_tiles, self.mapping.n)

    @property
    def channel_groups(self):
        return up(self.layer.C, self.mapping.q * self.mapping.r)

    @property
    def all_filter_groups(self):
        """Groups of p t filters."""
        return up(self.layer.M, self.group)

    @property
    def groups_each(self):
        """Filter groups whose psums the GLB holds at a time."""
        return np.minimum(self.all_filter_groups, up(self.mapping.m, self.group))

    # -- sizes ------------------------------------------------------------------------------------

    @property
    def rows(self):
        """Ifmap rows of a whole tile."""
        return self.ifmap_rows(self.mapping.e)

    def ifmap_rows(self, e):
        return (e - 1) * self.layer.U + self.layer.R

    def ifmap_columns(self, f):
        return (f - 1) * self.layer.V + self.layer.S

    def ifmap_words(self, e, f):
        """64-bit words of a tile's q r channels."""
        return up(self.ifmap_rows(e) * self.ifmap_columns(f) * self.mapping.q * self.mapping.r, 4)

    def psum_words(self, e, f):
        """64-bit words of a tile's p t psums."""
        return e * f * self.mapping.t * self.quads

    def first_tiles(self, words, count):
        """Sum over the layer's first `count` tiles of `words`, which gives that of a tile of e rows and f columns."""
        (strips, e_ragged), (spans, f_ragged) = self.strips, self.spans
        planes, rest = np.divmod(count, strips * spans)
        lines, beside = np.divmod(rest, spans)
        low = np.where(lines == strips - 1, beside, 0)  # in the last strip
        e, f = self.mapping.e, self.mapping.f
        whole, right, bottom = words(e, f), words(e, f_ragged), words(e_ragged, f)
        plane = (whole * ((strips - 1) * (spans - 1)) + right * (strips - 1) + bottom * (spans - 1)
                 + words(e_ragged, f_ragged))
        return planes * plane + whole * (rest - lines - low) + right * lines + bottom * low

    def block_words(self, words):
        """Such a sum over a block's n tiles, at most: the first block has the fewest ragged ones."""
        return self.first_tiles(words, self.mapping.n)

    @property
    def ifmap_banks_needed(self):
        banks = up(self.block_words(self.ifmap_words), self.chip.glb_bank_words)
        return np.where(np.asarray(self.mapping.coded) > 0, self.mapping.coded, banks)

    @property
    def psum_banks_needed(self):
        return up(self.groups_each * self.block_words(self.psum_words), self.chip.glb_bank_words)

    @property
    def pass_words(self):
        """64-bit words of weights of a pass."""
        mapping, layer = self.mapping, self.layer
        return up(mapping.p * mapping.q * layer.S, 4) * layer.R * mapping.r * mapping.t

    @property
    def dram_words(self):
        """64-bit words of DRAM at most: fmaps that are run-length coded may grow by a third, and a word a stream."""
        (strips, e_ragged), (spans, f_ragged) = self.strips, self.spans
        e, f, channels, filters = self.mapping.e, self.mapping.f, self.channel_groups, self.all_filter_groups
        rows = self.ifmap_rows(e) * (strips - 1) + self.ifmap_rows(e_ragged)
        columns = self.ifmap_columns(f) * (spans - 1) + self.ifmap_columns(f_ragged)
        per_group = self.mapping.q * self.mapping.r
        ifmaps = channels * (self.layer.N * rows * columns * per_group / 4 + self.all_tiles)
        ofmaps = filters * (self.layer.N * self.psum_words(self.layer.E, self.layer.F) + self.all_blocks)
        grown = np.where(np.asarray(self.mapping.coded) > 0, 4 / 3, 1)
        return (grown * ifmaps + 4 / 3 * ofmaps
                + filters * (channels * self.pass_words + self.quads * self.mapping.t)).astype(np.int64)

    # -- limits -----------------------------------------------------------------------------------

    def array_limits(self):
        """(value, most, what it is) of what depends on e, p, q, r and t alone."""
        layer, chip, mp, most = self.layer, self.chip, self.mapping, field_limits(self.chip)
        yield mp.p, chip.psum_spad_words, "p, psums in a PE's psum spad,"
        yield mp.q * layer.S, chip.ifmap_spad_words, "q S, values in a PE's ifmap spad,"
        yield mp.p * mp.q * layer.S, chip.filter_spad_words, "p q S, weights in a PE's filter spad,"
        # as U is R at most, this goes for the row IDs of ifmaps (r U), too
        yield mp.r * layer.R, chip.rows, "r R, rows of PEs for a stack of sets,"
        yield self.stacks * mp.r * layer.R, chip.rows, "rows of PEs for all sets (r, t and segments of e)"
        yield self.columns, chip.columns, "columns of PEs for sets side by side"
        yield (self.rows - 1) // layer.U + 1, most["ifmap_col_id"] + 1, "diagonals of ifmap rows in the array"
        yield self.rows, most["rows_last"] + 1, "ifmap rows of a tile"
        yield self.quads * mp.t, chip.bias_words, "words of biases of a filter group"

    def loop_limits(self):
        """The same of what depends on the tiling, too."""
        layer, mp, most = self.layer, self.mapping, field_limits(self.chip)
        yield self.dram_words, 1 << ADDRESS_BITS, "64-bit words of DRAM"
        yield self.channel_groups, most["channels_last"] + 1, "groups of q r channels"
        yield self.strips[0], most["strips_last"] + 1, "strips of e ofmap rows"
        yield self.spans[0], most["spans_last"] + 1, "spans of f ofmap columns"
        yield mp.f, most["f_last"] + 1, "f, ofmap columns of a tile,"
        yield (mp.f - 1) * layer.V, most["final_column"], "ifmap columns of a tile before its last window"
        yield self.ifmap_words(mp.e, mp.f), most["ifmap_words"], "64-bit words of a tile's ifmaps"
        yield self.psum_words(mp.e, mp.f), most["psum_words"], "64-bit words of a tile's psums"
        yield mp.n, most["tiles_last"] + 1, "n, tiles of a pass,"
        yield self.all_blocks, most["blocks_last"] + 1, "blocks of n tiles"
        yield self.groups_each, most["groups_last"] + 1, "filter groups (p t) of m"
        yield up(self.all_filter_groups, self.groups_each), most["filters_last"] + 1, "groups of m filters"
        yield self.ifmap_banks_needed + self.psum_banks_needed, self.chip.glb_banks, (
            "GLB banks for a block's ifmaps and psums")


def _pieces(total, most):
    """Pieces of at most `most`: (how many, the last one's size)."""
    count = up(total, most)
    return count, total - (count - 1) * most
