"""A GIN between streams: tagged words in, a stream for each PE out."""

from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.array.noc import Gin
from hw.kit.block import Block, place
from hw.kit.interfaces import Tagged
from hw.kit.payloads import bus_width


class StreamedGin(Block):
    """The ifmap `Gin` of a chip, with a stream for each PE; `unclaimed` counts."""

    module_name = "streamed_gin"

    def __init__(self, chip):
        self._chip = chip
        pe = stream.Signature(bus_width(chip, "ifmap"))
        super().__init__({
            "i": In(Tagged(chip, "ifmap")), "row_ids": In(chip.row_id_bits * chip.rows),
            "col_ids": In(chip.ifmap_col_id_bits * chip.pes), "enables": In(chip.pes), "unclaimed": Out(16),
            "pe": Out(pe).array(chip.rows, chip.columns),
        })

    def elaborate(self, platform):
        m = Module()
        gin = place(m, Gin(self._chip, "ifmap"), "gin")
        connect(m, flipped(self.i), gin.i)
        m.d.comb += [
            gin.row_ids.eq(self.row_ids), gin.col_ids.eq(self.col_ids), gin.enables.eq(self.enables),
        ]
        m.d.sync += self.unclaimed.eq(self.unclaimed + gin.unclaimed)
        for row, pes in zip(gin.rows, self.pe, strict=True):
            for x, pe in enumerate(pes):
                m.d.comb += [
                    pe.payload.eq(row.data), pe.valid.eq(row.valids[x]), row.readies[x].eq(pe.ready),
                ]
        return m
