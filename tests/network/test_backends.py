"""Blocks of networks in RTL, every tensor compared with the model's."""

import numpy as np
import pytest

import sim.jobs.layers
from compiler.onnx.graph import import_graph
from scripts.commands.network.shared import chosen_layers
from tests.network import models

pytestmark = pytest.mark.simulation

BLOCKS = {"resnet": (models.resnet_block, (1, 8, 8, 8)), "mobilenet": (models.mobilenet_block, (1, 8, 8, 8)),
          "dilated, padded unevenly": (models.odd_conv, (1, 4, 9, 11)),
          "few channels, padded": (lambda: models.conv((6, 4, 5, 5), pads=[2, 2, 2, 2]), (1, 4, 9, 11))}


@pytest.mark.parametrize("name", BLOCKS)
def test_block(run, name):
    block, dims = BLOCKS[name]
    model, feeds = block(), {"x": models.features(*dims)}
    report, both = run(model, feeds, "both")
    assert report["match"] is True
    assert [entry["rtl"]["mismatches"] for entry in report["layers"]] == [0] * len(report["layers"])
    assert report["outputs"]["y"]["sqnr_db"] >= 50
    total = report["totals"]
    assert total["rtl_cycles"] == sum(entry["rtl"]["cycles"]["total"] for entry in report["layers"]) > 0
    assert total["rtl_configuration_cycles"] == total["configuration_cycles"] > 0
    for backend in ("model", "rtl"):  # the latter of the layers that were kept
        other, outputs = run(model, feeds, backend)
        assert other["match"] is None
        np.testing.assert_array_equal(outputs["y"], both["y"])
    assert all(entry["rtl"]["kept"] for entry in other["layers"])


def test_one_layer_in_rtl(run):
    block = models.resnet_block()
    only = chosen_layers(["p"], import_graph(block))
    report, _ = run(block, {"x": models.features(1, 8, 8, 8)}, "both", only=only)
    assert {entry["layer"]: entry["rtl"] is not None for entry in report["layers"]} == {
        "a": False, "b": False, "p": True}
    assert report["match"] is True


def test_a_wrong_weight_in_rtl_is_noticed(run, monkeypatch):
    """One weight of a filter, changed, goes to the chip: only that filter's outputs can differ, and some do."""
    genuine = sim.jobs.layers.compile_layer

    def compile_layer(shape, mapping, chip, ifmap, weights, bias, **options):
        weights = weights.copy()
        weights[2, 1, 1, 1] += 256
        return genuine(shape, mapping, chip, ifmap, weights, bias, **options)

    monkeypatch.setattr(sim.jobs.layers, "compile_layer", compile_layer)
    report, _ = run(models.odd_conv(), {"x": models.features(1, 4, 9, 11)}, "both")
    assert report["match"] is False
    outputs = report["layers"][0]["rtl"]["outputs"]
    assert 0 < report["layers"][0]["rtl"]["mismatches"] <= outputs // 6


def test_a_wrong_tensor_of_the_model_is_noticed(run, wrong_ofmap):
    report, _ = run(models.odd_conv(), {"x": models.features(1, 4, 9, 11)}, "both")
    assert report["match"] is False
    assert report["layers"][0]["rtl"]["mismatches"] == 1
