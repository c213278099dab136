"""Any ratio of the core clock to the link clock: the same layer is right, in each of two jobs."""

from dataclasses import replace

import pytest

from hw.config import PRESETS
from sim.chip.verilog import chip_verilog
from tests.chip.layers import check, run

MINI = PRESETS["mini"]
# two groups, each cut in m, so two jobs with a reset between them
SHAPE, MAPPING = "M=8,C=4,H=6,W=6,R=3,P=1,G=2", "m=2 n=1 e=6 p=2 q=1 r=1 t=1"


@pytest.mark.parametrize("core_mhz, link_mhz", [(50, 300), (200, 1000)])
def test_two_jobs(need, top, core_mhz, link_mhz):
    need("verilator")
    chip = replace(MINI, core_mhz=core_mhz, link_mhz=link_mhz)
    result = run(SHAPE, MAPPING, chip=chip, top=top, verilog=chip_verilog(MINI, top=top), relu=True)
    assert len(result.program.jobs) == 2
    check(result)


def test_a_slow_link_is_not_stuck(need):
    """The watchdog's core cycles are but a few of the link's."""
    need("verilator")
    chip = replace(MINI, core_mhz=2000, link_mhz=1)
    check(run("M=4,C=2,H=4,W=5,R=3", chip=chip, verilog=chip_verilog(MINI)))


def test_a_fast_link_waits_for_the_settings_of_the_top_row(need):
    """They climb a row a cycle, and words from DRAM are there in fewer core cycles than the array has rows."""
    need("verilator")
    chip = replace(MINI, name="tall", rows=28, columns=1, glb_banks=16, ifmap_spad_words=20, core_mhz=6, link_mhz=642)
    check(run("N=3,M=4,C=14,H=4,W=1,R=3,S=4,U=3,V=4,P=2", "m=4 n=6 e=1 f=1 p=4 q=2 r=7 t=1", chip=chip))
