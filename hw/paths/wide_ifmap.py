"""An ifmap bus of several values, an option beyond the chip (`ChipConfig.ifmap_bus_values`).

The q channels of an ifmap row and column go to the same PEs one after another, so they may as well go
side by side: a bus word holds up to 2 or 4 of them. That pays where zeros are skipped (`hw.array.zero_skip`),
as PEs then want more values than a bus of one can bring.

    words of four --> aligner --> 1 to 4 channels of one (column, row, channel set) --> ifmap GIN
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.payloads import LANES, QUAD
from hw.kit.settings import attach
from hw.kit.stream import Queue, join, lanes, signals

from .ifmap import IfmapSender
from .walker import WALK_SETTINGS, Tiles

__all__ = ["IfmapAligner", "WideIfmapSender"]


class IfmapAligner(Block):
    """Takes one to `most` values a cycle from words of four, wherever in a word they begin.

    Members
    -------
    i : words of four values.
    last : one less than the values wanted; available : they are there, as `values`, 0 beyond the last.
    take : they are used; only while `available`.
    drop : what is left of the word is padding, the next value is the next word's first; together with a
        `take`, after it.
    """

    def __init__(self, most):
        self._most = most
        self.module_name = f"ifmap_aligner_{most}"
        super().__init__({
            "i": In(stream.Signature(QUAD)), "last": In(range(most)),
            "available": Out(1), "values": Out(16 * most), "take": In(1), "drop": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        kept = Signal(QUAD - 16)  # the last word without its first value, which never stays
        left, first = signals("left first", range(LANES))  # values of it still to be taken; where they begin
        more = Signal()
        window = Cat(kept, self.i.payload)
        m.d.comb += [
            more.eq(self.last >= left), first.eq(LANES - 1 - left), self.available.eq(self.i.valid | ~more),
            self.i.ready.eq(self.take & more),
            self.values.eq(Cat(
                window.word_select(first, 16),
                *(Mux(index <= self.last, window.word_select(first + index, 16), 0)
                  for index in range(1, self._most)))),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += kept.eq(Cat(lanes(self.i.payload)[1:]))
        with m.If(self.drop):
            m.d.sync += left.eq(0)
        with m.Elif(self.take):
            m.d.sync += left.eq(left - self.last - 1)  # modulo LANES, which adds a word's values where it came
        return m


class WideIfmapSender(IfmapSender):
    """`IfmapSender` (whose ports it has) for a wide bus: a bus word a cycle.

    Its words are `ifmap_bus_word`s with as many channels as are left of the q, up to the bus's width.
    """

    module_name = "wide_ifmap_sender"

    def elaborate(self, platform):
        m = Module()
        most = self._chip.ifmap_bus_values
        tiles = place(m, Tiles(self._chip), "tiles")
        attach(m, tiles, self, WALK_SETTINGS)
        aligner = place(m, IfmapAligner(most), "aligner")
        join(m, self.i, aligner.i)
        produce, tile_ends, stored, ends_row = signals("produce tile_ends stored ends_row")
        column, row, tag, q = self._counters(m, tiles, produce, tile_ends, most)
        out = place(m, Queue(len(self.o.payload.as_value()), 2), "out")
        join(m, out.o, self.o)
        rest = Signal.like(self.q_last)
        m.d.comb += [
            rest.eq(self.q_last - q), aligner.last.eq(Mux(rest < most, rest, most - 1)),
            stored.eq(row <= Mux(tiles.ragged_strip, self.rows_ragged, self.rows_last)),
            ends_row.eq((q == 0) & (column == Mux(tiles.ragged_span, self.final_ragged, self.final_column))),
            produce.eq(tiles.there & (aligner.available | ~stored) & out.i.ready),
            out.i.valid.eq(produce),
            out.i.payload.eq(Cat(Mux(stored, aligner.values, 0), ends_row, ends_row & tiles.last_tile, aligner.last,
                                 tag)),
            aligner.take.eq(produce & stored), aligner.drop.eq(produce & tile_ends),
            tiles.start.eq(self.start), tiles.step.eq(produce & tile_ends),
            self.pass_ends.eq(produce & tile_ends & tiles.last_tile),
        ]
        return m
