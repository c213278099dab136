"""`eyeriss energy`, and the energy that other commands report."""

import json

import pytest

from compiler.energy.table import FOLDER, TABLES, load_table

LAYER = ("map", "--shape", "M=8,C=4,H=12,W=12,R=3,P=1", "--chip", "mini")


def test_fit_writes_the_table(eyeriss, tmp_path):
    status, out, _ = eyeriss("energy", "fit", "--table", "own.toml", "--json", "fit.json")
    assert status == 0 and "alexnet/CONV1" in out and "vgg16/CONV5-3" in out
    assert (tmp_path / "own.toml").read_text() == (FOLDER / "65nm.toml").read_text()
    report = json.loads((tmp_path / "fit.json").read_text())
    assert len(report["layers"]) == 18 and [each["network"] for each in report["networks"]] == ["alexnet", "vgg16"]
    for each in report["layers"]:
        assert sum(each["parts_mw"].values()) == pytest.approx(each["predicted_mw"], abs=0.5)


@pytest.mark.parametrize("name", TABLES)
def test_map_reports_by_a_table(eyeriss, name):
    status, out, _ = eyeriss(*LAYER, "--energy-table", name, "--json", "-")
    power = json.loads(out)["power"]
    assert status == 0 and power["table"] == name
    assert sum(power["parts_mj"].values()) == pytest.approx(power["millijoules"])
    assert power["actions"]["mac"] > 0 and power["milliwatts"] > 0


def test_energy_in_macs_is_that_of_the_ratios(eyeriss):
    """Whatever the table: the same mapping, the same `energy`."""
    reports = [json.loads(eyeriss(*LAYER, *options, "--json", "-")[1]) for options in (
        (), ("--energy-table", "65nm"))]
    assert reports[0]["mapping"] == reports[1]["mapping"]
    assert reports[0]["energy"] == reports[1]["energy"]


def test_voltage(eyeriss):
    full, low = (json.loads(eyeriss(*LAYER, "--energy-table", f"65nm{at}", "--json", "-")[1])["power"]
                 for at in ("", "@0.5"))
    assert low["volts"] == 0.5
    assert low["parts_mj"]["clock"] == pytest.approx(full["parts_mj"]["clock"] / 4)
    assert low["dram_millijoules"] == full["dram_millijoules"]


@pytest.mark.parametrize("command", [
    LAYER, ("simulate", *LAYER[1:]), ("benchmark", "alexnet", "--no-page"),
])
def test_a_table_without_an_action_is_refused(eyeriss, tmp_path, command):
    """In one line that names it, before any work."""
    lines = (FOLDER / "65nm.toml").read_text().splitlines()
    (tmp_path / "own.toml").write_text("\n".join(line for line in lines if not line.startswith("noc_psum")))
    status, out, err = eyeriss(*command, "--energy-table", "own.toml")
    assert (status, out) == (2, "")
    assert err == "eyeriss: energy table own.toml prices no noc_psum: [pj] must have every action\n"
    assert load_table("65nm").pj["noc_psum"] > 0
