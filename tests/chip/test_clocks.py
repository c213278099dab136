"""Any ratio of the core clock to the link clock: the same layer is right, in each of two jobs."""

from dataclasses import replace

import pytest

from hw.config import PRESETS
from sim.chip.verilog import chip_verilog
from tests.chip.layers import check, run

MINI = PRESETS["mini"]
# two groups, so two jobs with a reset between them
SHAPE = "M=8,C=4,H=6,W=6,R=3,P=1,G=2"


@pytest.mark.parametrize("core_mhz, link_mhz", [(50, 300), (200, 1000)])
def test_two_jobs(need, top, core_mhz, link_mhz):
    need("verilator")
    chip = replace(MINI, core_mhz=core_mhz, link_mhz=link_mhz)
    result = run(SHAPE, chip=chip, top=top, verilog=chip_verilog(MINI, top=top), relu=True)
    assert len(result.program.jobs) == 2
    check(result)


def test_a_slow_link_is_not_stuck(need):
    """The watchdog's core cycles are but a few of the link's."""
    need("verilator")
    chip = replace(MINI, core_mhz=2000, link_mhz=1)
    check(run("M=4,C=2,H=4,W=5,R=3", chip=chip, verilog=chip_verilog(MINI)))
