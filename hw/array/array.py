"""The PE array: rows of PEs, the local network up the columns, three GINs and the GON around them."""

from amaranth.hdl import Cat, Const, Module, ResetSignal, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.payloads import bus_width, tag_layout
from hw.kit.settings import setting_ports
from hw.kit.stream import join, tree_sum

from .noc import Gin, Gon
from .pe import PE, pe_ports
from .zero_skip import ZeroSkipPE

__all__ = ["NETWORKS", "PE_SETTINGS", "UNCLAIMED", "PEArray", "PERow", "Tagged"]

ID_SETTINGS = ("active from_ln filter_row_id ifmap_row_id psum_row_id gon_row_id filter_col_id ifmap_col_id"
               " psum_col_id")
PE_SETTINGS = ("p_last", "steps_last", "slide", "filter_words", "shift")
NETWORKS = ("filter", "ifmap", "psum")
UNCLAIMED = data.StructLayout({"filters": 1, "ifmaps": 1, "psums": 1, "requests": 1})


def Tagged(chip, name):
    """Stream signature of a word and its tag for GIN `name`."""
    return stream.Signature(data.StructLayout({"data": bus_width(chip, name), "tag": tag_layout(chip, name)}))


def _settings(chip):
    ports = pe_ports(chip)
    return {name: ports[name] for name in PE_SETTINGS}


