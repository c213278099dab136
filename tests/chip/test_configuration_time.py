"""What a job takes before it starts: the model's figure is the RTL's, to the cycle."""

from dataclasses import replace

import pytest

from hw.config import PRESETS, configuration_cycles
from tests.chip.layers import run


@pytest.mark.parametrize("link_mhz", [30, 60, 130, 1000])
def test_configuration(link_mhz, need):
    """Two groups, each cut in m, so two jobs, each reset and loaded anew; a link slower and faster than the core."""
    need("verilator")
    result = run("M=4,C=2,H=6,W=6,R=3,G=2", "m=1 n=1 e=4 p=1 q=1 r=1 t=1", link_mhz=link_mhz)
    assert result.match
    expected = 2 * configuration_cycles(replace(PRESETS["mini"], link_mhz=link_mhz))
    table = result.as_dict()
    assert table["configuration_cycles"] == expected > 2 * 1216
    assert table["milliseconds"] == pytest.approx((table["cycles"]["total"] + expected) / 200e3)
