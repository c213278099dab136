"""Ofmaps of 8 bits: GLB -> bias, requantization -> words of eight values -> (RLC encoder) -> DRAM.

Beside the biases come the filters' factors: for each word of psums, biases of 32 bits, then as many words of factors.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.kit.block import Block, place
from hw.kit.memory import SinglePortSram
from hw.kit.payloads import QUAD
from hw.kit.stream import Queue, lanes, signals

from .ofmap import OfmapDrain
from .requantize import SUM, RequantizedWord, Requantizer
from .rlc import StreamWord

__all__ = ["Int8OfmapDrain", "OfmapPacker"]


class OfmapPacker(Block):
    """Puts the values of words side by side, eight to a word, up to a stream's end, where zeros fill the last.

    Latency: a cycle from the word that fills one, or that ends its stream. Throughput: a word a cycle.

    Members
    -------
    i : In(stream of RequantizedWord), one value for each psum of a word.
    o : Out(stream of StreamWord).
    running : Out(1), a value is held.
    """

    module_name = "ofmap_packer"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "i": In(stream.Signature(RequantizedWord(chip.word_psums))), "o": Out(stream.Signature(StreamWord(chip))),
            "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        parts = self._chip.word_values // self._chip.word_psums
        width = QUAD // parts
        part = Signal(range(parts))
        kept = Signal(QUAD - width)  # the parts before the one that comes
        whole, free = signals("whole free")
        came = self.i.payload.values.as_value()
        word = Cat(Mux(part > index, earlier, Mux(part == index, came, 0))
                   for index, earlier in enumerate([*lanes(kept, width), 0]))
        m.d.comb += [
            whole.eq(self.i.payload.last | (part == parts - 1)), free.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(~whole | free), self.running.eq((part != 0) | self.o.valid),
        ]
        with m.If(free):
            m.d.sync += self.o.valid.eq(self.i.valid & whole)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [part.eq(Mux(whole, 0, part + 1)), kept.eq(Mux(whole, 0, word))]
            with m.If(whole):
                m.d.sync += [
                    self.o.payload.values.eq(word), self.o.payload.last.eq(self.i.payload.last),
                    self.o.payload.nonzero.eq(Cat(value.any() for value in lanes(word, self._chip.data_width))),
                ]
        return m


class Int8OfmapDrain(OfmapDrain):
    """`OfmapDrain` of a chip of 8-bit values.

    Its ports are those of `OfmapDrain`, but for `ofmap_zero`, the ofmap's zero point, in place of `relu`.
    Latency: 17 cycles from `finished`, if that fills a word, to the word at `o`.
    """

    module_name = "int8_ofmap_drain"
    settings = {"ofmap_zero": In(8)}

    def _tables(self, m, load):
        count = 2 * SUM * self._chip.word_psums // QUAD
        tables = [place(m, SinglePortSram(self._chip.bias_words, QUAD), f"table_{index}") for index in range(count)]
        part = Signal(range(count))
        with m.If(load):
            m.d.sync += part.eq(part + 1)  # modulo count
        return tables, [load & (part == index) for index in range(count)], load & (part == count - 1)

    def _following(self, m):
        requantizer = place(m, Requantizer(self._chip.word_psums), "requantizer")
        packer = place(m, OfmapPacker(self._chip), "packer")
        out = place(m, Queue(StreamWord(self._chip), 2), "out")
        connect(m, requantizer.o, packer.i)
        connect(m, packer.o, out.i)
        connect(m, out.o, flipped(self.o))
        m.d.comb += requantizer.zero.eq(self.ofmap_zero)
        return requantizer.i, requantizer.running | packer.running | self.o.valid

    def _finish(self, word, psums, biases, last):
        count, width = self._chip.word_psums, self._chip.psum_width
        psums = [psum.as_signed() for psum in lanes(psums[:count * width], width)]
        biases, factors = biases[:SUM * count], biases[SUM * count:]
        return [
            word.last.eq(last), *(word.psums[index].eq(psum) for index, psum in enumerate(psums)),
            word.biases.as_value().eq(biases),
            word.factors.as_value().eq(Cat(factor[:SUM - 1] for factor in lanes(factors, SUM))),  # the sign is +
        ]
