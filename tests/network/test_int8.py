"""Networks of 8-bit layers: every tensor equal to onnxruntime's, by the numpy model and by the chip's RTL."""

import functools
import json
import re

import html5lib
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import scripts.commands.network.int8 as commands
import sim.jobs.layers
from compiler.onnx.file import GraphError, load_model
from compiler.onnx.graph import import_graph
from compiler.onnx.qlinear import is_quantized, run_as_given
from golden.int8 import conv_int8
from hw.config import load_chip
from scripts.commands.network import plan as planning
from scripts.commands.network import shared
from scripts.commands.network.quantizer import Batches
from scripts.commands.network.quantizer import quantized as quantized_model
from scripts.examples.digits_data import load_digits
from scripts.examples.train_digits import MODEL
from sim.jobs.cache import Cache
from sim.jobs.layers import RtlLayers
from sim.tools.files import BUILD
from tests.golden.int8_layers import saturates
from tests.network import models

CHIP = load_chip("mini-int8")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(autouse=True)
def own_mappings(kept, monkeypatch):
    for module in (shared, planning):
        monkeypatch.setattr(module, "Cache", functools.partial(Cache, build=kept))


def quantizer(model, batches, path, **options):
    """A model by onnxruntime's static quantizer: uint8 and int8, of 7 bits where the processor would saturate."""
    quant_pre_process(model, path / "ready.onnx", skip_symbolic_shape=True)
    options = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8} | options
    quantize_static(path / "ready.onnx", path / "int8.onnx", Batches(batches), reduce_range=saturates(),
                    **options)
    return load_model(path / "int8.onnx")


def run(model, feeds, **options):
    """Report and outputs, after the plan was seen to have the same layers and the same nodes on the host."""
    sizes = {name: value.shape for name, value in feeds.items()}
    network = import_graph(model, sizes, int8=True)
    report, outputs = commands.run_int8(model, network, feeds, name="test", chip=CHIP, **options)
    planned = planning.plan_model(model, sizes, name="test", chip=CHIP)
    for key in ("layer", "node", "folded", "shape", "macs"):
        assert [entry[key] for entry in report["layers"]] == [entry[key] for entry in planned["layers"]]
    assert report["totals"]["host_nodes"] == planned["totals"]["host_nodes"]
    return report, outputs


def assert_equal(report, layers):
    """All layers are on the chip, and every value is onnxruntime's."""
    assert len(report["layers"]) == layers
    assert [entry["differing"] for entry in (*report["layers"], *report["outputs"].values())] == (
        [0] * (layers + len(report["outputs"])))
    assert not report["warnings"]
    assert report["totals"]["chip_share"] == 1


def digits():
    data = load_digits()
    return load_model(MODEL), [{"image": data.train[:64]}], {"image": data.held_out[:60]}, 5


def block(model, layers, *dims):
    return model, [{"x": models.features(2, *dims, seed=seed)} for seed in range(4)], {
        "x": models.features(2, *dims, seed=99)}, layers


