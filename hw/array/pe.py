"""The processing element (Fig. 12): one MAC a cycle, from the first window of a layer to the last."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.payloads import bus_width, ifmap_bus_word
from hw.kit.stream import join, signals

from .spads import FilterSpad, IfmapSpad, PsumSpad

__all__ = ["PE", "join_psums", "pe_ports", "scaled"]


def pe_ports(chip):
    """The ports of a PE."""
    psums = stream.Signature(bus_width(chip, "psum"))
    return {
        "p_last": In(range(chip.psum_spad_words)), "steps_last": In(range(chip.ifmap_spad_words)),
        "slide": In(range(chip.ifmap_spad_words + 1)),
        "filter_words": In(range(chip.filter_spad_words + 1)),
        "shift": In(5), "from_ln": In(1),
        "filters": In(stream.Signature(bus_width(chip, "filter"))),
        "ifmaps": In(stream.Signature(ifmap_bus_word(chip.ifmap_bus_values))),
        "psums_gin": In(psums), "psums_ln": In(psums), "psums_out": Out(psums),
        "mac": Out(1), "gated": Out(1),
    }


def join_psums(m, pe, spad):
    """A PE's psum streams: in from the local network or the GIN, as configured, and out."""
    join(m, spad.o, pe.psums_out)
    m.d.comb += [
        spad.i.valid.eq(Mux(pe.from_ln, pe.psums_ln.valid, pe.psums_gin.valid)),
        spad.i.payload.eq(Mux(pe.from_ln, pe.psums_ln.payload, pe.psums_gin.payload)),
        pe.psums_ln.ready.eq(spad.i.ready & pe.from_ln),
        pe.psums_gin.ready.eq(spad.i.ready & ~pe.from_ln),
    ]


def scaled(product, shift):
    """The lower 16 bits of `product` >> `shift`, for a shift of 0 to 16.

    The greatest distances first, so that each step has fewer bits to move than the one before.
    """
    bits = wide = Cat(product, product[-1].replicate(32 - len(product)))
    for place_ in (3, 2, 1, 0):
        kept = 15 + (1 << place_)
        bits = Mux(shift[place_], bits[1 << place_:][:kept], bits[:kept])
    return Mux(shift[4], wide[16:], bits).as_signed()


class PE(Block):
    """p x q interleaved 1-D convolution primitives (Fig. 6).

    For each position of an ofmap row the q S values of the window are taken in turn, and each meets its
    p weights in p cycles. Stages: issue, spad access, multiply, add; the paper has no stage to issue.

        ifmap spad --+
                     +--> multiply --> select 16 of 32 --> + --> psum spad --> + --> psums_out
        filter spad -+                                                         ^
                                                              psums_gin or psums_ln

    The PE needs no count of positions, rows or tiles: `row_ends` and `pass_ends` come with the ifmaps.

    Parameters
    ----------
    chip : ChipConfig

    Members
    -------
    p_last, steps_last, slide, filter_words, shift, from_ln : configuration, see `hw.config.fields`.
    filters, ifmaps, psums_gin, psums_ln : streams in.
    psums_out : stream out, to the PE above or the GON.
    mac, gated : a MAC is in the last stage; its ifmap value was zero, so nothing was read or multiplied.
    """

    module_name = "pe"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(pe_ports(chip))

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        ifmap = place(m, IfmapSpad(chip.ifmap_spad_words, chip.ifmap_fifo_depth, chip.ifmap_bus_values,
                                   chip.data_width), "ifmap_spad")
        weights = place(m, FilterSpad(chip.filter_spad_words, chip.filter_bus_values, chip.data_width), "filter_spad")
        psum = place(m, PsumSpad(chip.psum_spad_words, chip.psum_fifo_depth, chip.psum_bus_values), "psum_spad")
        join(m, self.ifmaps, ifmap.i)
        join(m, self.filters, weights.i)
        join_psums(m, self, psum)
        m.d.comb += [
            weights.words.eq(self.filter_words), psum.p_last.eq(self.p_last),
        ]
        self._datapath(m, ifmap, weights, psum, *self._issue(m, ifmap, weights, psum))
        return m

    def _issue(self, m, ifmap, weights, psum):
        """Stage 1: which word meets which weight; returns (issue, first, last, group_ends)."""
        step = Signal.like(self.steps_last)
        k = Signal.like(self.p_last)
        issue, first, last, group_ends = signals("issue first last group_ends")
        row_ends, pass_ends = signals("row_ends pass_ends")
        row_ended, pass_ended = signals("row_ended pass_ended")  # flags of the window's first word, kept
        m.d.comb += [
            first.eq(step == 0), last.eq(step == self.steps_last), group_ends.eq(k == self.p_last),
            issue.eq(ifmap.available & weights.available & (psum.space | ~first)),
            row_ends.eq(Mux(first, ifmap.row_ends, row_ended)),
            pass_ends.eq(Mux(first, ifmap.pass_ends, pass_ended)),
            ifmap.step.eq(issue & group_ends),
            ifmap.retire.eq(row_ends | (step < self.slide)), ifmap.rewind.eq(last),
            weights.step.eq(issue), weights.read.eq(issue & ~ifmap.zero),
            weights.retire.eq(pass_ends), weights.rewind.eq(last & group_ends),
            psum.reserve.eq(issue & first),
        ]
        with m.If(issue):
            m.d.sync += k.eq(Mux(group_ends, 0, k + 1))
            with m.If(group_ends):
                m.d.sync += [
                    step.eq(Mux(last, 0, step + 1)),
                    row_ended.eq(row_ends), pass_ended.eq(pass_ends),
                ]
        return issue, first, last, group_ends

    def _datapath(self, m, ifmap, weights, psum, issue, first, last, group_ends):
        """Stages 2 to 4; once issued, a MAC never stops."""
        flags = Signal(5)  # valid, zero, first, last, group_ends
        reading, multiplying, adding = signals("reading multiplying adding", 5)
        width = self._chip.data_width
        value, factor, weight = (Signal(signed(width), name=name, reset_less=True)
                                 for name in ("value", "factor", "weight"))
        product = Signal(signed(2 * width), reset_less=True)
        m.d.comb += flags.eq(issue | ifmap.zero << 1 | first << 2 | last << 3 | group_ends << 4)
        m.d.sync += [reading.eq(Mux(issue, flags, 0)), multiplying.eq(reading), adding.eq(multiplying)]
        with m.If(issue & ~ifmap.zero):
            m.d.sync += value.eq(ifmap.value)
        with m.If(reading[0] & ~reading[1]):
            # an SRAM's access and a multiplication are too much for one cycle
            m.d.sync += [factor.eq(value), weight.eq(weights.data)]
        with m.If(multiplying[0]):
            # cleared, and not masked where it is added: registers can do that for nothing
            m.d.sync += product.eq(Mux(multiplying[1], 0, factor * weight))
        m.d.comb += [
            psum.accumulate.eq(adding[0]), psum.first.eq(adding[2]), psum.last.eq(adding[3]),
            psum.rewind.eq(adding[4]),
            psum.value.eq(scaled(product, self.shift)),
            self.mac.eq(adding[0]), self.gated.eq(adding[0] & adding[1]),
        ]
