"""The RTL fits silicon: memories, multipliers, resets, enables, clock crossings."""

import re

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from flow.structure import crossings, elaborated, fpga_cells, registers
from flow.yosys import FlowError
from hw.array.pe import PE
from hw.chip import Eyeriss
from hw.config import PRESETS, ChipConfig
from hw.kit.block import Block, place
from hw.kit.memory import SinglePortSram

pytestmark = pytest.mark.slow

SMALL = ChipConfig(name="small", rows=2, columns=2, glb_banks=3, glb_bank_words=32, filter_bank_words=64)


@pytest.fixture(scope="module")
def chip(tmp_path_factory):
    """A whole chip, small, without loops, latches and nets with two drivers: `elaborated` refuses those."""
    return elaborated(Eyeriss(SMALL), tmp_path_factory.mktemp("chip"))


@pytest.fixture(scope="module")
def ecp5(tmp_path_factory):
    return fpga_cells(PE(PRESETS["eyeriss"]), tmp_path_factory.mktemp("ecp5"))


# what each memory of a PE has to become: nothing else may hold its words
@pytest.mark.parametrize("module, cells", [
    ("sram_2p_224x16", {"DP16KD": 1}),
    ("registers_24x16_2r", {"TRELLIS_DPR16X4": 16}),  # two reads, 32 words, 4 bits a cell
    ("registers_12x19_1r", {"TRELLIS_DPR16X4": 5}),
    ("queue_18x4", {"TRELLIS_DPR16X4": 5}),
    ("queue_64x2", {"TRELLIS_DPR16X4": 16}),
    ("pe", {"MULT18X18D": 1}),
])
def test_memories_and_multiplier(ecp5, module, cells):
    kinds = ("DP16KD", "TRELLIS_DPR16X4", "MULT18X18D")
    assert {kind: ecp5[module][kind] for kind in kinds if kind in ecp5[module]} == cells


def test_block_ram_needs_nothing_beside(ecp5):
    assert set(ecp5["sram_2p_224x16"]) == {"DP16KD"}


@pytest.mark.parametrize("family, multiplier, block_ram", [
    ("ecp5", "MULT18X18D", "DP16KD"), ("xilinx7", "DSP48E1", "RAMB18E1"), ("gowin", "MULT18X18", "DPX9B"),
])
def test_a_pe_is_one_dsp_and_one_block_ram(family, multiplier, block_ram, tmp_path):
    """The multiplier, and the filter spad; whatever else a family calls a DSP or a block RAM is not there."""
    cells = fpga_cells(PE(PRESETS["mini"]), tmp_path, family)
    large = {(module, cell): count for module, kinds in cells.items() for cell, count in kinds.items()
             if re.match(r"DSP|MULT|ALU54|RAMB|DP16|PDPW16|(DP|SDP|SP|PSDP)X?B?9?", cell) and "PR16" not in cell}
    assert large == {("pe", multiplier): 1, ("sram_2p_224x16", block_ram): 1}


def test_glb_bank_is_block_ram(tmp_path):
    assert fpga_cells(SinglePortSram(512, 64), tmp_path)["sram_1p_512x64"].keys() >= {"DP16KD"}


def test_crossings_are_the_links(chip):
    """The watchdog's bit; of each queue between the clocks two pointers of four bits, and the word that is read."""
    found = crossings(chip)
    assert found.pop("dram_port.tick.level") == 1
    assert found.keys() == {f"dram_port.link.{queue}" for queue in ("commands", "writes", "reads")}
    assert all(8 <= bits <= 8 + 64 for bits in found.values()), found


class Crossing(Block):
    """A link register that a core register hears through a gate."""

    module_name = "crossing"
    domains = ("sync", "link")

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        far = Signal()
        m.d.link += far.eq(self.i)
        m.d.sync += self.o.eq(far & self.i)
        return m


def test_a_crossing_is_found(tmp_path):
    assert sum(crossings(elaborated(Crossing(), tmp_path)).values()) == 1


class Gate(Block):
    module_name = "gate"
    domains = ()

    def __init__(self):
        super().__init__({"a": In(1), "b": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.a & self.b)
        return m


class Loop(Block):
    """Through two modules, each of which is fine by itself: Amaranth does not see it."""

    module_name = "loop"
    domains = ()

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        near, far = place(m, Gate(), "near"), place(m, Gate(), "far")
        m.d.comb += [near.a.eq(self.i), near.b.eq(far.o), far.a.eq(self.i), far.b.eq(near.o), self.o.eq(far.o)]
        return m


def test_a_loop_is_found(tmp_path):
    with pytest.raises(FlowError, match="check -assert"):
        elaborated(Loop(), tmp_path)


def test_resets_and_enables(tmp_path):
    """Of a PE's registers only control is reset; nearly all can have their clock stopped."""
    found = registers(elaborated(PE(PRESETS["eyeriss"]), tmp_path, optimised=True))
    assert found.bits > 1000
    assert found.reset <= 0.2 * found.bits, found
    assert found.enabled >= 0.85 * found.bits, found
