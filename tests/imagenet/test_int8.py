"""`eyeriss imagenet` in 8 bits: every value onnxruntime's, on the terminal, in the JSON and on the page."""

import json

import html5lib
import numpy as np
import onnx
import pytest

from compiler.onnx.float_nodes import run_float
from compiler.onnx.qlinear import run_as_given
from golden.int8 import conv_int8
from scripts import results
from scripts.commands.network import imagenet
from scripts.commands.network import int8 as commands
from scripts.imagenet import int8
from scripts.imagenet.names import best, probabilities
from scripts.imagenet.photographs import as_input, crop
from tests.imagenet.networks import trained

RUN = ("--chip", "mini-int8", "-o", "out")


@pytest.fixture
def classified(eyeriss, small, photos, tmp_path):
    """A function: the report of a photograph, what was printed, and the page."""
    def classified(*arguments, expected=0):
        status, out, err = eyeriss("imagenet", photos[0], *RUN, *arguments)
        assert status == expected, err
        report, = json.loads((tmp_path / "out" / "imagenet.json").read_text())["photographs"]
        return report, out, (tmp_path / "out" / "scene.html").read_text()
    return classified


def test_every_value_is_onnxruntimes(classified, photos):
    report, out, page = classified()
    values = sum(entry["values"] for entry in report["layers"])
    assert report["int8"] and len(report["layers"]) == 8
    assert [entry["differing"] for entry in (*report["layers"], report["outputs"]["y"])] == [0] * 9
    feeds = {"x": as_input(crop(photos[0]))}
    exact = run_float(trained()[1], feeds)["y"][0]
    given = run_as_given(onnx.load(imagenet.INT8_MODEL), feeds, ["y"])["y"][0]
    for key, scores in (("classes", given), ("int8_classes", given), ("float_classes", exact)):
        assert [entry["class"] for entry in report[key]] == best(scores)
    for entry in report["classes"]:
        for key, scores in (("probability", given), ("int8_probability", given), ("float_probability", exact)):
            assert entry[key] == probabilities(scores)[entry["class"]]
    noise = 10 * np.log10(np.square(exact).sum() / np.square(exact - given).sum())
    assert report["sqnr_db"] == pytest.approx(noise, abs=0.01) and noise > 15
    assert f"all {values:,} values of 8 layers are onnxruntime's; outputs: equal to onnxruntime's" in out
    html5lib.HTMLParser(strict=True).parse(page)
    assert f"All {values:,} values of the 8 layers, and the scores, are onnxruntime's of the same 8-bit model" in page
    assert page.count("data:image/png;base64,") == 1 + 3  # the photograph; stem, block0.depthwise and head


def test_a_value_that_is_not_onnxruntimes(classified, monkeypatch):
    def one_more(*arguments):
        found = conv_int8(*arguments)
        found.flat[0] ^= 1
        return found

    monkeypatch.setattr(commands, "conv_int8", one_more)
    report, out, page = classified()
    differing = sum(entry["differing"] for entry in report["layers"])
    assert differing >= 8
    assert f"{differing:,} of " in out and "values of the layers are not onnxruntime's" in out
    assert f"{differing + report['outputs']['y']['differing']:,} values are not onnxruntime's" in page


def test_the_model_is_made_once(classified, monkeypatch):
    classified()
    content, makes = imagenet.INT8_MODEL.read_bytes(), []

    def counted(*arguments):
        makes.append(quantized(*arguments))
        return makes[-1]

    quantized = int8.quantized
    monkeypatch.setattr(int8, "quantized", counted)
    classified()
    assert not makes
    imagenet.INT8_MODEL.write_bytes(content[:-100])  # a file that is damaged
    classified()
    assert len(makes) == 1 and imagenet.INT8_MODEL.read_bytes() == content
    monkeypatch.setattr(int8, "PHOTOGRAPHS", ("flower", "china"))  # another calibration
    classified()
    assert len(makes) == 2 and imagenet.INT8_MODEL.read_bytes() != content


def test_a_photograph_to_calibrate_with_is_missing(eyeriss, small, photos, monkeypatch):
    monkeypatch.setattr(int8, "PHOTOGRAPHS", ("flower", "another"))
    status, out, err = eyeriss("imagenet", photos[0], *RUN)
    assert (status, out) == (2, "")
    assert err == ("eyeriss: the photographs another, which 8-bit ranges are taken of, come with packages: "
                   "pip install 'eyeriss-generator[imagenet]'\n")


@pytest.mark.simulation
def test_layers_side_by_side_in_rtl(classified, need):
    """Only those that were not kept run; all are equal to the model's."""
    need("verilator")
    report, out, page = classified("--backend", "both", "--layers", "stem,classes", "--workers", "2")
    assert [entry["layer"] for entry in report["layers"] if entry["rtl"]] == ["stem", "classes"]
    assert "match: every tensor of 2 layers equal to the model's, in RTL" in out
    assert "Every tensor of the layers that ran in RTL equals the model's." in page
    report, _, _ = classified("--backend", "both", "--workers", "2")
    assert report["match"] is True
    assert [entry["layer"] for entry in report["layers"] if entry["rtl"]["kept"]] == ["stem", "classes"]
    power = report["totals"]["rtl_power"]
    assert power["millijoules"] == pytest.approx(sum(
        entry["rtl"]["power"]["millijoules"] for entry in report["layers"]))
    alone, _, _ = classified("--backend", "rtl")
    assert alone["match"] is None and alone["classes"] == report["classes"]


@pytest.mark.simulation
def test_layers_on_a_cluster(classified, need, cluster):
    need("verilator")
    report, _, _ = classified("--backend", "both", "--layers", "stem,classes", "--workers", cluster.scheduler_address)
    assert report["match"] is True
    assert [entry["rtl"]["kept"] for entry in report["layers"] if entry["rtl"]] == [False, False]


@pytest.mark.simulation
def test_a_layer_that_differs_is_noticed(classified, need, monkeypatch):
    need("verilator")

    def other(*arguments):
        return conv_int8(*arguments) ^ 1

    monkeypatch.setattr(commands, "conv_int8", other)
    _, out, page = classified("--backend", "both", "--layers", "head", expected=1)
    assert "MISMATCH in head" in out
    assert "Tensors of the RTL differ from the model's." in page


def test_a_row_of_the_tables(classified, tmp_path, monkeypatch):
    """`python -m scripts.results` takes the command's JSON over."""
    report, _, _ = classified()
    shown = dict.fromkeys(("photograph", "order", "differing", "Mcycles"))
    (tmp_path / "imagenet-int8.json").write_text(json.dumps({"command": "c", "list": "photographs", "rows": [shown]}))
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    results.take("imagenet-int8", tmp_path / "out" / "imagenet.json")
    row, = json.loads((tmp_path / "imagenet-int8.json").read_text())["rows"]
    first, five = ([entry["class"] for entry in report[key]] for key in ("classes", "float_classes"))
    assert row["photograph"] == "scene"
    assert (row["order"] == "yes") == (first == five)
    assert ("first" in row["order"]) == (first != five and first[0] == five[0])
    assert row["differing"] == f"0 of {sum(entry['values'] for entry in report['layers']):,}"
    total = report["totals"]
    assert float(row["Mcycles"]) == pytest.approx((total["cycles"] + total["configuration_cycles"]) / 1e6, abs=0.005)
