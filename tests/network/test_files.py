"""Files as exporters write them, run and planned: both take the same ones, with the same layers."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compiler.onnx.file import load_model
from compiler.onnx.float_nodes import run_float
from scripts.commands.network.shared import division
from tests.network import models

node = helper.make_node
WEIGHTS = {"w": models.features(4, 2, 3, 3), "u": models.features(3, 4, 3, 3, seed=5)}
CONV = node("Conv", ["x", "w"], ["y"])
X = models.features(1, 2, 6, 6)


def build(nodes, parameters=WEIGHTS, *, x=X, outputs=("y",), opset=17, ir=8, rank=4, kind=TensorProto.FLOAT,
          dims=None, **more):
    values = [helper.make_tensor_value_info(name, kind, rank and [None] * rank) for name in outputs]
    graph = helper.make_graph(
        nodes, "test", [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims or list(x.shape))], values,
        [numpy_helper.from_array(value, name) for name, value in parameters.items()], **more)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


@pytest.fixture
def both(run_and_plan, tmp_path):
    """Save a model in tmp_path, run and plan it on `mini`: the outputs, and the two reports."""

    def both(model, x=X):
        if model is not None:
            onnx.save(model, tmp_path / "m.onnx")
        np.save(tmp_path / "x.npy", x)
        return run_and_plan(tmp_path / "m.onnx", {"x": x})
    return both


def decibels(report):
    return report["outputs"]["y"]["sqnr_db"]


def test_version_that_onnxruntime_does_not_know(both):
    _, ran, _ = both(build([CONV], ir=onnx.IR_VERSION))
    assert decibels(ran) >= 50


@pytest.mark.parametrize("dims, axis", [((4,), 1), ((4, 4), 1), ((4, 4), 2), ((4,), -2)])
def test_operators_of_the_oldest_sets(both, dims, axis):
    """Their broadcasts have an axis; onnxruntime has none of them, so numpy says what is right."""
    b = models.features(*dims, seed=7)
    model = build([node("Conv", ["x", "w"], ["a"]), node("Add", ["a", "b"], ["s"], axis=axis, broadcast=1),
                   node("PRelu", ["s", "slope"], ["y"])],
                  {**WEIGHTS, "b": b, "slope": np.array([.5, 1, 2, 4], np.float32)}, opset=6, ir=4,
                  outputs=("y", "x"), dims=["N", 2, 6, 6])
    found, ran, _ = both(model)
    a = run_float(build([CONV]), {"x": X})["y"]
    axis %= 4
    total = a + b.reshape((1,) * axis + dims + (1,) * (4 - axis - len(dims)))
    right = np.where(total < 0, np.array([.5, 1, 2, 4])[:, None, None] * total, total)
    assert decibels(ran) >= 50
    np.testing.assert_allclose(found["y"], right, atol=0.02)


def test_an_input_that_is_an_output(both):
    found, _, _ = both(build([node("Conv", ["x", "w"], ["a"]), node("Conv", ["a", "u"], ["y"])], outputs=("y", "x")))
    np.testing.assert_array_equal(found["x"], X)


def test_a_constant_behind_identity(both):
    model = build([node("Conv", ["x", "w"], ["a"], pads=[1] * 4), node("Identity", ["e0"], ["e"]),
                   node("Slice", ["a", "s", "e", "axes"], ["p"]), node("Conv", ["p", "u"], ["y"])],
                  {**WEIGHTS, "e0": np.array([5]), "s": np.array([0]), "axes": np.array([2])})
    _, ran, _ = both(model)
    assert len(ran["layers"]) == 2 and decibels(ran) >= 50


def test_nothing_left_when_the_model_runs(both):
    model = build([node("ReduceSum", ["x", "one"], ["sums"], keepdims=0), node("Greater", ["sums", "big"], ["c"]),
                   node("Compress", ["x", "c"], ["some"], axis=0), node("Gemm", ["some", "w"], ["y"])],
                  {"w": models.features(5, 3), "big": np.array(1e9, np.float32), "one": np.array([1])},
                  x=models.features(4, 5), rank=2)
    found, _, planned = both(model, models.features(4, 5))
    assert found["y"].shape == (0, 3)
    assert planned["totals"]["unplanned"] == [{"layer": "y", "node": 3}]


def test_sparse_weights(both):
    filters = WEIGHTS["w"] * (np.abs(WEIGHTS["w"]) > 1)
    flat, places = np.flatnonzero(filters), np.argwhere(filters)
    values = numpy_helper.from_array(filters.ravel()[flat], "w")
    for indices in (flat, places):
        sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(indices, "i"), list(filters.shape))
        found, ran, _ = both(build([CONV], {}, sparse_initializer=[sparse]))
        dense = run_float(build([CONV], {"w": filters}), {"x": X})["y"]
        np.testing.assert_allclose(found["y"], dense, atol=0.01)


def test_a_sequence_between_host_nodes(both):
    model = build([node("Conv", ["x", "w"], ["a"]), node("SplitToSequence", ["a"], ["s"], axis=1, keepdims=1),
                   node("SequenceAt", ["s", "i"], ["b"]), node("SequenceAt", ["s", "j"], ["c"]),
                   node("Concat", ["b", "c"], ["y"], axis=1)],
                  {**WEIGHTS, "i": np.array(0), "j": np.array(2)})
    assert decibels(both(model)[1]) >= 50


def test_an_output_without_a_shape(both):
    assert decibels(both(build([CONV], rank=None))[1]) >= 50


def test_a_batch_of_minus_one(both):
    model = build([CONV])
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert decibels(both(model)[1]) >= 50


def test_a_model_without_a_layer_for_the_chip(both):
    _, ran, planned = both(build([node("Relu", ["x"], ["y"])]))
    assert ran["match"] is None and ran["layers"] == planned["layers"] == []


def test_weights_in_a_file_of_their_own(both, eyeriss, tmp_path):
    """Planned without it; run with it, refused without it."""
    model = build([CONV])
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    assert decibels(both(None)[1]) >= 50
    (tmp_path / "weights").unlink()
    status, _, err = eyeriss("plan", "m.onnx", "--chip", "mini", "--json", "plan.json")
    assert status == 0, err
    assert len(json.loads((tmp_path / "plan.json").read_text())["layers"]) == 1
    status, _, err = eyeriss("run", "m.onnx", "--input", "x.npy", "--chip", "mini")
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("eyeriss: model m.onnx must be an ONNX file: the file with its weights w is not readable: ")


def test_negative_padding_names_its_node(eyeriss, tmp_path):
    onnx.save(build([node("Conv", ["x", "w"], ["y"], pads=[-1, 0, 0, 1])]), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", X)
    for command in (("run", "m.onnx", "--input", "x.npy"), ("plan", "m.onnx")):
        status, _, err = eyeriss(*command, "--chip", "mini")
        assert status == 2
        assert err == ("eyeriss: node y (Conv): its inputs contradict it: Attribute pads must not contain "
                       "negative values\n")


def test_batch_normalization_is_of_axis_1(both):
    """Of which a MatMul's filters are the last only in two dimensions."""
    norm = {name: models.features(8, seed=seed) for seed, name in enumerate("sbm")} | {
        "v": np.abs(models.features(8)) + 1}
    nodes = [node("MatMul", ["x", "w"], ["a"]), node("BatchNormalization", ["a", "s", "b", "m", "v"], ["y"])]
    for dims, hosts in (((2, 8, 5), {"BatchNormalization": 1}), ((8, 5), {})):
        x = models.features(*dims)
        _, ran, _ = both(build(nodes, {"w": models.features(5, 8), **norm}, x=x, rank=x.ndim), x)
        assert decibels(ran) >= 50
        assert ran["totals"]["host_nodes"] == hosts


