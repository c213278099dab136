"""Layers that the psum bus binds: a word a cycle each way, as the cycle model has it."""

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
