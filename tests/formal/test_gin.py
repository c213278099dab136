"""Gin: each word reaches all and only the PEs that match and take part, in one cycle, or none."""

import pytest
from amaranth.hdl import Assert, Cat

from hw.config import ChipConfig
from hw.noc import Gin
from tests.formal.prove import prove

CHIP = ChipConfig(rows=2, columns=3)
WIDTH, COL_WIDTH = 3, 5


class ProvedGin(Gin):
    """Without registers, one cycle with free inputs is all there is."""

    def __init__(self):
        super().__init__(CHIP, WIDTH, COL_WIDTH)
        self.module_name = "proved_gin"

    def elaborate(self, platform):
        m = super().elaborate(platform)
        rows, columns = CHIP.rows, CHIP.columns
        meant, ready, taken = [], [], []
        for y in range(rows):
            row_matches = self.row == self.row_ids.word_select(y, 4)
            m.d.comb += Assert(self.data[y] == (self.i.payload & (self.i.valid & row_matches).replicate(WIDTH)))
            for x in range(columns):
                pe = y * columns + x
                col_matches = self.col == self.col_ids.word_select(pe, COL_WIDTH)
                meant.append(self.i.valid & row_matches & col_matches & self.enables[pe])
                ready.append(self.readies[y][x])
                taken.append(self.valids[y][x] & self.readies[y][x])
        all_ready = ~(Cat(meant) & ~Cat(ready)).any()
        delivered = self.i.valid & self.i.ready
        m.d.comb += [
            Assert(Cat(taken) == (Cat(meant) & delivered.replicate(len(meant)))),
            Assert(~self.i.valid | (self.i.ready == all_ready)),
            Assert(self.unclaimed == (self.i.valid & ~Cat(meant).any())),
            *(Assert(~valid | is_meant) for valid, is_meant in zip(
                (self.valids[y][x] for y in range(rows) for x in range(columns)), meant, strict=True)),
        ]
        return m


def test_gin(tmp_path):
    assert prove(ProvedGin(), tmp_path, mode="bmc", depth=1)


@pytest.mark.parametrize("module, old, new", [
    ("multicast_controller_5", "\\tag [4:0]\n", "{ 1'0 \\tag [3:0] }\n"),
    ("multicast_controller_5", "connect \\A \\match [0]", "connect \\A 1'0"),
    ("multicast_controller_4", "connect \\A \\enable [0]", "connect \\A 1'1"),
], ids=["id_bit_ignored", "does_not_wait", "heeds_no_valid"])
def test_broken_gin(module, old, new, tmp_path):
    assert not prove(ProvedGin(), tmp_path, mode="bmc", depth=1, change=(module, old, new))