class PERow(Block):
    """A row of PEs: the targets of one X-bus of each network.

    Members
    -------
    filter, ifmap, psum : for each GIN its bus (`_data`) and the handshakes of the PEs.
    ln_in : psums from the row below; ln_out : this row's, for the row above or the GON.
    from_ln : for each PE, psums come from below instead of the GIN.
    macs, gated : how many MACs, and how many of them gated, in this cycle; one cycle late.
    above_* : the PEs' settings, handed on to the row above a cycle later, so that no wire of theirs has to go to all
        rows. The controller lets them reach the top before the data paths start.
    """

    module_name = "pe_row"

    def __init__(self, chip):
        self._chip = chip
        columns, psum_width = chip.columns, bus_width(chip, "psum")
        ports = _settings(chip) | {
            "from_ln": In(columns),
            "ln_in_data": In(psum_width).array(columns), "ln_in_valids": In(columns),
            "ln_in_readies": Out(columns),
            "ln_out_data": Out(psum_width).array(columns), "ln_out_valids": Out(columns),
            "ln_out_readies": In(columns),
            "macs": Out(range(columns + 1)), "gated": Out(range(columns + 1)),
        }
        ports |= {f"above_{name}": Out(port.shape) for name, port in _settings(chip).items()}
        for name in NETWORKS:
            ports |= {f"{name}_data": In(bus_width(chip, name)), f"{name}_valids": In(columns),
                      f"{name}_readies": Out(columns)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        kind = (ZeroSkipPE if self._chip.zero_skip else PE)(self._chip)
        pes = [place(m, kind, f"pe_{x}") for x in range(self._chip.columns)]
        for x, pe in enumerate(pes):
            m.d.comb += [getattr(pe, name).eq(getattr(self, f"above_{name}")) for name in PE_SETTINGS]
            streams = {"filter": pe.filters, "ifmap": pe.ifmaps, "psum": pe.psums_gin}
            for name, sink in streams.items():
                m.d.comb += [
                    sink.payload.eq(getattr(self, f"{name}_data")),
                    sink.valid.eq(getattr(self, f"{name}_valids")[x]),
                    getattr(self, f"{name}_readies")[x].eq(sink.ready),
                ]
            m.d.comb += [
                pe.from_ln.eq(self.from_ln[x]),
                pe.psums_ln.payload.eq(self.ln_in_data[x]), pe.psums_ln.valid.eq(self.ln_in_valids[x]),
                self.ln_in_readies[x].eq(pe.psums_ln.ready),
                self.ln_out_data[x].eq(pe.psums_out.payload),
                self.ln_out_valids[x].eq(pe.psums_out.valid),
                pe.psums_out.ready.eq(self.ln_out_readies[x]),
            ]
        for name in PE_SETTINGS:
            here = Signal.like(getattr(self, name), name=f"own_{name}", reset_less=True)
            m.d.sync += here.eq(getattr(self, name))
            m.d.comb += getattr(self, f"above_{name}").eq(here)
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
    filters, ifmaps, psums : tagged words for the three GINs.
    requests, ofmaps : tags of the psum words to fetch, and the words.
    macs, gated : MACs in this cycle, two cycles late.
    filters_held : a word of weights is on its way to the PEs.
    unclaimed : for each network, a word, or a request, that no PE answers to.
    The rest is configuration, see `hw.config.fields`.
    """

    module_name = "pe_array"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(_settings(chip) | {
            **setting_ports(chip, ID_SETTINGS),
            **{f"{name}s": In(Tagged(chip, name)) for name in NETWORKS},
            "requests": In(stream.Signature(tag_layout(chip, "psum"))),
            "ofmaps": Out(stream.Signature(bus_width(chip, "psum"))),
            "macs": Out(range(chip.pes + 1)), "gated": Out(range(chip.pes + 1)),
            "filters_held": Out(1), "unclaimed": Out(UNCLAIMED),
        })

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        columns = chip.columns
        # as settings do, resets go from row to row: one net to all PEs keeps an FPGA's router busy
        resets = Signal(chip.rows, init=(1 << chip.rows) - 1, reset_less=True)
        m.d.sync += resets.eq(Cat(resets[1:], ResetSignal()))
        kind = PERow(chip)
        rows = [place(m, kind, f"row_{y}", resets={"sync": resets[y]}) for y in range(chip.rows)]
        gon = place(m, Gon(chip), "gon")
        gins = {name: self._gin(m, name, rows) for name in NETWORKS}
        feeds_ln = Const(0, columns)  # which PEs of a row send their psums up
        for y, row in enumerate(rows):
            from_ln = self.from_ln.word_select(y, columns)
            m.d.comb += [
                row.from_ln.eq(from_ln),
                gon.enables.word_select(y, columns).eq(self.active.word_select(y, columns) & ~feeds_ln),
                gon.valids[y].eq(row.ln_out_valids),
                *(gon.data[y][x].eq(row.ln_out_data[x]) for x in range(columns)),
            ]
            if y + 1 < chip.rows:
                below = rows[y + 1]
                m.d.comb += [
                    row.ln_in_valids.eq(below.ln_out_valids),
                    *(row.ln_in_data[x].eq(below.ln_out_data[x]) for x in range(columns)),
                    below.ln_out_readies.eq((from_ln & row.ln_in_readies) | gon.readies[y + 1]),
                    *(getattr(row, name).eq(getattr(below, f"above_{name}")) for name in PE_SETTINGS),
                ]
            feeds_ln = from_ln
        m.d.comb += [getattr(rows[-1], name).eq(getattr(self, name)) for name in PE_SETTINGS]
        m.d.comb += [
            rows[0].ln_out_readies.eq(gon.readies[0]),
            gon.row_ids.eq(self.gon_row_id), gon.col_ids.eq(self.psum_col_id),
            self.filters_held.eq(gins["filter"].held),
            *(self.unclaimed[f"{name}s"].eq(gin.unclaimed) for name, gin in gins.items()),
            self.unclaimed.requests.eq(gon.unclaimed),
        ]
        join(m, self.requests, gon.request)
        join(m, gon.o, self.ofmaps)
        m.d.sync += [
            self.macs.eq(tree_sum(row.macs for row in rows)),
            self.gated.eq(tree_sum(row.gated for row in rows)),
        ]
        return m

    def _gin(self, m, name, rows):
        col_width = tag_layout(self._chip, name)["col"].width
        gin = place(m, Gin(self._chip, bus_width(self._chip, name), col_width), f"gin_{name}")
        source = getattr(self, f"{name}s")
        # only the bottom PEs of the sets take psums from the GIN
        enables = self.active & ~self.from_ln if name == "psum" else self.active
        m.d.comb += [
            gin.i.valid.eq(source.valid), source.ready.eq(gin.i.ready),
            gin.i.payload.eq(source.payload.data),
            gin.row.eq(source.payload.tag.row), gin.col.eq(source.payload.tag.col),
            gin.row_ids.eq(getattr(self, f"{name}_row_id")),
            gin.col_ids.eq(getattr(self, f"{name}_col_id")), gin.enables.eq(enables),
        ]
        for y, row in enumerate(rows):
            m.d.comb += [
                getattr(row, f"{name}_data").eq(gin.data[y]),
                getattr(row, f"{name}_valids").eq(gin.valids[y]),
                gin.readies[y].eq(getattr(row, f"{name}_readies")),
            ]
        return gin
