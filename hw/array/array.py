"""The PE array: rows of PEs, the local network up the columns, three GINs and the GON around them."""

from amaranth.hdl import Cat, Const, Module, ResetSignal, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import Networks, Pe
from hw.kit.block import Block, place
from hw.kit.interfaces import PsumRow, RowBus, Tagged
from hw.kit.payloads import UNCLAIMED, bus_width, tag_layout
from hw.kit.settings import Settings, delayed_settings
from hw.kit.stream import tree_sum

from .noc import Gin, Gon
from .pe import PE
from .zero_skip import ZeroSkipPE

__all__ = ["PEArray", "PERow"]


class PERow(Block):
    """A row of PEs: the targets of one X-bus of each network.

    Members
    -------
    pe : In(Settings), of the PEs.
    above : Out(Settings), the same a cycle later, for the PEs here and for the row above, so that no wire of theirs
        has to go to all rows. The controller lets them reach the top before the data paths start.
    filters, ifmaps, psums : In(RowBus), from the GINs.
    from_ln : In(columns), setting: for each PE, psums come from below instead of the GIN.
    ln_in : In(PsumRow), from the row below.
    ln_out : Out(PsumRow), for the row above or the GON.
    macs, gated : Out(range(columns + 1)), MACs, and gated MACs, of the cycle before.
    """

    module_name = "pe_row"

    def __init__(self, chip):
        self._chip = chip
        columns = chip.columns
        super().__init__({
            "pe": In(Settings(Pe, chip)), "above": Out(Settings(Pe, chip)), "from_ln": In(columns),
            "filters": In(RowBus(bus_width(chip, "filter"), columns)),
            "ifmaps": In(RowBus(bus_width(chip, "ifmap"), columns)),
            "psums": In(RowBus(bus_width(chip, "psum"), columns)),
            "ln_in": In(PsumRow(chip)), "ln_out": Out(PsumRow(chip)),
            "macs": Out(range(columns + 1)), "gated": Out(range(columns + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        kind = (ZeroSkipPE if self._chip.zero_skip else PE)(self._chip)
        pes = [place(m, kind, f"pe_{x}") for x in range(self._chip.columns)]
        delayed_settings(m, self.pe, self.above)
        for x, pe in enumerate(pes):
            connect(m, self.above, pe.pe)
            for bus, words in ((self.filters, pe.filters), (self.ifmaps, pe.ifmaps), (self.psums, pe.psums_gin)):
                m.d.comb += [
                    words.payload.eq(bus.data), words.valid.eq(bus.valids[x]), bus.readies[x].eq(words.ready),
                ]
            m.d.comb += [
                pe.from_ln.eq(self.from_ln[x]),
                pe.psums_ln.payload.eq(self.ln_in.data[x]), pe.psums_ln.valid.eq(self.ln_in.valids[x]),
                self.ln_in.readies[x].eq(pe.psums_ln.ready),
                self.ln_out.data[x].eq(pe.psums_out.payload), self.ln_out.valids[x].eq(pe.psums_out.valid),
                pe.psums_out.ready.eq(self.ln_out.readies[x]),
            ]
        m.d.sync += [
            self.macs.eq(tree_sum(pe.mac for pe in pes)), self.gated.eq(tree_sum(pe.gated for pe in pes)),
        ]
        return m


class PEArray(Block):
    """The spatial array with its networks.

    Row 0 is the top; psums climb from row y + 1 to row y wherever `from_ln` of row y says so, and leave
    by the GON elsewhere. A reset reaches row 0 as many cycles late as there are rows; words may come after that.

    Members
    -------
    pe, networks : In(Settings).
    filters, ifmaps, psums : In(Tagged), words for the three GINs.
    requests : In(stream of tag_layout), tags of the psum words to fetch.
    ofmaps : Out(stream of a bus word), those words.
    macs, gated : Out(range(pes + 1)), MACs, and gated MACs, of two cycles before.
    filters_held : Out(1), a word of weights is on its way to the PEs.
    unclaimed : Out(UNCLAIMED), a word, or a request, that no PE answers to is there in this cycle.
    """

    module_name = "pe_array"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "pe": In(Settings(Pe, chip)), "networks": In(Settings(Networks, chip)),
            "filters": In(Tagged(chip, "filter")), "ifmaps": In(Tagged(chip, "ifmap")),
            "psums": In(Tagged(chip, "psum")), "requests": In(stream.Signature(tag_layout(chip, "psum"))),
            "ofmaps": Out(stream.Signature(bus_width(chip, "psum"))),
            "macs": Out(range(chip.pes + 1)), "gated": Out(range(chip.pes + 1)),
            "filters_held": Out(1), "unclaimed": Out(UNCLAIMED),
        })

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        # as settings do, resets go from row to row: one net to all PEs keeps an FPGA's router busy
        resets = Signal(chip.rows, init=(1 << chip.rows) - 1, reset_less=True)
        m.d.sync += resets.eq(Cat(resets[1:], ResetSignal()))
        kind = PERow(chip)
        rows = [place(m, kind, f"row_{y}", resets={"sync": resets[y]}) for y in range(chip.rows)]
        gon = self._gon(m)
        self._gins(m, rows)
        self._local_network(m, rows, gon)
        for row, below in zip(rows, rows[1:], strict=False):
            connect(m, below.above, row.pe)
        connect(m, flipped(self.pe), rows[-1].pe)
        m.d.sync += [
            self.macs.eq(tree_sum(row.macs for row in rows)),
            self.gated.eq(tree_sum(row.gated for row in rows)),
        ]
        return m

    def _gon(self, m):
        gon = place(m, Gon(self._chip), "gon")
        connect(m, flipped(self.requests), gon.request)
        connect(m, gon.o, flipped(self.ofmaps))
        m.d.comb += [
            gon.row_ids.eq(self.networks.gon_row_id), gon.col_ids.eq(self.networks.psum_col_id),
            self.unclaimed.requests.eq(gon.unclaimed),
        ]
        return gon

    def _gins(self, m, rows):
        ids = self.networks
        filters, ifmaps, psums = (place(m, Gin(self._chip, name), f"gin_{name}")
                                  for name in ("filter", "ifmap", "psum"))
        connect(m, flipped(self.filters), filters.i)
        connect(m, flipped(self.ifmaps), ifmaps.i)
        connect(m, flipped(self.psums), psums.i)
        for y, row in enumerate(rows):
            connect(m, filters.rows[y], row.filters)
            connect(m, ifmaps.rows[y], row.ifmaps)
            connect(m, psums.rows[y], row.psums)
        m.d.comb += [
            filters.row_ids.eq(ids.filter_row_id), filters.col_ids.eq(ids.filter_col_id),
            ifmaps.row_ids.eq(ids.ifmap_row_id), ifmaps.col_ids.eq(ids.ifmap_col_id),
            psums.row_ids.eq(ids.psum_row_id), psums.col_ids.eq(ids.psum_col_id),
            filters.enables.eq(ids.active), ifmaps.enables.eq(ids.active),
            psums.enables.eq(ids.active & ~ids.from_ln),  # only the bottom PEs of the sets take psums from the GIN
            self.filters_held.eq(filters.held), self.unclaimed.filters.eq(filters.unclaimed),
            self.unclaimed.ifmaps.eq(ifmaps.unclaimed), self.unclaimed.psums.eq(psums.unclaimed),
        ]

    def _local_network(self, m, rows, gon):
        """Psums to the row above, or to the GON."""
        columns = self._chip.columns
        feeds_ln = Const(0, columns)  # which PEs of a row send their psums up
        for y, row in enumerate(rows):
            from_ln = self.networks.from_ln.word_select(y, columns)
            active = self.networks.active.word_select(y, columns)
            m.d.comb += [
                row.from_ln.eq(from_ln), gon.enables.word_select(y, columns).eq(active & ~feeds_ln),
                gon.rows[y].valids.eq(row.ln_out.valids),
                *(gon.rows[y].data[x].eq(row.ln_out.data[x]) for x in range(columns)),
            ]
            if y + 1 < self._chip.rows:
                below = rows[y + 1].ln_out
                m.d.comb += [
                    row.ln_in.valids.eq(below.valids), *(row.ln_in.data[x].eq(below.data[x]) for x in range(columns)),
                    below.readies.eq((from_ln & row.ln_in.readies) | gon.rows[y + 1].readies),
                ]
            feeds_ln = from_ln
        m.d.comb += rows[0].ln_out.readies.eq(gon.rows[0].readies)
