"""A GIN between streams: tagged words in, a stream for each PE out."""

from amaranth.hdl import Module
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hw.array.noc import Gin
from hw.kit.block import Block, place

WIDTH, COL_WIDTH = 16, 5


class StreamedGin(Block):
    """`Gin` whose tag is part of the payload, as `PEArray` has it; `unclaimed` counts."""

    module_name = "streamed_gin"

    def __init__(self, chip):
        self._chip = chip
        pes = [(y, x) for y in range(chip.rows) for x in range(chip.columns)]
        tagged = data.StructLayout({"data": WIDTH, "row": 4, "col": COL_WIDTH})
        super().__init__({
            "i": In(stream.Signature(tagged)),
            "row_ids": In(4 * chip.rows), "col_ids": In(COL_WIDTH * chip.pes), "enables": In(chip.pes),
            "unclaimed": Out(16),
        } | {f"pe_{y}_{x}": Out(stream.Signature(WIDTH)) for y, x in pes})

    def elaborate(self, platform):
        m = Module()
        gin = place(m, Gin(self._chip, WIDTH, COL_WIDTH), "gin")
        m.d.comb += [
            gin.i.valid.eq(self.i.valid), self.i.ready.eq(gin.i.ready), gin.i.payload.eq(self.i.payload.data),
            gin.row.eq(self.i.payload.row), gin.col.eq(self.i.payload.col),
            gin.row_ids.eq(self.row_ids), gin.col_ids.eq(self.col_ids), gin.enables.eq(self.enables),
        ]
        m.d.sync += self.unclaimed.eq(self.unclaimed + gin.unclaimed)
        for y in range(self._chip.rows):
            for x in range(self._chip.columns):
                pe = getattr(self, f"pe_{y}_{x}")
                m.d.comb += [
                    pe.payload.eq(gin.data[y]), pe.valid.eq(gin.valids[y][x]),
                    gin.readies[y][x].eq(pe.ready),
                ]
        return m
