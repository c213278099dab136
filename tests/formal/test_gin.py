"""Gin: each word reaches all and only the PEs that match and take part, in one cycle, or none."""

import pytest
from amaranth.hdl import Assert, Cat, Signal

from hw.array.noc import Gin
from hw.config import ChipConfig
from hw.kit.payloads import bus_width
from tests.formal.prove import prove

pytestmark = pytest.mark.slow

CHIP = ChipConfig(rows=2, columns=3)
NAME = "ifmap"
WIDTH, COL_WIDTH = bus_width(CHIP, NAME), CHIP.ifmap_col_id_bits


class ProvedGin(Gin):
    """What it holds is the word accepted last; so a few cycles from reset with free inputs are all there is."""

    def __init__(self):
        super().__init__(CHIP, NAME)
        self.module_name = "proved_gin"

    def elaborate(self, platform):
        m = super().elaborate(platform)
        rows, columns = CHIP.rows, CHIP.columns
        data, tag = self.i.payload.data, self.i.payload.tag
        word, meant, held = Signal(WIDTH), Signal(CHIP.pes), Signal()
        matches, ready, taken, valids = [], [], [], []
        for y in range(rows):
            row_matches = tag.row == self.row_ids.word_select(y, 4)
            of_row = meant.word_select(y, columns)
            m.d.comb += Assert(~of_row.any() | (self.rows[y].data == word))
            for x in range(columns):
                pe = y * columns + x
                col_matches = tag.col == self.col_ids.word_select(pe, COL_WIDTH)
                matches.append(self.i.valid & row_matches & col_matches & self.enables[pe])
                ready.append(self.rows[y].readies[x])
                valids.append(self.rows[y].valids[x])
                taken.append(self.rows[y].valids[x] & self.rows[y].readies[x])
        with m.If(self.i.ready):
            m.d.sync += [word.eq(data), meant.eq(Cat(matches)), held.eq(self.i.valid)]
        all_ready = ~(meant & ~Cat(ready)).any()
        m.d.comb += [
            Assert(Cat(taken) == (meant & all_ready.replicate(len(meant)))),
            Assert(Cat(valids) & ~meant == 0),
            Assert(self.i.ready == all_ready),
            Assert(self.unclaimed == (held & ~meant.any())), Assert(self.held == held),
        ]
        return m


def test_gin(tmp_path):
    assert prove(ProvedGin(), tmp_path, mode="bmc", depth=4)


@pytest.mark.parametrize("module, pattern, new", [
    ("multicast_controller_5", r"\\tag \[4:0\]\n", "{ 1'0 \\tag [3:0] }\n"),
    ("x_bus_18_3x5", r"connect \\A \\pes__readies", "connect \\A 3'111"),
    ("multicast_controller_4", r"connect \\A \\enable \[0\]", "connect \\A 1'1"),
    ("x_bus_18_3x5", r"connect \\A \\load \[0\]", "connect \\A 1'1"),
], ids=["id_bit_ignored", "does_not_wait", "heeds_no_valid", "loads_too_early"])
def test_broken_gin(module, pattern, new, tmp_path):
    assert not prove(ProvedGin(), tmp_path, mode="bmc", depth=4, change=(module, pattern, new))
