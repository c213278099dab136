"""`eyeriss run` and `eyeriss plan` as a user runs them, good input and bad."""

import json
import re
from dataclasses import replace
from pathlib import Path

import html5lib
import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from hw.config import PRESETS, configuration_cycles
from tests.network import models

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


@pytest.fixture
def refuses(eyeriss, tmp_path):
    """Two models and an input in tmp_path; see `eyeriss run` refuse and leave nothing behind."""
    onnx.save(models.odd_conv(), tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", models.features(1, 4, 9, 11))

    def refuses(message, *arguments, command="run"):
        before = sorted(tmp_path.rglob("*"))
        status, out, err = eyeriss(command, *arguments)
        assert re.fullmatch(f"eyeriss: {message}\n", err), err
        assert (status, out) == (2, "")
        assert sorted(tmp_path.rglob("*")) == before
    return refuses


def parse(page):
    """Strictly: html5lib raises where a browser would guess. Texts of the page."""
    text = page.read_text()
    html5lib.HTMLParser(strict=True).parse(text)
    assert not re.search(r'(src|href)="(?!data:|#)', text), "the page must need no other file"
    return text


def test_run(eyeriss, tmp_path):
    onnx.save(models.resnet_block(), tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", models.features(1, 8, 8, 8))
    status, out, err = eyeriss("run", "model.onnx", "--input", "x.npy", "--output", "y.npy", "--chip", "mini",
                               "--json", "-", "--page", "page.html")
    assert status == 0, err
    report = json.loads(out)
    assert [entry["layer"] for entry in report["layers"]] == ["a", "b", "p"]
    assert report["totals"]["host_nodes"] == {"Add": 1, "Relu": 1}
    assert np.load(tmp_path / "y.npy").shape == (1, 16, 4, 4)
    text = parse(tmp_path / "page.html")
    assert all(f"{entry['cycles']:,}" in text for entry in report["layers"])


def test_a_picture_into_open_sizes(eyeriss, tmp_path):
    onnx.save(models.conv((2, 3, 3, 3), data=("N", 3, "H", "W")), tmp_path / "model.onnx")
    Image.fromarray(np.arange(40 * 30 * 3, dtype=np.uint16).astype(np.uint8).reshape(40, 30, 3)).save(
        tmp_path / "photo.png")
    arguments = ("run", "model.onnx", "--input", "photo.png", "--output", "y.npy", "--chip", "mini", "--no-page")
    status, _, err = eyeriss(*arguments)
    assert status == 2
    assert "or --shape where sizes are open" in err
    assert eyeriss(*arguments, "--shape", "1x3x12x9")[0] == 0
    assert np.load(tmp_path / "y.npy").shape == (1, 2, 10, 7)


def test_a_broken_page_is_noticed(tmp_path):
    (tmp_path / "page.html").write_text("<!DOCTYPE html><title>x</title><table><p>x</table>")
    with pytest.raises(html5lib.html5parser.ParseError):
        parse(tmp_path / "page.html")


@pytest.mark.slow
def test_plan_of_alexnet_without_weights(eyeriss, tmp_path):
    """BVLC's AlexNet from the onnx package: 0.655 G MACs with its fully connected layers."""
    status, out, err = eyeriss("plan", LIGHT / "light_bvlc_alexnet.onnx", "--json", "-", "--page", "page.html")
    assert status == 0, err
    report = json.loads(out)
    assert len(report["layers"]) == 8
    assert report["totals"]["macs_per_frame"] == pytest.approx(0.655e9, rel=0.01)
    assert report["totals"]["cycles"] == sum(entry["cycles"] for entry in report["layers"])
    parse(tmp_path / "page.html")


def test_plan_scales_with_batch_and_clock(eyeriss, tmp_path):
    onnx.save(models.mobilenet_block(), tmp_path / "model.onnx")
    reports = []
    for more in ((), ("--shape", "3x8x8x8", "--clock", "100")):
        status, out, err = eyeriss("plan", "model.onnx", "--chip", "mini", "--json", "-", *more)
        assert status == 0, err
        reports.append(json.loads(out))
    one, three = reports
    macs = 8 * 8 * 16 * 8 + 4 * 4 * 16 * 9 + 4 * 4 * 8 * 16
    assert (one["totals"]["macs"], three["totals"]["macs"]) == (macs, 3 * macs)
    total = three["totals"]
    assert total["configuration_cycles"] == 3 * configuration_cycles(replace(PRESETS["mini"], core_mhz=100))  # jobs
    assert total["milliseconds"] == pytest.approx((total["cycles"] + total["configuration_cycles"]) / 100e3)
    assert total["frames_per_second"] == pytest.approx(3e3 / total["milliseconds"])
    assert total["milliseconds"] == pytest.approx(sum(entry["milliseconds"] for entry in three["layers"]))


def test_input_outside_the_calibrated_range_is_a_warning_with_counts(eyeriss, tmp_path):
    onnx.save(models.conv((6, 4, 3, 3)), tmp_path / "model.onnx")
    x = models.features(1, 4, 9, 11)
    np.savez(tmp_path / "calibration.npz", x=x)
    x.flat[:3] = 50, -60, 70
    np.save(tmp_path / "x.npy", x)
    status, _, err = eyeriss("run", "model.onnx", "--input", "x.npy", "--calibrate", "calibration.npz",
                             "--chip", "mini")
    assert status == 0
    outside = r"^eyeriss: warning: input x: 3 of 396 values lie outside the calibrated range -\S+ to \S+$"
    assert re.search(outside, err, re.M), err
    assert re.search(r"^eyeriss: warning: ifmap values are cut off in conv 0\.76%: ", err, re.M), err


def test_no_onnx_file(refuses, tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    refuses("model text.onnx must be an ONNX file: .+", "text.onnx", "--input", "x.npy")
    refuses("model text.onnx must be an ONNX file: .+", "text.onnx", command="plan")
    refuses("model no.onnx must be an ONNX file; there is no such file", "no.onnx", "--input", "x.npy")


def test_missing_input(refuses):
    refuses(r"input x \(float32, \?x4x9x11\) is missing: give --input x=FILE.npy", "model.onnx")
    refuses(r"--input: the model has no input z; its inputs are x \(float32, \?x4x9x11\)", "model.onnx",
            "--input", "z=x.npy")
    refuses("no.npy must be .*|--input: .*|.*no.npy.*", "model.onnx", "--input", "x=no.npy")


def test_wrong_shape_and_type(refuses, tmp_path):
    np.save(tmp_path / "small.npy", models.features(1, 4, 9, 10))
    refuses(r"input x \(float32, \?x4x9x11\) must not be of shape 1x4x9x10 \(small.npy\)", "model.onnx",
            "--input", "small.npy")
    np.save(tmp_path / "double.npy", models.features(1, 4, 9, 11).astype(np.float64))
    refuses(r"input x must be float32, not float64 \(double.npy\)", "model.onnx", "--input", "double.npy")
    np.save(tmp_path / "nan.npy", np.full((1, 4, 9, 11), np.nan, np.float32))
    refuses(r"input x must be finite numbers; 396 of 396 are NaN or infinite \(nan.npy\)", "model.onnx",
            "--input", "nan.npy")
    refuses("--shape 1x4x9 must fit the input .*", "model.onnx", "--shape", "1x4x9", command="plan")
    onnx.save(models.conv((2, 1, 3, 3), data=("N", 1, 64, "W")), tmp_path / "open.onnx")
    refuses(r"input x \(float32, \?x1x64x\?\) leaves sizes open: give --shape x=1x1x64x224 or the like", "open.onnx",
            command="plan")


def test_what_the_chip_path_cannot_do_is_the_hosts(eyeriss, tmp_path):
    """A convolution in three dimensions, and nothing for the chip beside it."""
    onnx.save(models.conv((2, 4, 3, 3, 3), data=("N", 4, 9, 9, 9)), tmp_path / "cube.onnx")
    np.save(tmp_path / "cube.npy", models.features(1, 4, 9, 9, 9))
    for command in (("run", "cube.onnx", "--input", "cube.npy"), ("plan", "cube.onnx")):
        status, out, err = eyeriss(*command, "--json", "report.json")
        assert (status, err) == (0, "")
        assert "0 % of the MACs are on the chip; on the host: 1 Conv\n" in out
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["layers"] == [] and report.get("match") is None
        assert report["totals"]["host_macs"] == 2 * 7**3 * 4 * 27


def test_what_onnxruntime_cannot_do(refuses, tmp_path):
    """An operator of a domain that it does not know."""
    model = models.build([helper.make_node("Conv", ["x", "w"], ["c"]),
                          helper.make_node("Frobnicate", ["c"], ["y"], name="odd", domain="com.example")],
                         {"w": models.features(6, 4, 3, 3)})
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    onnx.save(model, tmp_path / "unknown.onnx")
    refuses(r"node odd \(Frobnicate\): onnxruntime cannot run it: .+", "unknown.onnx", "--input", "x.npy")


def test_weights_that_are_no_numbers(refuses, tmp_path):
    model = models.conv((6, 4, 3, 3))
    weights = np.frombuffer(model.graph.initializer[0].raw_data, np.float32).copy()
    weights[:2] = np.nan, np.inf
    model.graph.initializer[0].raw_data = weights.tobytes()
    onnx.save(model, tmp_path / "nan.onnx")
    refuses(r"node conv \(Conv\): its weights must be finite numbers; 2 of 216 are NaN or infinite", "nan.onnx",
            "--input", "x.npy")


def test_options(refuses):
    refuses("--layers: the chip runs no layer other; its layers are conv", "model.onnx", "--input", "x.npy",
            "--layers", "other")
    refuses("--output must be a file that can be written, not .: it is a directory", "model.onnx",
            "--input", "x.npy", "--output", ".")
    refuses("--zeros must be between 0 and 1, not 2.0", "model.onnx", "--zeros", "2", command="plan")
    refuses("--count must be 1 to 360, the held-out digits, not 361", "--count", "361", command="digits")
