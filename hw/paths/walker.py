"""The layer's loops (Section IV-A, Fig. 7), walked by each data path on its own.

    for m group:                                     m ofmap channels
        for block:                                   n tiles, in order (image, strip, span), from the first
            for channel group:                       q r channels; a sweep over the block's psums
                for filter group:                    p t filters: a pass
                    for tile:                        e rows x f columns

No data path knows of another's progress: streams, credits and tokens keep them apart.

The handshake that ends a tile is known late in its cycle, so the loops are walked two tiles ahead of it.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import Loops
from hw.kit.block import Block, place
from hw.kit.settings import Settings
from hw.kit.stream import Queue, signals

__all__ = ["Tile", "Tiles", "tile_case"]


class Tile(data.Struct):
    """Where in the loops a tile is."""

    first_channels: 1
    last_channels: 1
    last_group: 1
    last_tile: 1
    sweep_ends: 1  # the last tile of a channel group
    block_ends: 1  # the last tile of all channel groups
    ragged_strip: 1  # the tile lies in the last strip, and may have fewer rows
    ragged_span: 1  # the tile lies in the last span, and may have fewer columns


class Tiles(Block):
    """The layer's tiles, one after another: where a data path is in the layer.

    Latency: `there` rises two cycles after `start`, with the first tile at `tile`. Throughput: a tile a cycle.

    Members
    -------
    loops : In(Settings).
    start : In(1), begin the layer in this cycle.
    step : In(1), the tile is done in this cycle; only while `there`.
    running : Out(1), a tile is left to do.
    there : Out(1), `tile` is one that is left to do.
    tile : Out(Tile), while `there`.
    """

    module_name = "tiles"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "loops": In(Settings(Loops, chip)), "start": In(1), "step": In(1), "running": Out(1), "there": Out(1),
            "tile": Out(Tile),
        })

    def elaborate(self, platform):
        m = Module()
        walker = place(m, LayerWalker(self._chip), "walker")
        ahead = place(m, Queue(Tile, 2), "ahead")
        connect(m, flipped(self.loops), walker.loops)
        m.d.comb += [
            walker.start.eq(self.start), walker.step.eq(walker.running & ahead.i.ready),
            ahead.i.valid.eq(walker.running), ahead.i.payload.eq(walker.tile),
            self.tile.eq(ahead.o.payload), ahead.o.ready.eq(self.step),
            self.there.eq(ahead.o.valid), self.running.eq(walker.running | self.there),
        ]
        return m


class LayerWalker(Block):
    """The loops, as counters.

    Latency: `running` rises a cycle after `start`, with the layer's first tile at `tile`. Throughput: a tile a cycle.

    Members
    -------
    loops : In(Settings).
    start : In(1), begin the layer in this cycle.
    step : In(1), go to the next tile; only while `running`.
    running : Out(1), `tile` is a tile of the layer.
    tile : Out(Tile), while `running`.
    """

    module_name = "layer_walker"
    LOOPS = ("tile", "group", "channels", "block", "filters")  # from the innermost

    def __init__(self, chip):
        super().__init__({
            "loops": In(Settings(Loops, chip)), "start": In(1), "step": In(1), "running": Out(1), "tile": Out(Tile),
        })

    def elaborate(self, platform):
        m = Module()
        # of each loop: it is at its last; all loops within are at theirs, too; it is at its last in the next tile
        last, ends, last_next = signals("last ends last_next", len(self.LOOPS))
        first_channels = Signal()
        for index, (limit, single) in enumerate(self._limits(last_next)):
            count = Signal(len(limit), name=self.LOOPS[index])
            within = ends[index - 1] if index else 1
            m.d.comb += [
                ends[index].eq(last[:index + 1].all()),
                last_next[index].eq(Mux(self.start | ends[index], single, Mux(within, count == 1, last[index]))),
            ]
            with m.If(self.start | self.step):
                m.d.sync += last[index].eq(last_next[index])
            with m.If(self.start | (self.step & ends[index])):
                m.d.sync += count.eq(limit)
            with m.Elif(self.step & within):
                m.d.sync += count.eq(count - 1)
        m.d.comb += [
            self.tile.last_tile.eq(last[0]), self.tile.last_group.eq(last[1]), self.tile.last_channels.eq(last[2]),
            self.tile.sweep_ends.eq(ends[1]), self.tile.block_ends.eq(ends[2]),
            self.tile.first_channels.eq(first_channels),
        ]
        with m.If(self.start):
            m.d.sync += [self.running.eq(1), first_channels.eq(1)]
        with m.Elif(self.step & self.tile.sweep_ends):
            m.d.sync += [self.running.eq(~ends[4]), first_channels.eq(self.tile.block_ends)]
        self._place_in_plane(m, self.start | ends[3])
        return m

    def _limits(self, last_next):
        """What each loop begins with next, less one, and whether that is one."""
        loops = self.loops
        filters, blocks = last_next[self.LOOPS.index("filters")], last_next[self.LOOPS.index("block")]
        ragged = (Mux(blocks, loops.tiles_ragged, loops.tiles_last),
                  Mux(filters, loops.groups_ragged, loops.groups_last))
        single = (Mux(blocks, loops.tiles_ragged == 0, loops.tiles_last == 0),
                  Mux(filters, loops.groups_ragged == 0, loops.groups_last == 0))
        others = [(limit, limit == 0) for limit in (loops.channels_last, loops.blocks_last, loops.filters_last)]
        return [*zip(ragged, single, strict=True), *others]

    def _place_in_plane(self, m, restart):
        """Strips and spans behind the tile's; every pass of a block starts from the block's first."""
        loops = self.loops
        shape = data.StructLayout({"strip": len(loops.strips_last), "span": len(loops.spans_last),
                                   "ragged_strip": 1, "ragged_span": 1})
        here, block, first, beside, following = signals("here block_start first beside following", shape)
        m.d.comb += [
            first.strip.eq(loops.strips_left), first.ragged_strip.eq(loops.strips_left == 0),
            first.span.eq(loops.spans_left), first.ragged_span.eq(loops.spans_left == 0),
            beside.eq(here),
        ]
        with m.If(here.ragged_span):
            m.d.comb += [beside.span.eq(loops.spans_last), beside.ragged_span.eq(loops.spans_last == 0)]
            with m.If(here.ragged_strip):
                m.d.comb += [beside.strip.eq(loops.strips_last), beside.ragged_strip.eq(loops.strips_last == 0)]
            with m.Else():
                m.d.comb += [beside.strip.eq(here.strip - 1), beside.ragged_strip.eq(here.strip == 1)]
        with m.Else():
            m.d.comb += [beside.span.eq(here.span - 1), beside.ragged_span.eq(here.span == 1)]
        m.d.comb += [
            following.eq(Mux(restart, first, Mux(self.tile.last_tile & ~self.tile.block_ends, block, beside))),
            self.tile.ragged_strip.eq(here.ragged_strip), self.tile.ragged_span.eq(here.ragged_span),
        ]
        with m.If(self.start | self.step):
            m.d.sync += here.eq(following)
        with m.If(self.start | (self.step & self.tile.block_ends)):
            m.d.sync += block.eq(following)


def tile_case(words, tile):
    """The element of a [ragged strip][ragged span] vector setting for a `Tile`."""
    index = tile.ragged_strip << 1 | tile.ragged_span
    return words.word_select(index, len(words) // 4)
