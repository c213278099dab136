"""An ifmap bus of several values, an option beyond the chip (`ChipConfig.ifmap_bus_values`).

The q channels of an ifmap row and column go to the same PEs one after another, so they may as well go
side by side: a bus word holds up to 2 or 4 of them. That pays where zeros are skipped (`hw.array.zero_skip`),
as PEs then want more values than a bus of one can bring.

    words of four --> aligner --> 1 to 4 channels of one (column, row, channel set) --> ifmap GIN
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.kit.block import Block, place
from hw.kit.payloads import QUAD
from hw.kit.stream import lanes, signals

from .ifmap import IfmapSender

__all__ = ["IfmapAligner", "WideIfmapSender"]


class IfmapAligner(Block):
    """Takes one to `most` values of `bits` a cycle from words of them, wherever in a word they begin.

    Latency: none, the values are there with the word that ends them. Throughput: `most` values a cycle.

    Members
    -------
    i : In(stream of 64 bits), words of values.
    last : In(range(most)), one less than the values wanted in this cycle.
    available : Out(1), they are there.
    values : Out(bits * most), the values, 0 beyond the last; while `available`.
    take : In(1), they are used in this cycle; only while `available`.
    drop : In(1), the rest of the word is padding, the next value is the next word's first; with `take`, the rest is
        what follows the values taken.
    """

    def __init__(self, most, bits=16):
        self._most, self._bits = most, bits
        self.module_name = f"ifmap_aligner_{most}"
        super().__init__({
            "i": In(stream.Signature(QUAD)), "last": In(range(most)),
            "available": Out(1), "values": Out(bits * most), "take": In(1), "drop": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        bits, count = self._bits, QUAD // self._bits
        kept = Signal(QUAD - bits)  # the last word without its first value, which never stays
        left, first = signals("left first", range(count))  # values of it still to be taken; where they begin
        more = Signal()
        window = Cat(kept, self.i.payload)
        m.d.comb += [
            more.eq(self.last >= left), first.eq(count - 1 - left), self.available.eq(self.i.valid | ~more),
            self.i.ready.eq(self.take & more),
            self.values.eq(Cat(
                window.word_select(first, bits),
                *(Mux(index <= self.last, window.word_select(first + index, bits), 0)
                  for index in range(1, self._most)))),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += kept.eq(Cat(lanes(self.i.payload, bits)[1:]))
        with m.If(self.drop):
            m.d.sync += left.eq(0)
        with m.Elif(self.take):
            m.d.sync += left.eq(left - self.last - 1)  # modulo a word's values: they are added where it came
        return m


class WideIfmapSender(IfmapSender):
    """`IfmapSender` (whose ports it has) for a wide bus: a bus word a cycle.

    Its words are `ifmap_bus_word`s with as many channels as are left of the q, up to the bus's width.
    """

    module_name = "wide_ifmap_sender"

    def _source(self, m, word, q, produce, stored, tile_ends):
        most = self._chip.ifmap_bus_values
        aligner = place(m, IfmapAligner(most, self._chip.data_width), "aligner")
        connect(m, flipped(self.i), aligner.i)
        rest = Signal.like(self.ifmap_tile.q_last)
        m.d.comb += [
            rest.eq(self.ifmap_tile.q_last - q), aligner.last.eq(Mux(rest < most, rest, most - 1)),
            word.values.as_value().eq(Mux(stored, aligner.values, 0)), word.last.eq(aligner.last),
            aligner.take.eq(produce & stored), aligner.drop.eq(produce & tile_ends),
        ]
        return aligner.available | ~stored
