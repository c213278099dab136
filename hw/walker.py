"""The layer's loops (Section IV-A, Fig. 7), walked by each data path on its own.

    for m group:                                     m ofmap channels
        for block:                                   n tiles, in order (image, strip, span), from the first
            for channel group:                       q r channels; a sweep over the block's psums
                for filter group:                    p t filters: a pass
                    for tile:                        e rows x f columns

No data path knows of another's progress: streams, credits and tokens keep them apart.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from .place import Block
from .settings import setting_ports
from .stream import signals

__all__ = ["WALK_SETTINGS", "LayerWalker", "tile_case"]

WALK_SETTINGS = ("tiles_last tiles_ragged groups_last groups_ragged channels_last blocks_last "
                 "filters_last strips_last spans_last first_strip first_span")


class LayerWalker(Block):
    """Where a data path is in the layer.

    Members
    -------
    start : begin the layer.
    step : the current tile is done; only while `running`.
    running : a tile is left to do.
    first_channels, last_channels, last_group, last_tile : this tile's place in the loops.
    sweep_ends : the last tile of a channel group.
    ragged_strip, ragged_span : the tile lies in the last strip or span and may be smaller.
    """

    module_name = "layer_walker"

    def __init__(self, chip):
        super().__init__(setting_ports(chip, WALK_SETTINGS) | {
            "start": In(1), "step": In(1), "running": Out(1),
            "first_channels": Out(1), "last_channels": Out(1), "last_group": Out(1), "last_tile": Out(1),
            "sweep_ends": Out(1), "block_ends": Out(1), "ragged_strip": Out(1), "ragged_span": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        tile = Signal.like(self.tiles_last)
        group = Signal.like(self.groups_last)
        channels = Signal.like(self.channels_last)
        block = Signal.like(self.blocks_last)
        filters = Signal.like(self.filters_last)
        last_block, last_filters = signals("last_block last_filters")
        m.d.comb += [
            last_block.eq(block == self.blocks_last), last_filters.eq(filters == self.filters_last),
            self.last_tile.eq(tile == Mux(last_block, self.tiles_ragged, self.tiles_last)),
            self.last_group.eq(group == Mux(last_filters, self.groups_ragged, self.groups_last)),
            self.first_channels.eq(channels == 0),
            self.last_channels.eq(channels == self.channels_last),
            self.sweep_ends.eq(self.last_tile & self.last_group),
            self.block_ends.eq(self.sweep_ends & self.last_channels),
        ]
        with m.If(self.start):
            m.d.sync += [self.running.eq(1), *(loop.eq(0) for loop in (tile, group, channels, block, filters))]
        with m.Elif(self.step):
            m.d.sync += tile.eq(Mux(self.last_tile, 0, tile + 1))
            with m.If(self.last_tile):
                m.d.sync += group.eq(Mux(self.last_group, 0, group + 1))
            with m.If(self.sweep_ends):
                m.d.sync += channels.eq(Mux(self.last_channels, 0, channels + 1))
            with m.If(self.block_ends):
                m.d.sync += block.eq(Mux(last_block, 0, block + 1))
            with m.If(self.block_ends & last_block):
                m.d.sync += [filters.eq(filters + 1), self.running.eq(~last_filters)]
        self._place_in_plane(m, last_block)
        return m

    def _place_in_plane(self, m, last_block):
        """Strip and span of the tile; every pass of a block starts from the block's first."""
        strip, block_strip, next_strip = signals("strip block_strip next_strip", self.strips_last.shape())
        span, block_span, next_span = signals("span block_span next_span", self.spans_last.shape())
        m.d.comb += [
            self.ragged_strip.eq(strip == self.strips_last), self.ragged_span.eq(span == self.spans_last),
            next_span.eq(Mux(self.ragged_span, 0, span + 1)),
            next_strip.eq(Mux(self.ragged_span, Mux(self.ragged_strip, 0, strip + 1), strip)),
        ]
        restart = self.start | (self.step & self.block_ends & last_block)
        with m.If(restart):
            m.d.sync += [place.eq(self.first_strip) for place in (strip, block_strip)]
            m.d.sync += [place.eq(self.first_span) for place in (span, block_span)]
        with m.Elif(self.step):
            with m.If(self.last_tile & ~self.block_ends):
                m.d.sync += [strip.eq(block_strip), span.eq(block_span)]
            with m.Else():
                m.d.sync += [strip.eq(next_strip), span.eq(next_span)]
            with m.If(self.block_ends):
                m.d.sync += [block_strip.eq(next_strip), block_span.eq(next_span)]


def tile_case(words, walker):
    """The element of a [ragged strip][ragged span] vector setting for the walker's tile."""
    index = walker.ragged_strip << 1 | walker.ragged_span
    return words.word_select(index, len(words) // 4)
