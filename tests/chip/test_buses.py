"""Layers that the psum bus or the port of the GLB binds, as the cycle model has it."""

from dataclasses import replace

import pytest

from compiler.mapping.cost import costs
from compiler.mapping.lowering import lower
from compiler.mapping.placement import Placement
from compiler.timeline.schedule import schedule
from hw.config import PRESETS
from tests.chip.layers import check, run

CHIP = replace(PRESETS["mini"], link_mhz=2000)  # a link that does not count


@pytest.mark.parametrize("q", [7, 8])
def test_psum_bus(q, need):
    """60 psum words a position, and 56 and 64 MACs: the bus alone is the busiest, and nearly as busy as the PEs."""
    need("verilator")
    result = run(f"M=48,C={16 * q},H=5,W=12,R=1", f"m=48 n=1 e=5 f=12 p=8 q={q} r=1 t=6", chip=CHIP)
    check(result)
    layer, mapping = lower(result.program.shape, CHIP), result.program.mapping
    busy = costs(Placement(layer, mapping, CHIP)).by_resource
    assert 0.9 < busy["psum_bus"] / busy["pe"] < 1.1 and busy["psum_bus"] > 2 * max(busy["link"], busy["filter_bus"])
    assert result.counters["mac_cycles"] < 1.02 * max(busy["psum_bus"], busy["pe"])
    cycles = schedule(Placement(layer, mapping, CHIP)).cycles
    assert result.counters["cycles"] == pytest.approx(cycles, rel=0.03)


def test_ifmaps_that_are_read_once_take_two_cycles_a_word(need):
    """A word of the bus is one of the GLB, and the link as fast as the core: it is written and read in one bank."""
    need("verilator")
    chip = replace(PRESETS["mini"], ifmap_bus_values=4, link_mhz=PRESETS["mini"].core_mhz)
    result = run("M=4,C=48,H=20,W=12,R=1", "m=4 n=1 e=5 f=12 p=4 q=8 r=6 t=1", chip=chip)
    check(result)
    placement = Placement(lower(result.program.shape, chip), result.program.mapping, chip)
    words = result.counters["glb_ifmap_reads"]
    assert words == result.counters["glb_ifmap_writes"] == result.counters["noc_ifmaps"]
    assert 2 * words < result.counters["mac_cycles"] < 2.05 * words
    assert result.counters["cycles"] == pytest.approx(schedule(placement).cycles, rel=0.03)