def test_integer_weights_that_are_computed(both):
    """A MatMul of integers is no layer of the chip, also where a Cast makes its weights."""
    nodes = [node("Cast", ["x"], ["i"], to=TensorProto.INT32), node("Cast", ["w"], ["v"], to=TensorProto.INT32),
             node("MatMul", ["i", "v"], ["y"])]
    x = 10 * models.features(3, 5)
    _, ran, _ = both(build(nodes, {"w": 10 * models.features(5, 4)}, x=x, rank=2, kind=TensorProto.INT32), x)
    assert ran["layers"] == []


def test_load_model_leaves_the_shapes_of_outputs_open(tmp_path):
    onnx.save(build([CONV], rank=None), tmp_path / "m.onnx")
    assert not load_model(tmp_path / "m.onnx").graph.output[0].type.tensor_type.HasField("shape")


def test_an_input_without_a_shape(both):
    model = build([CONV])
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert decibels(both(model)[1]) >= 50


def test_what_the_host_multiplies_is_counted(both):
    """4 filters of 2 x 3 x 3 at 16 places beside 64 inputs of 5 outputs."""
    model = build([node("Cast", ["x"], ["q"], to=TensorProto.UINT8), node("ConvInteger", ["q", "k"], ["i"]),
                   node("Cast", ["i"], ["f"], to=TensorProto.FLOAT), node("Flatten", ["f"], ["g"]),
                   node("MatMul", ["g", "v"], ["y"])],
                  {"k": np.ones((4, 2, 3, 3), np.uint8), "v": models.features(64, 5)}, rank=2)
    _, ran, planned = both(model, np.abs(50 * X))
    for report in (ran, planned):
        assert report["totals"]["host_macs"] == 4 * 18 * 16
        assert report["totals"]["chip_share"] == 320 / (320 + 1152)
        assert division(report["totals"]) == ("21.7 % of the MACs are on the chip; on the host: 1 ConvInteger, "
                                              "2 Cast, 1 Flatten")
