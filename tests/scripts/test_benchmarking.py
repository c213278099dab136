"""`eyeriss benchmark`: its time has the configuration in it, as a part of its own."""

import json

import pytest

from hw.config import PRESETS, configuration_cycles
from sim.tools.find import available


@pytest.mark.simulation
@pytest.mark.skipif(not available("verilator"), reason="no verilator")
def test_time_is_all_the_time(eyeriss, tmp_path):
    status, out, err = eyeriss("benchmark", "alexnet", "--part", "tile", "--chip", "mini", "--layers", "CONV5",
                               "--batch", 1, "--workers", 1, "--json", "-", "--page", "page.html")
    assert status == 0, err
    report = json.loads(out)
    entry, = report["layers"]
    once = configuration_cycles(PRESETS["mini"])
    assert entry["configuration_cycles"] == once  # a tile of the first group is one job
    assert entry["model"]["configuration_cycles"] == 2 * once  # the layer has two groups
    assert entry["milliseconds"] == pytest.approx((entry["cycles"]["total"] + once) / 200e3)
    total = report["totals"]
    assert total["milliseconds"] == pytest.approx(entry["milliseconds"])
    assert total["model_milliseconds"] == pytest.approx((entry["model"]["cycles"] + 2 * once) / 200e3)
    assert total["frames_per_second"] is None  # of a part of a layer
    power = entry["power"]
    assert power["millijoules"] == pytest.approx(sum(power["parts_mj"].values()))
    assert power["milliseconds"] == pytest.approx(entry["cycles"]["total"] / 200e3)  # without configuration
    assert power["frames_per_joule"] is power["pj_per_mac"] is None  # of a part of a layer
    assert power["actions"]["mac"] + power["actions"]["mac_gated"] == entry["macs"]
    assert total["power"]["millijoules"] == pytest.approx(power["millijoules"])
    assert total["model_power"]["frames_per_joule"] == pytest.approx(1e3 / entry["model"]["power"]["millijoules"])
    assert "Energy by part of the chip" in (tmp_path / "page.html").read_text()
    assert f"{once:,}" in (tmp_path / "page.html").read_text()
    assert "config" in err  # the table is on standard error, beside JSON
