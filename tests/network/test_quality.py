"""A run says how good its outputs are, and names what to doubt: in the JSON, and in the line that sums it up."""

import functools
import re

import numpy as np
import pytest
from onnx import TensorProto, helper

from compiler.onnx.graph import import_graph
from compiler.onnx.quantize import LEAST_DB, sqnr_db
from hw.config import load_chip
from scripts.commands.network import shared
from scripts.commands.network.quality import against_float, verdict, warnings
from sim.jobs.cache import Cache
from tests.network import models

X = {"x": models.features(1, 4, 9, 11)}


def says(report, *patterns):
    """The run's warnings are these, in order, each whole."""
    assert len(report["warnings"]) == len(patterns), report["warnings"]
    for line, pattern in zip(report["warnings"], patterns, strict=True):
        assert re.fullmatch(pattern, line), line


def calibrated(model, feeds, batch, tmp_path, monkeypatch, **chip):
    """The report of a model run on `mini` that another batch calibrated."""
    monkeypatch.setattr(shared, "Cache", functools.partial(Cache, build=tmp_path))
    return shared.run_model(model, import_graph(model), feeds, [batch], name="test", backend="model",
                                 chip=load_chip("mini"))[0]


def test_nothing_to_doubt(run):
    report, _ = run(models.odd_conv(), X, "model")
    says(report)
    text, style = verdict(report)
    assert re.fullmatch(r"outputs: \d\d\.\d dB of SQNR against onnxruntime's float", text)
    assert style == "green"


def test_an_output_that_is_not_what_the_model_says(run, monkeypatch):
    """Import and layers agree with each other, and not with onnxruntime: as where a node was folded wrongly."""
    genuine = shared.run_float
    monkeypatch.setattr(shared, "run_float", lambda *arguments: {
        name: 0.9 * value for name, value in genuine(*arguments).items()})
    report, _ = run(models.odd_conv(), X, "model")
    assert report["layers"][0]["sqnr_db"] > 50
    says(report, r"output y has 19\.1 dB of SQNR against onnxruntime's float, but the layers that it comes from have "
                 r"\d\d\.\d or more: what the host computes is not what the model says, or magnifies noise; by "
                 r"themselves most is lost in conv \(\d\d\.\d dB\)")
    text, style = verdict(report | {"match": True, "layers": [{"rtl": {"match": True}}]})
    assert text == ("match: every tensor of 1 layers equal to the model's, in RTL; outputs: 19.1 dB of SQNR against "
                    "onnxruntime's float (poor); 1 warning")
    assert style == "yellow"


def test_a_host_that_magnifies_noise(run):
    """The difference of two layers that are nearly alike; the layer beside them is none of its."""
    weights = models.features(6, 4, 3, 3)
    parameters = {"w": weights, "v": weights + 1e-3 * models.features(6, 4, 3, 3, seed=8),
                  "u": models.features(6, 4, 3, 3, seed=9)}
    nodes = [helper.make_node("Conv", ["x", name], [name + name], name=name) for name in "wvu"]
    nodes.append(helper.make_node("Sub", ["ww", "vv"], ["y"]))
    report, _ = run(models.build(nodes, parameters, outputs=("y", "uu")), X, "model")
    says(report, r"output y has .* what the host computes .*; by themselves most is lost in [wv] \(.*\), [wv] \(.*\)")


def test_layers_that_lose_most(tmp_path, monkeypatch):
    """Calibrated for 10,000 times as much, little is left of the first layer's ifmap."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"], name="first"),
             helper.make_node("Sigmoid", ["a"], ["b"]), helper.make_node("Conv", ["b", "v"], ["c"], name="second"),
             helper.make_node("Conv", ["c", "u"], ["d"], name="third"),
             helper.make_node("Conv", ["d", "u"], ["y"], name="fourth")]
    model = models.build(nodes, {"w": models.features(4, 4, 3, 3), "v": models.features(4, 4, 1, 1),
                                 "u": models.features(4, 4, 1, 1, seed=5)})
    report = calibrated(model, X, {"x": 1e4 * X["x"]}, tmp_path, monkeypatch)
    says(report, r"output y has -?\d+\.\d dB of SQNR against onnxruntime's float; by themselves most is lost in "
                 r"first \(-?\d+\.\d dB\), \w+ \(\d\d\.\d dB\), \w+ \(\d\d\.\d dB\) and 1 more")


def test_what_is_cut_off(tmp_path, monkeypatch):
    report = calibrated(models.conv((6, 4, 3, 3)), {"x": 10 * X["x"]}, X, tmp_path, monkeypatch)
    says(report, r"input x: \d+ of 396 values lie outside .*",
         r"ifmap values are cut off in conv \d+\.\d\d%: calibrate .*", r"sums overflow in conv \d+\.\d\d%: .*",
         r"output y has .* dB of SQNR .*; by themselves most is lost in conv .*")


def test_few_of_many_layers_are_named():
    layers = [{"layer": f"c{place}", "saturated": place / 100, "overflowed": 0} for place in range(6)]
    network = import_graph(models.conv((6, 4, 3, 3)))
    assert warnings({"inputs": {}, "outputs": {}, "layers": layers}, network, range(6)) == [
        "ifmap values are cut off in c5 5.00%, c4 4.00%, c3 3.00% and 2 more: calibrate with data like the input's"]


def test_outputs_that_are_no_floats(run, monkeypatch):
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Greater", ["c", "t"], ["y"])]
    model = models.build(nodes, {"w": models.features(6, 4, 3, 3), "t": np.array(0, np.float32)})
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.BOOL
    report, _ = run(model, X, "model")
    entry = report["outputs"]["y"]
    assert (entry["sqnr_db"], entry["differing"], entry["values"]) == (None, 0, 378)
    assert against_float(entry) == "378 of 378 values are onnxruntime's"
    assert verdict(report) == ("outputs: equal to onnxruntime's", "green")
    genuine = shared.run_float
    monkeypatch.setattr(shared, "run_float", lambda *arguments: {
        name: ~value for name, value in genuine(*arguments).items()})
    report, _ = run(model, X, "model")
    says(report, "output y: 378 of 378 values are not onnxruntime's")
    assert verdict(report) == ("1 warning", "yellow")


@pytest.mark.parametrize("reference, found", [([0, 0], [0, 1]), ([1, np.nan], [1, 2]), ([1, 2], [1, np.nan]),
                                              ([1, 2], [1, np.inf])])
def test_noise_without_end_is_no_exact_result(reference, found):
    assert sqnr_db(reference, found) == LEAST_DB


def test_what_is_not_finite_in_both_is_no_noise():
    assert sqnr_db([1, np.nan, np.inf], [1, np.nan, np.inf]) == float("inf")
    assert sqnr_db([10, np.nan, np.inf], [11, np.nan, np.inf]) == pytest.approx(20)
