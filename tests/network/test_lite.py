"""A network like EfficientNet-Lite0, exported three ways: the same layers of the chip, run and planned."""

import numpy as np
import onnx
import pytest

from compiler.onnx.graph import import_graph
from compiler.onnx.plan import layer_densities
from tests.network import models
from tests.network.lite import STYLES, Lite

pytestmark = pytest.mark.slow

X = models.features(1, 3, 24, 24)
#: What is left to the host: the upper limits of ReLU6, additions, the mean, and the reshape before the last layer.
HOSTS = {"Clip": 9, "Add": 1, "GlobalAveragePool": 1}


@pytest.fixture
def report(run_and_plan, tmp_path):
    def report(style, x=X):
        onnx.save(Lite(style).model(), tmp_path / "m.onnx")
        return run_and_plan(tmp_path / "m.onnx", {"x": x})
    return report


@pytest.mark.parametrize("style", STYLES)
def test_exports_of_one_network(report, style):
    _, ran, planned = report(style)
    assert len(planned["layers"]) == 14
    hosts = ran["totals"]["host_nodes"]
    assert hosts.pop("Flatten", 0) + hosts.pop("Reshape", 0) == 1
    assert hosts == HOSTS
    assert planned["totals"]["chip_share"] == 1
    assert ran["outputs"]["y"]["sqnr_db"] >= 40
    assert sum("Relu" in entry["folded"] for entry in planned["layers"]) == HOSTS["Clip"]
    _, other, _ = report("folded")
    assert [entry["shape"] for entry in ran["layers"]] == [entry["shape"] for entry in other["layers"]]


def test_an_open_batch(report):
    outputs, ran, _ = report("pads", np.concatenate([X, models.features(2, 3, 24, 24, seed=9)]))
    assert ran["batch"] == 3 and outputs["y"].shape == (3, 5)
    assert ran["outputs"]["y"]["sqnr_db"] >= 40


def test_a_calibration_of_another_batch_size():
    """Whose sizes are constants in the graph: the network is cut anew for them, and its layers are the same."""
    model = Lite("pads").model()
    network = import_graph(model, {"x": X.shape})
    two = {"x": np.concatenate([X, X])}
    assert network.fed({"x": X}) is network
    assert network.fed(two) is not network
    np.testing.assert_allclose(models.in_float(network, two)["y"][0], models.in_float(network, {"x": X})["y"][0],
                               rtol=1e-4, atol=1e-5)


def test_zeros_follow_a_clip():
    """A Clip from 0 up leaves the zeros that a ReLU does: ofmaps, and ifmaps of the layers behind, are sparse."""
    network = import_graph(Lite("norms").model(), weights=False)
    found = layer_densities(network, 0.5)
    layers = {layer.index: layer for layer in network.layers}
    assert [found[index].ofmap for index in layers] == [0.5 if layers[index].relu else 1 for index in layers]
    assert sum(density.ifmap == 0.5 for density in found.values()) >= HOSTS["Clip"] - 1
