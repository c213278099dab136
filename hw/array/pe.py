"""The processing element (Fig. 12): one MAC a cycle, from the first window of a layer to the last."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import Pe
from hw.kit.block import Block, place
from hw.kit.payloads import bus_word
from hw.kit.settings import Settings
from hw.kit.stream import signals

from .mac import MacFlags, mac_pipeline
from .spads import FilterSpad, IfmapSpad, PsumSpad

__all__ = ["PE", "join_psums", "pe_ports", "shift_of"]


def pe_ports(chip):
    """The ports of a PE."""
    psums = stream.Signature(bus_word(chip, "psum"))
    return {
        "pe": In(Settings(Pe, chip)), "from_ln": In(1),
        "filters": In(stream.Signature(bus_word(chip, "filter"))),
        "ifmaps": In(stream.Signature(bus_word(chip, "ifmap"))),
        "psums_gin": In(psums), "psums_ln": In(psums), "psums_out": Out(psums),
        "mac": Out(1), "gated": Out(1),
    }


def shift_of(settings, chip):
    """The setting of a chip that shifts its products; None of one of 8-bit values."""
    return settings.shift if chip.data_width == 16 else None


def join_psums(m, pe, spad):
    """A PE's psum streams: in from the local network or the GIN, as configured, and out."""
    connect(m, spad.o, flipped(pe.psums_out))
    m.d.comb += [
        spad.i.valid.eq(Mux(pe.from_ln, pe.psums_ln.valid, pe.psums_gin.valid)),
        spad.i.payload.eq(Mux(pe.from_ln, pe.psums_ln.payload, pe.psums_gin.payload)),
        pe.psums_ln.ready.eq(spad.i.ready & pe.from_ln),
        pe.psums_gin.ready.eq(spad.i.ready & ~pe.from_ln),
    ]


class PE(Block):
    """p x q interleaved 1-D convolution primitives (Fig. 6).

    For each position of an ofmap row the q S values of the window are taken in turn, and each meets its
    p weights in p cycles. Stages: issue, spad access, multiply, add; the paper has no stage to issue.
    Latency: a MAC changes its psum three cycles after it was issued. Throughput: a MAC a cycle.

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
    pe : In(Settings).
    from_ln : In(1), setting: psums come from the local network, else from the GIN.
    filters : In(stream), words of weights.
    ifmaps : In(stream), words of the ifmap bus.
    psums_gin : In(stream), words of psums from the GIN.
    psums_ln : In(stream), words of psums from the PE below.
    psums_out : Out(stream), to the PE above or the GON.
    mac : Out(1), a MAC is in the last stage in this cycle.
    gated : Out(1), its ifmap value is zero, so nothing was read or multiplied for it.
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
        psum = place(m, PsumSpad(chip.psum_spad_words, chip.psum_fifo_depth, chip.psum_bus_values,
                                 width=chip.psum_width), "psum_spad")
        connect(m, flipped(self.ifmaps), ifmap.i)
        connect(m, flipped(self.filters), weights.i)
        join_psums(m, self, psum)
        m.d.comb += [
            weights.words.eq(self.pe.filter_words), psum.p_last.eq(self.pe.p_last),
        ]
        issued = self._issue(m, ifmap, weights, psum)
        mac, value = mac_pipeline(m, chip.data_width, issued, ifmap.value, weights.data, shift_of(self.pe, chip))
        m.d.comb += [
            psum.accumulate.eq(mac.valid), psum.first.eq(mac.first), psum.last.eq(mac.last),
            psum.rewind.eq(mac.group_ends), psum.value.eq(value),
            self.mac.eq(mac.valid), self.gated.eq(mac.valid & mac.zero),
        ]
        return m

    def _issue(self, m, ifmap, weights, psum):
        """Stage 1: which word meets which weight; the MacFlags of a MAC, all 0 where there is none."""
        step = Signal.like(self.pe.steps_last)
        k = Signal.like(self.pe.p_last)
        flags, issued = signals("flags issued", MacFlags)
        issue, first, last, group_ends = signals("issue first last group_ends")
        row_ends, pass_ends = signals("row_ends pass_ends")
        row_ended, pass_ended = signals("row_ended pass_ended")  # flags of the window's first word, kept
        m.d.comb += [
            first.eq(step == 0), last.eq(step == self.pe.steps_last), group_ends.eq(k == self.pe.p_last),
            issue.eq(ifmap.available & weights.available & (psum.space | ~first)),
            row_ends.eq(Mux(first, ifmap.row_ends, row_ended)),
            pass_ends.eq(Mux(first, ifmap.pass_ends, pass_ended)),
            ifmap.step.eq(issue & group_ends),
            ifmap.retire.eq(row_ends | (step < self.pe.slide)), ifmap.rewind.eq(last),
            weights.step.eq(issue), weights.read.eq(issue & ~ifmap.zero),
            weights.retire.eq(pass_ends), weights.rewind.eq(last & group_ends),
            psum.reserve.eq(issue & first),
            flags.valid.eq(issue), flags.zero.eq(ifmap.zero), flags.first.eq(first), flags.last.eq(last),
            flags.group_ends.eq(group_ends), issued.eq(Mux(issue, flags, 0)),
        ]
        with m.If(issue):
            m.d.sync += k.eq(Mux(group_ends, 0, k + 1))
            with m.If(group_ends):
                m.d.sync += [
                    step.eq(Mux(last, 0, step + 1)),
                    row_ended.eq(row_ends), pass_ended.eq(pass_ends),
                ]
        return issued
