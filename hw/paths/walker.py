"""The layer's loops (Section IV-A, Fig. 7), walked by each data path on its own.

    for m group:                                     m ofmap channels
        for block:                                   n tiles, in order (image, strip, span), from the first
            for channel group:                       q r channels; a sweep over the block's psums
                for filter group:                    p t filters: a pass
                    for tile:                        e rows x f columns

No data path knows of another's progress: streams, credits and tokens keep them apart.

Handshakes that step through the tiles come late in a cycle, so the loops are walked two tiles ahead of them.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.settings import attach, setting_ports
from hw.kit.stream import Queue, signals

__all__ = ["WALK_SETTINGS", "Tiles", "tile_case"]

WALK_SETTINGS = ("tiles_last tiles_ragged groups_last groups_ragged channels_last blocks_last "
                 "filters_last strips_last spans_last strips_left spans_left")
LOOPS = ("tile", "group", "channels", "block", "filters")  # from the innermost
FLAGS = ("first_channels", "last_channels", "last_group", "last_tile", "sweep_ends", "block_ends", "ragged_strip",
         "ragged_span")


class Tiles(Block):
    """The layer's tiles, one after another: where a data path is in the layer.

    Members
    -------
    start : begin the layer.
    running : a tile is left to do; there : one is at hand, two cycles after `start` and right after `step`.
    step : it is done; only while it is `there`.
    first_channels, last_channels, last_group, last_tile : its place in the loops.
    sweep_ends, block_ends : the last tile of a channel group; of all channel groups.
    ragged_strip, ragged_span : the tile lies in the last strip or span and may be smaller.
    """

    module_name = "tiles"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(setting_ports(chip, WALK_SETTINGS) | {
            "start": In(1), "step": In(1), "running": Out(1), "there": Out(1), **dict.fromkeys(FLAGS, Out(1)),
        })

    def elaborate(self, platform):
        m = Module()
        walker = place(m, LayerWalker(self._chip), "walker")
        ahead = place(m, Queue(len(FLAGS), 2), "ahead")
        attach(m, walker, self, WALK_SETTINGS)
        m.d.comb += [
            walker.start.eq(self.start), walker.step.eq(walker.running & ahead.i.ready),
            ahead.i.valid.eq(walker.running), ahead.i.payload.eq(Cat(getattr(walker, name) for name in FLAGS)),
            Cat(getattr(self, name) for name in FLAGS).eq(ahead.o.payload), ahead.o.ready.eq(self.step),
            self.there.eq(ahead.o.valid), self.running.eq(walker.running | self.there),
        ]
        return m


class LayerWalker(Block):
    """The loops: `step` leads to the next tile, `running` says that there is one; flags as of `Tiles`."""

    module_name = "layer_walker"

    def __init__(self, chip):
        super().__init__(setting_ports(chip, WALK_SETTINGS) | {
            "start": In(1), "step": In(1), "running": Out(1), **dict.fromkeys(FLAGS, Out(1)),
        })

    def elaborate(self, platform):
        m = Module()
        # of each loop: it is at its last; all loops within are at theirs, too; it is at its last in the next tile
        last, ends, last_next = signals("last ends last_next", len(LOOPS))
        for index, (limit, single) in enumerate(self._limits(last_next)):
            count = Signal(len(limit), name=LOOPS[index])
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
            Cat(self.last_tile, self.last_group, self.last_channels).eq(last),
            self.sweep_ends.eq(ends[1]), self.block_ends.eq(ends[2]),
        ]
        with m.If(self.start):
            m.d.sync += [self.running.eq(1), self.first_channels.eq(1)]
        with m.Elif(self.step & self.sweep_ends):
            m.d.sync += [self.running.eq(~ends[4]), self.first_channels.eq(self.block_ends)]
        self._place_in_plane(m, self.start | ends[3])
        return m

    def _limits(self, last_next):
        """What each loop begins with next, less one, and whether that is one."""
        filters, blocks = last_next[LOOPS.index("filters")], last_next[LOOPS.index("block")]
        ragged = (Mux(blocks, self.tiles_ragged, self.tiles_last), Mux(filters, self.groups_ragged, self.groups_last))
        single = (Mux(blocks, self.tiles_ragged == 0, self.tiles_last == 0),
                  Mux(filters, self.groups_ragged == 0, self.groups_last == 0))
        others = [(limit, limit == 0) for limit in (self.channels_last, self.blocks_last, self.filters_last)]
        return [*zip(ragged, single, strict=True), *others]

    def _place_in_plane(self, m, restart):
        """Strips and spans behind the tile's; every pass of a block starts from the block's first."""
        place = data.StructLayout({"strip": len(self.strips_last), "span": len(self.spans_last),
                                   "ragged_strip": 1, "ragged_span": 1})
        here, block, first, beside, following = (
            Signal(place, name=name) for name in ("here", "block_start", "first", "beside", "following"))
        m.d.comb += [
            first.strip.eq(self.strips_left), first.ragged_strip.eq(self.strips_left == 0),
            first.span.eq(self.spans_left), first.ragged_span.eq(self.spans_left == 0),
            beside.eq(here),
        ]
        with m.If(here.ragged_span):
            m.d.comb += [beside.span.eq(self.spans_last), beside.ragged_span.eq(self.spans_last == 0)]
            with m.If(here.ragged_strip):
                m.d.comb += [beside.strip.eq(self.strips_last), beside.ragged_strip.eq(self.strips_last == 0)]
            with m.Else():
                m.d.comb += [beside.strip.eq(here.strip - 1), beside.ragged_strip.eq(here.strip == 1)]
        with m.Else():
            m.d.comb += [beside.span.eq(here.span - 1), beside.ragged_span.eq(here.span == 1)]
        m.d.comb += [
            following.eq(Mux(restart, first, Mux(self.last_tile & ~self.block_ends, block, beside))),
            self.ragged_strip.eq(here.ragged_strip), self.ragged_span.eq(here.ragged_span),
        ]
        with m.If(self.start | self.step):
            m.d.sync += here.eq(following)
        with m.If(self.start | (self.step & self.block_ends)):
            m.d.sync += block.eq(following)


def tile_case(words, tiles):
    """The element of a [ragged strip][ragged span] vector setting for the tile at hand."""
    index = tiles.ragged_strip << 1 | tiles.ragged_span
    return words.word_select(index, len(words) // 4)
