"""`eyeriss energy`, and the energy that other commands report."""

import json

import numpy as np
import pytest

from compiler.energy.scaling import operating_point
from compiler.energy.table import FOLDER, TABLES, load_table
from scripts.commands.shared import power_line
from sim.tools.files import ROOT

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


def test_figures(eyeriss, tmp_path):
    """Pictures of what the JSON says; Fig. 17's published points are near the curve's ends."""
    status, out, _ = eyeriss("energy", "figures", "-o", "pictures", "--json", "figures.json")
    assert status == 0 and "1.17" in out
    for name in ("parts", "levels", "voltage"):
        assert "<svg" in (tmp_path / "pictures" / f"energy-{name}.svg").read_text()
    report = json.loads((tmp_path / "figures.json").read_text())
    low, *_, high = report["voltage"]
    assert low["gmacs_per_watt"] == pytest.approx(122.8, rel=0.06)
    assert high["frames_per_second"] == pytest.approx(45, rel=0.03)
    assert report["voltage"] == sorted(report["voltage"], key=lambda point: point["frames_per_second"])
    assert sum(sum(list(row.values())[1:-1]) for row in report["layers"]) == pytest.approx(7.87, abs=0.01)


@pytest.mark.parametrize("volts", [0.81, 1.18])
def test_voltages_outside_of_the_chips_are_refused(volts):
    with pytest.raises(ValueError, match=f"^volts must be 0.82 to 1.17, not {volts}$"):
        operating_point(load_table("65nm"), volts)


def test_export_accelergy_of_the_model(eyeriss, tmp_path):
    status, out, err = eyeriss("export", "accelergy", *LAYER[1:], "--planned", "-o", "files")
    assert (status, err) == (0, "") and "mJ in all" in out
    assert {path.name for path in (tmp_path / "files").iterdir()} == {
        "architecture.yaml", "components.yaml", "ERT.yaml", "ART.yaml", "action_counts.yaml", "energy.json"}
    energy = json.loads((tmp_path / "files" / "energy.json").read_text())
    assert energy["counts"] == "model" and energy["total_pj"] == pytest.approx(energy["chip_pj"] + energy["dram_pj"])


@pytest.mark.simulation
def test_export_accelergy_of_the_rtl(eyeriss, tmp_path):
    """Counts are those that `simulate` reports of the same layer."""
    status, _, _ = eyeriss("export", "accelergy", *LAYER[1:], "--zeros", "0.5", "-o", "files")
    assert status == 0
    energy = json.loads((tmp_path / "files" / "energy.json").read_text())
    _, out, _ = eyeriss("simulate", *LAYER[1:], "--zeros", "0.5", "--json", "-")
    power = json.loads(out)["power"]
    assert energy["counts"] == "rtl"
    assert energy["total_pj"] == pytest.approx(1e9 * (power["millijoules"] + power["dram_millijoules"]))


def test_export_timeloop(eyeriss, tmp_path):
    status, _, err = eyeriss("export", "timeloop", "--layer", "alexnet/CONV5", "--chip", "eyeriss", "-o", "files")
    assert (status, err) == (0, "")
    assert {path.name for path in (tmp_path / "files").iterdir()} == {
        "architecture.yaml", "problem.yaml", "mapping.yaml", "constraints.yaml"}


@pytest.mark.parametrize("options, message", [
    (("accelergy", "--zeros", "2", "--layer", "alexnet/CONV1"), "--zeros must be between 0 and 1, not 2.0"),
    (("timeloop",), "one of --layer and --shape must be given, and only one"),
    (("accelergy", "--layer", "alexnet/CONV1", "--planned", "--energy-table", "7nm"),
     "energy table must be one of 45nm, 65nm, isca2016 or a TOML file, not '7nm'"),
])
def test_export_refuses(eyeriss, tmp_path, options, message):
    status, out, err = eyeriss("export", *options, "-o", "files")
    assert (status, out, err) == (2, "", f"eyeriss: {message}\n")
    assert not (tmp_path / "files").exists() or not list((tmp_path / "files").iterdir())


def test_crossbar(eyeriss, tmp_path):
    status, out, _ = eyeriss("energy", "crossbar", "-o", "pictures", "--json", "crossbar.json")
    rows = json.loads((tmp_path / "crossbar.json").read_text())["rows"]
    assert status == 0 and "MobileNet" in out and len(rows) == 24
    assert all(row["pj_per_mac"] == pytest.approx(row["dac"] + row["adc"] + row["cell"], abs=0.01) for row in rows)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"crossbar-cells.svg", "crossbar-energy.svg"}


def test_noise(eyeriss, tmp_path):
    """Without noise, the digits are those of the numpy model; with much of it, few are right."""
    status, _, _ = eyeriss("energy", "noise", "--count", "20", "-o", "pictures", "--json", "noise.json")
    rows = json.loads((tmp_path / "noise.json").read_text())["rows"]
    right = {(row["kind"], row["level"]): row["right_pct"] for row in rows}
    assert status == 0
    assert right["fixed", 0] == right["rescaled", 0] == right["weight_bits", 16] == 100
    assert right["fixed", 1] < 70 and right["rescaled", 0.2] < 70 and right["weight_bits", 2] < 70
    assert len(list((tmp_path / "pictures").iterdir())) == 3


def test_validation(eyeriss, tmp_path):
    """Shares are of one whole; CONV1's are near those that Accelergy was validated with."""
    eyeriss("energy", "figures", "-o", "pictures", "--json", "figures.json")
    rows = {row["component"]: row for row in json.loads((tmp_path / "figures.json").read_text())["validation"]}
    for layer in ("post_layout", "CONV1", "CONV5"):
        assert sum(row[layer] for row in rows.values()) == pytest.approx(100, abs=0.3)
    assert rows["PE array"]["CONV1"] == pytest.approx(93.8, abs=2)


def test_a_power_in_words():
    power = {"table": "own", "volts": 0.9, "millijoules": 2.0, "milliwatts": 250.04, "pj_per_mac": None,
             "frames_per_joule": 12345.6, "gmacs_per_watt": 90.0, "dram_millijoules": 0.5,
             "parts_mj": {"clock": 1.5, "leakage": 0.0, "spads": 0.5}, "data_mj": {"ifmap": 0.5, "none": 1.5}}
    assert power_line(power) == (
        "own at 0.9 V: 2 mJ, 250.0 mW, 12,345.6 frames a joule, 90.0 GMACS/W; DRAM 0.5 mJ besides\n"
        "parts: clock 75%, spads 25%; moving data: ifmap 25%")


def test_plan_and_run_report_each_layer_and_the_sum(eyeriss):
    model = ROOT / "scripts" / "examples" / "models" / "digits.onnx"
    for command in (("plan", model), ("run", model, "--input", "digit.npy")):
        np.save("digit.npy", np.zeros((1, 1, 8, 8), np.float32))
        status, out, _ = eyeriss(*command, "--chip", "mini", "--energy-table", "65nm", "--no-page", "--json", "-")
        report = json.loads(out)
        assert status == 0
        layers, total = [layer["power"] for layer in report["layers"]], report["totals"]["power"]
        for key in ("millijoules", "milliseconds", "dram_millijoules"):
            assert total[key] == pytest.approx(sum(layer[key] for layer in layers))
        assert total["pj_per_mac"] == pytest.approx(1e9 * total["millijoules"] / report["totals"]["macs"])
        assert total["frames_per_joule"] == pytest.approx(1e3 / total["millijoules"])
        assert all(layer["pj_per_mac"] > 0 and layer["table"] == "65nm" for layer in layers)