NETWORKS = {
    "digits": digits, "resnet block": lambda: block(models.resnet_block(), 3, 8, 8, 8),
    "mobilenet block": lambda: block(models.mobilenet_block(), 3, 8, 8, 8),
    "squeezenet": lambda: block(models.squeezenet(), 11, 3, 33, 31),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("options", [
    {"quant_format": QuantFormat.QDQ, "per_channel": True}, {"quant_format": QuantFormat.QOperator},
    {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QInt8},
], ids=["QDQ, per channel", "QOperator", "QDQ, int8"])
def test_networks_equal_onnxruntime(name, options, tmp_path):
    model, batches, feeds, layers = NETWORKS[name]()
    report, _ = run(quantizer(model, batches, tmp_path, **options), feeds)
    assert_equal(report, layers)


def test_another_rounding_is_noticed(tmp_path, monkeypatch):
    model, batches, feeds, _ = digits()
    quantized = quantizer(model, batches, tmp_path)

    def one_more(*arguments):
        return conv_int8(*arguments) + np.uint8(1)

    monkeypatch.setattr(commands, "conv_int8", one_more)
    report, _ = run(quantized, feeds)
    assert all(entry["differing"] for entry in report["layers"])
    assert report["outputs"]["scores"]["differing"]
    assert report["warnings"][0] == "layer conv1: 61440 of 61440 values are not onnxruntime's"


# -- RTL ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rtl(tmp_path, monkeypatch, need):
    """`run` with RTL, whose layers are kept in tmp_path; compiled simulators are shared with the other tests."""
    need("verilator")
    for name in ("sim", "verilog"):
        (BUILD / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to((BUILD / name).resolve())
    monkeypatch.setattr(shared, "RtlLayers", functools.partial(RtlLayers, build=tmp_path))
    return run


RTL = {
    "digits": lambda: (load_model(MODEL), [{"image": load_digits().train[:64]}],
                       {"image": load_digits().held_out[:2]}, 5),
    "resnet block": lambda: block(models.resnet_block(), 3, 8, 8, 8),
    "mobilenet block": lambda: block(models.mobilenet_block(), 3, 8, 8, 8),
}


@pytest.mark.simulation
@pytest.mark.parametrize("name", RTL)
def test_networks_in_rtl(rtl, name, tmp_path):
    """Symmetric and with any zero points; the RTL alone gives what it gives beside the model."""
    model, batches, feeds, layers = RTL[name]()
    kind = QuantType.QInt8 if name == "resnet block" else QuantType.QUInt8
    quantized = quantizer(model, batches, tmp_path, per_channel=True, activation_type=kind)
    report, both = rtl(quantized, feeds, backend="both")
    assert_equal(report, layers)
    assert report["match"] is True
    assert [entry["rtl"]["mismatches"] for entry in report["layers"]] == [0] * layers
    assert report["totals"]["rtl_cycles"] == sum(entry["rtl"]["cycles"]["total"] for entry in report["layers"]) > 0
    alone, outputs = rtl(quantized, feeds, backend="rtl")
    assert alone["match"] is None
    assert all(entry["rtl"]["kept"] for entry in alone["layers"])
    for key, value in both.items():
        np.testing.assert_array_equal(outputs[key], value)


@pytest.mark.simulation
def test_a_wrong_weight_in_rtl_is_noticed(rtl, monkeypatch, tmp_path):
    genuine = sim.jobs.layers.compile_int8

    def compile_int8(shape, mapping, chip, ifmap, weights, *rest, **options):
        weights = weights.copy()
        weights[2, 1, 0, 0] ^= 64
        return genuine(shape, mapping, chip, ifmap, weights, *rest, **options)

    monkeypatch.setattr(sim.jobs.layers, "compile_int8", compile_int8)
    model, batches, feeds, _ = RTL["resnet block"]()
    quantized = quantizer(model, batches, tmp_path)
    only = {import_graph(quantized, {"x": feeds["x"].shape}, int8=True).layers[0].index}
    report, _ = rtl(quantized, feeds, backend="both", only=only)
    assert report["match"] is False
    first, *others = report["layers"]
    assert 0 < first["rtl"]["mismatches"] <= first["rtl"]["outputs"] // 16
    assert first["differing"] == first["rtl"]["mismatches"]
    assert not any(entry["rtl"] for entry in others)


def test_the_quantizer_of_the_command_line():
    model, batches, feeds, layers = digits()
    report, outputs = run(quantized_model(model, batches), feeds)
    assert_equal(report, layers)
    right = (outputs["scores"].argmax(axis=1) == load_digits().held_out_labels[:60]).mean()
    assert right >= 0.97


def test_weights_of_constant_nodes_and_of_an_old_operator_set():
    model, batches, feeds, layers = digits()
    model.opset_import[0].version = 11  # which has no scale for each filter
    nodes = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in model.graph.initializer]
    nodes += model.graph.node
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.node.extend(nodes)
    assert_equal(run(quantized_model(model, batches), feeds)[0], layers)


def test_a_float_model_is_not_quantized():
    assert not is_quantized(load_model(MODEL))


# -- single layers --------------------------------------------------------------------------------------------------


def one_node(op, dims, parameters, *, domain="", dtype=np.uint8, **attributes):
    """A model of one quantized node on `x`."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in parameters.items()]
    node = helper.make_node(op, ["x", *parameters], ["y"], name="node", domain=domain, **attributes)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph([node], "test", [helper.make_tensor_value_info("x", kind, [None] * len(dims))],
                              [onnx.ValueInfoProto(name="y")], tensors)
    return helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)])


def integers(*dims, seed=1, dtype=np.uint8, most=255):
    least = np.iinfo(dtype).min
    return np.random.default_rng(seed).integers(least, least + most + 1, dims).astype(dtype)


def operands(weights, *, bias=None, scales=1, zeros=(7, 100), dtype=np.uint8):
    M = scales
    x_zero, y_zero = (dtype(zero) for zero in zeros)
    found = {"x_scale": np.float32(0.02), "x_zero": x_zero, "w": weights,
             "w_scale": np.linspace(0.003, 0.01, M, dtype=np.float32) if M > 1 else np.float32(0.005),
             "w_zero": np.full(M if M > 1 else (), 128 if weights.dtype == np.uint8 else 0, weights.dtype)}
    ofmap = {"y_scale": np.float32(0.05), "y_zero": y_zero}
    return found | ofmap | ({} if bias is None else {"bias": bias})


def weights(*dims, dtype=np.int8):
    return integers(*dims, dtype=dtype, most=255)


@pytest.mark.parametrize(("dims", "filters", "attributes"), [
    ((2, 4, 9, 11), (6, 4, 3, 3), {"pads": [0, 1, 2, 3], "dilations": [2, 2]}),
    ((1, 4, 9, 11), (6, 4, 3, 2), {"dilations": [2, 1], "strides": [2, 1]}),
    ((1, 4, 10, 11), (8, 1, 3, 3), {"group": 4, "auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    ((1, 4, 10, 11), (8, 2, 3, 3), {"group": 2, "auto_pad": "VALID"}),
    ((3, 4, 17), (6, 4, 5), {"pads": [2, 1]}),
])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_convolutions(dims, filters, attributes, dtype):
    if saturates():
        pytest.skip("this processor's onnxruntime saturates pairs of products")
    bias = np.random.default_rng(1).integers(-9000, 9000, filters[0]).astype(np.int32)
    model = one_node("QLinearConv", dims, operands(weights(*filters, dtype=dtype), bias=bias, scales=filters[0]),
                     **attributes)
    report, outputs = run(model, {"x": integers(*dims)})
    assert_equal(report, 1)
    assert len(np.unique(outputs["y"])) > 50


@pytest.mark.parametrize("dims", [(5, 24), (2, 3, 24), (24,)])
def test_products_with_a_matrix(dims):
    if saturates():
        pytest.skip("this processor's onnxruntime saturates pairs of products")
    report, _ = run(one_node("QLinearMatMul", dims, operands(weights(24, 10))), {"x": integers(*dims)})
    assert_equal(report, 1)


def test_a_signed_input_and_a_fully_connected_layer():
    given = operands(weights(10, 24), bias=np.arange(10, dtype=np.int32) * 100, scales=10, zeros=(-3, 20),
                     dtype=np.int8)
    order = ("x_scale", "x_zero", "w", "w_scale", "w_zero", "bias", "y_scale", "y_zero")
    model = one_node("QGemm", (4, 24), {name: given[name] for name in order}, domain="com.microsoft", dtype=np.int8,
                     transB=1)
    report, _ = run(model, {"x": integers(4, 24, dtype=np.int8)})
    assert_equal(report, 1)


@pytest.mark.parametrize("change", [
    {"w_zero": np.int8(3)}, {"w": weights(6, 4, 3, 3, dtype=np.uint8), "w_zero": np.uint8(120)}])
def test_weights_with_another_zero_point_are_the_hosts(change):
    model = one_node("QLinearConv", (1, 4, 9, 9), operands(weights(6, 4, 3, 3)) | change)
    feeds = {"x": integers(1, 4, 9, 9)}
    report, outputs = run(model, feeds)
    assert not report["layers"]
    assert report["totals"]["host_nodes"] == {"QLinearConv": 1}
    np.testing.assert_array_equal(outputs["y"], run_as_given(model, feeds, ["y"])["y"])


# -- what is refused ------------------------------------------------------------------------------------------------


def quantize_node(**attributes):
    return helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["y"], name="quantize", **attributes)


def graph(nodes, *, opset=25, **tensors):
    made = [numpy_helper.from_array(value, name) if isinstance(value, np.ndarray) else value
            for name, value in tensors.items()]
    return helper.make_model(
        helper.make_graph(nodes, "test", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])],
                          [onnx.ValueInfoProto(name="y")], made),
        ir_version=10, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)])


SCALE = np.array(0.1, np.float32)


def zero(kind):
    return helper.make_tensor("zero", kind, [], [0])


@pytest.mark.parametrize(("model", "what"), [
    (graph([quantize_node()], scale=SCALE, zero=zero(TensorProto.INT4)), "to 4 bits"),
    (graph([quantize_node()], scale=SCALE, zero=zero(TensorProto.FLOAT8E4M3FN)), "to float8"),
    (graph([quantize_node()], scale=SCALE, zero=zero(TensorProto.INT16)), "to 16 bits"),
    (graph([helper.make_node("QuantizeLinear", ["x", "scale"], ["y"], name="quantize",
                             output_dtype=TensorProto.UINT4)], scale=SCALE), "to 4 bits"),
    (graph([quantize_node(block_size=4, axis=1)], scale=np.ones((4, 2), np.float32), zero=np.zeros((4, 2), np.uint8)),
     "by blocks"),
    (graph([helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"], name="quantize")]), "dynamic"),
    (graph([helper.make_node("ConvInteger", ["x", "w"], ["y"], name="quantize")], w=weights(2, 2, 1, 1)), "dynamic"),
    (graph([helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], name="quantize", domain="com.microsoft", K=8, N=2,
                             bits=4, block_size=16)], w=integers(2, 1, 8), s=np.ones(2, np.float32)), "by blocks"),
])
def test_other_quantization_is_refused_by_name(model, what):
    op = model.graph.node[0].op_type
    message = (f"node quantize ({op}): quantization must be static, to 8-bit integers, with a scale for a tensor or "
               f"for each filter, not {what}")
    assert is_quantized(model)
    with pytest.raises(GraphError, match=f"^{re.escape(message)}$"):
        import_graph(model, {"x": (4, 8)}, int8=True)


def test_a_scale_of_zero_is_refused():
    model = one_node("QLinearConv", (1, 4, 9, 9), operands(weights(6, 4, 3, 3)) | {"x_scale": np.float32(0)})
    with pytest.raises(GraphError, match=r"^node node \(QLinearConv\): its scale must be positive and finite, not "):
        import_graph(model, {"x": (1, 4, 9, 9)}, int8=True)


# -- the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A model, an input, pictures to calibrate with, and a chip of 8-bit data."""
    onnx.save(models.squeezenet(), tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", models.features(1, 3, 33, 31))
    (tmp_path / "seen").mkdir()
    for seed in range(3):
        np.save(tmp_path / "seen" / f"{seed}.npy", models.features(1, 3, 33, 31, seed=seed))
    return tmp_path


def test_a_float_model_is_quantized_and_run(eyeriss, folder):
    status, out, err = eyeriss("run", "model.onnx", "--input", "x.npy", "--quantize", "seen", "--chip", "mini-int8",
                               "--json", "-", "--page", "page.html")
    assert status == 0, err
    report = json.loads(out)
    assert report["int8"]
    assert len(report["layers"]) == 11
    assert not any(entry["differing"] for entry in (*report["layers"], *report["outputs"].values()))
    assert "outputs: equal to onnxruntime's" in err
    made = re.search(r"^quantized model: (.*)$", err, re.M)[1]
    assert is_quantized(load_model(made))
    html5lib.HTMLParser(strict=True).parse((folder / "page.html").read_text())

    status, out, err = eyeriss("plan", made, "--chip", "mini-int8", "--shape", "1x3x33x31", "--json", "-",
                               "--no-page")
    assert status == 0, err
    planned = json.loads(out)
    assert [entry["layer"] for entry in planned["layers"]] == [entry["layer"] for entry in report["layers"]]
    assert planned["totals"]["host_macs"] == 0


def test_on_a_chip_of_16_bits_a_quantized_model_is_fixed_point(eyeriss, folder):
    quantized = quantized_model(load_model(folder / "model.onnx"), [{"x": models.features(1, 3, 33, 31)}])
    onnx.save(quantized, folder / "int8.onnx")
    status, out, err = eyeriss("run", "int8.onnx", "--input", "x.npy", "--chip", "mini", "--json", "-", "--no-page")
    assert status == 0, err
    report = json.loads(out)
    assert not report["int8"]
    assert [entry["folded"][0] for entry in report["layers"]] == ["Conv"] * 11


@pytest.mark.parametrize(("arguments", "message"), [
    (("--quantize", "seen", "--chip", "mini"),
     r"--quantize needs a chip of 8-bit data \(data_width = 8\); mini has 16"),
    (("--quantize", "seen", "--chip", "mini-int8", "--calibrate", "seen"),
     "--calibrate is for float models on a chip of 16 bits; a quantized one has its scales"),
    (("--chip", "mini-int8"),
     "chip mini-int8 runs quantized models, and this one is float: --quantize DIR makes an 8-bit model of it"),
    (("--quantize", "none", "--chip", "mini-int8"),
     "--quantize none must be a directory or a readable .npz file: .*"),
])
def test_refused_on_the_command_line(eyeriss, folder, arguments, message):
    status, out, err = eyeriss("run", "model.onnx", "--input", "x.npy", "--no-page", *arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(f"eyeriss: {message}\n", err), err
