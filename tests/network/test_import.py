"""What the import makes of a model, held to onnxruntime's own run of the whole model."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper

from compiler.onnx.float_nodes import run_float
from compiler.onnx.graph import HostNode, execute, import_graph
from tests.network import models
from tests.network.test_quantize import calibrate, in_integers, quantize, sqnr_db

CONVS = {
    "plain": (dict(weights=(6, 4, 3, 3)), (2, 4, 9, 11)),
    "no bias": (dict(weights=(6, 4, 3, 3), bias=False), (1, 4, 9, 11)),
    "groups": (dict(weights=(6, 2, 3, 3), group=2), (1, 4, 9, 11)),
    "depthwise": (dict(weights=(4, 1, 3, 3), group=4, pads=[1, 1, 1, 1]), (1, 4, 9, 11)),
    "depthwise, two filters a channel": (dict(weights=(8, 1, 3, 3), group=4), (1, 4, 9, 11)),
    "wide filter": (dict(weights=(3, 4, 1, 5)), (1, 4, 9, 11)),
    "tall filter": (dict(weights=(3, 4, 5, 1), pads=[2, 0, 2, 0]), (1, 4, 9, 11)),
    "strides": (dict(weights=(3, 4, 3, 3), strides=[2, 3]), (1, 4, 9, 11)),
    "dilation": (dict(weights=(3, 4, 3, 3), dilations=[2, 2], pads=[2, 2, 2, 2]), (1, 4, 9, 11)),
    "dilations that differ": (dict(weights=(3, 4, 3, 3), dilations=[1, 3]), (1, 4, 9, 11)),
    "dilation of one axis": (dict(weights=(3, 4, 1, 3), dilations=[1, 2]), (1, 4, 9, 11)),
    "padding left and below": (dict(weights=(3, 4, 3, 3), pads=[0, 2, 1, 0]), (1, 4, 9, 11)),
    "same upper": (dict(weights=(3, 4, 3, 4), auto_pad="SAME_UPPER", strides=[2, 2]), (1, 4, 9, 11)),
    "same lower": (dict(weights=(3, 4, 3, 4), auto_pad="SAME_LOWER", strides=[2, 2]), (1, 4, 9, 11)),
    "valid": (dict(weights=(3, 4, 3, 3), auto_pad="VALID", strides=[2, 1]), (1, 4, 9, 11)),
    "one dimension": (dict(weights=(3, 4, 3), data=("N", 4, 11), pads=[2, 1], strides=[2]), (2, 4, 11)),
}


def same(model, x):
    """The imported model computes what onnxruntime does; the network."""
    network = import_graph(model)
    expected, found = run_float(model, {"x": x}), models.in_float(network, {"x": x})
    for name, value in expected.items():
        assert found[name].shape == value.shape
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-4)
    return network


@pytest.mark.parametrize("name", CONVS)
def test_conv(name):
    options, dims = CONVS[name]
    model = models.conv(**options)
    layer, = same(model, models.features(*dims)).steps
    assert layer.output_dims(dims) == run_float(model, {"x": models.features(*dims)})["y"].shape


def test_auto_pad_of_a_dilated_layer():
    """Which onnxruntime does not have: held to the padding that it stands for, 3 rows and 4 columns."""
    network = import_graph(models.conv((3, 4, 2, 3), auto_pad="SAME_LOWER", dilations=[3, 2]))
    explicit = models.conv((3, 4, 2, 3), pads=[2, 2, 1, 2], dilations=[3, 2])
    feeds = {"x": models.features(1, 4, 9, 11)}
    np.testing.assert_allclose(models.in_float(network, feeds)["y"], run_float(explicit, feeds)["y"], atol=1e-5)


def test_a_layer_read_wrongly_is_noticed():
    model = models.conv((3, 4, 3, 3), pads=[0, 2, 1, 0])
    network, feeds = import_graph(model), {"x": models.features(1, 4, 9, 11)}
    network.steps[0] = replace(network.steps[0], pads=(1, 0, 0, 2))
    assert np.abs(models.in_float(network, feeds)["y"] - run_float(model, feeds)["y"]).max() > 0.1


def test_batch_norm_and_relu_become_part_of_the_layer():
    network = same(models.resnet_block(), models.features(2, 8, 8, 8))
    assert [layer.folded for layer in network.layers] == [
        ("Conv", "BatchNormalization", "Relu"), ("Conv", "BatchNormalization"), ("Conv", "BatchNormalization")]
    assert [step.node.op_type for step in network.steps if isinstance(step, HostNode)] == ["Add", "Relu"]


def test_mobilenet_block():
    network = same(models.mobilenet_block(), models.features(2, 8, 8, 8))
    assert [layer.groups for layer in network.layers] == [1, 16, 1]
    assert all(isinstance(step, type(network.layers[0])) for step in network.steps)


def test_constants_for_each_filter_become_part_of_the_layer():
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Mul", ["c", "k"], ["m"]),
             helper.make_node("Add", ["a", "m"], ["y"])]
    model = models.build(nodes, {"w": models.features(6, 4, 3, 3), "k": models.features(6, 1, 1),
                                 "a": models.features(1, 6, 1, 1, seed=5)})
    layer, = same(model, models.features(1, 4, 9, 11)).steps
    assert layer.folded == ("Conv", "Mul", "Add")


def test_what_is_no_constant_for_each_filter_stays_with_the_host():
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Add", ["c", "a"], ["y"])]
    model = models.build(nodes, {"w": models.features(6, 4, 3, 3), "a": models.features(9)})
    assert len(same(model, models.features(1, 4, 9, 11)).steps) == 2


def test_a_layer_read_twice_keeps_its_relu_apart():
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["r"]),
             helper.make_node("Add", ["c", "r"], ["y"])]
    network = same(models.build(nodes, {"w": models.features(6, 4, 3, 3)}), models.features(1, 4, 9, 11))
    assert not network.layers[0].relu


@pytest.mark.parametrize("turned", [0, 1])
def test_gemm(turned):
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=turned, alpha=0.5, beta=3.0)
    weights = models.features(5, 7)
    model = models.build([node], {"w": weights if turned else weights.T, "b": models.features(5)}, data=("N", 7))
    assert same(model, models.features(3, 7)).layers[0].weights_shape == (5, 7, 1, 1)


def test_matmul_of_more_dimensions():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["s"]),
             helper.make_node("Relu", ["s"], ["y"])]
    model = models.build(nodes, {"w": models.features(7, 5), "b": models.features(5)}, data=("N", 3, 7))
    layer, = same(model, models.features(2, 3, 7)).steps
    assert layer.folded == ("MatMul", "Add", "Relu")


def test_weights_that_are_computed():
    nodes = [helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0, 2, 3]),
             helper.make_node("Conv", ["x", "t"], ["y"])]
    assert len(same(models.build(nodes, {"w": models.features(4, 6, 3, 3)}),
                    models.features(1, 4, 9, 11)).steps) == 1


def test_a_convolution_without_constant_weights_is_the_hosts():
    nodes = [helper.make_node("ReduceMean", ["x"], ["k"], axes=[0, 1], keepdims=1),
             helper.make_node("Conv", ["p", "k"], ["y"]), helper.make_node("Slice", ["x", "from", "to", "at"], ["p"])]
    nodes = [nodes[0], nodes[2], nodes[1]]
    model = models.build(nodes, {"from": np.array([0]), "to": np.array([1]), "at": np.array([1])})
    assert not same(model, models.features(1, 4, 9, 11)).layers


def test_three_dimensions_are_the_hosts():
    model = models.conv((2, 4, 3, 3, 3), data=("N", 4, 9, 9, 9))
    network = same(model, models.features(1, 4, 9, 9, 9))
    assert not network.layers
    assert import_graph(model, {"x": (1, 4, 9, 9, 9)}).steps[0].macs == 2 * 7**3 * 4 * 27


def test_the_hosts_weights_are_added_up_as_in_the_model():
    """onnxruntime packs constant weights, and rounds otherwise with weights that are fed."""
    parameters = {"w": models.features(1, 256, 64), "r": models.features(1, 256, 64, seed=3)}
    node = helper.make_node("LSTM", ["x", *parameters], ["y"], hidden_size=64)
    model, x = models.build([node], parameters, data=(20, 1, 64)), models.features(20, 1, 64)
    network = import_graph(model)
    found = execute(network, {"x": x}, chip=None)["y"]
    np.testing.assert_array_equal(found, run_float(model, {"x": x})["y"])


def test_layers_of_one_name_are_told_apart():
    """A layer named as another's output, and one named as a counter would make it."""
    nodes = [helper.make_node("Conv", ["x", "w1"], ["c"]), helper.make_node("Conv", ["x", "w2"], ["b"], name="c"),
             helper.make_node("Conv", ["x", "w3"], ["d"], name="c#2"),
             helper.make_node("Concat", ["c", "b", "d"], ["y"], axis=1)]
    model = models.build(nodes, {f"w{i}": models.features(4, 4, 3, 3, seed=i) for i in (1, 2, 3)})
    network, feeds = import_graph(model), {"x": models.features(1, 4, 9, 11)}
    quantized = quantize(network, calibrate(network, [feeds])[0])
    found, _ = in_integers(network, quantized, feeds)
    assert [layer.name for layer in network.layers] == ["c", "c", "c#2"]
    assert sqnr_db(run_float(model, feeds)["y"], found["y"]) >= 50


def test_host_nodes_without_a_first_output_are_told_apart():
    """Two GRUs, of which only the last hidden state is read."""
    nodes = [helper.make_node("GRU", ["x", "W", "R"], ["", "h1"], hidden_size=4),
             helper.make_node("GRU", ["x", "W", "R"], ["", "h2"], hidden_size=4, direction="reverse"),
             helper.make_node("Concat", ["h1", "h2"], ["y"], axis=2)]
    same(models.build(nodes, {"W": models.features(1, 12, 6), "R": models.features(1, 12, 4)}, data=("N", 2, 6)),
         models.features(5, 2, 6))
