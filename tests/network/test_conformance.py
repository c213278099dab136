"""The ONNX project's own conformance suite: every case with an operator of CNNs, run and planned."""

import copy
import re
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from compiler.onnx.file import load_model, model_inputs
from compiler.onnx.quantize import sqnr_db
from scripts.commands.network.inputs import Preparation, load_inputs
from scripts.terminal.console import BadInput

pytestmark = pytest.mark.slow

OPERATORS = set("""
    Conv ConvInteger ConvTranspose QLinearConv DeformConv Gemm MatMul MatMulInteger QLinearMatMul
    BatchNormalization InstanceNormalization GroupNormalization LayerNormalization LRN LpNormalization
    MeanVarianceNormalization MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool MaxUnpool
    RoiAlign Relu LeakyRelu PRelu Elu Selu Celu ThresholdedRelu Sigmoid HardSigmoid HardSwish Mish Swish Gelu
    Softplus Softsign Tanh Clip Softmax LogSoftmax Hardmax Dropout Flatten Reshape Squeeze Unsqueeze Transpose
    Concat Split Slice Pad Resize Upsample DepthToSpace SpaceToDepth GridSample Add Sub Mul Div Sum Max Min Mean
    Identity Shape Gather Expand ReduceMean ReduceSum ReduceMax NonMaxSuppression TopK ArgMax QuantizeLinear
    DequantizeLinear CenterCropPad""".split())
#: Whose inputs but the first are weights or amounts, and constants in models.
WEIGHTED = set("""
    Conv ConvInteger ConvTranspose QLinearConv DeformConv Gemm MatMul MatMulInteger QLinearMatMul
    BatchNormalization InstanceNormalization GroupNormalization LayerNormalization PRelu Clip Reshape Squeeze
    Unsqueeze Slice Pad Resize Upsample Expand ReduceMean ReduceSum ReduceMax TopK QuantizeLinear DequantizeLinear
    CenterCropPad Split Dropout Gather NonMaxSuppression""".split())
#: Where onnxruntime itself gives other values than the suite: random ones, and its own reading of two operators.
OTHER = re.compile("test_(training_dropout|maxunpool_export_with_output_shape|resize_downsample_scales_(linear|cubic)"
                   "_align_corners)")
REFUSAL = re.compile(r"(node .* \(\w+\): |input |model |onnxruntime cannot run the model: |\S+\.npy must be )[^\n]+")


def _tensors(folder, kind):
    return [numpy_helper.to_array(onnx.TensorProto.FromString((folder / f"{kind}_{index}.pb").read_bytes()))
            for index in range(len(list(folder.glob(f"{kind}_*.pb"))))]


def cases(kind):
    """(name, model, inputs, outputs) of the suite's cases; nodes expanded to functions are the same again."""
    for case in load_model_tests(kind=kind):
        model = case.model or onnx.load(Path(case.model_dir) / "model.onnx")
        if "_expanded" in case.name or not OPERATORS.intersection(node.op_type for node in model.graph.node):
            continue
        folder = Path(case.model_dir or "") / "test_data_set_0"
        inputs, outputs = case.data_sets[0] if case.model else (_tensors(folder, "input"), _tensors(folder, "output"))
        # a copy: the suite hands out one model to all who ask
        yield case.name, *with_weights(copy.deepcopy(model), map(_array, inputs)), list(map(_array, outputs))


def _array(value):
    """The suite writes tensors of types that numpy lacks as TensorProto."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def with_weights(model, inputs):
    """The model of one weighted node with its weights as initializers; what is left to feed."""
    graph = model.graph
    given = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in given]
    feeds = dict(zip(names, inputs, strict=False))
    if len(graph.node) == 1 and graph.node[0].op_type in WEIGHTED:
        for name in names[1:]:
            if isinstance(feeds.get(name), np.ndarray):
                graph.initializer.append(numpy_helper.from_array(feeds.pop(name), name))
        left = [value for value in graph.input if value.name in feeds or value.name in given]
        del graph.input[:]
        graph.input.extend(left)
    return model, feeds


def right(outputs, expected):
    """Whether all outputs are there, at 40 dB or more, or equal if they are no floats."""
    for found, value in zip(map(np.asarray, outputs), map(np.asarray, expected), strict=True):
        if found.shape != value.shape:
            return False
        finite = np.isfinite(value) if np.issubdtype(value.dtype, np.floating) else np.ones(value.shape, bool)
        if found.dtype.kind == "f" and sqnr_db(value[finite], found[finite]) < 40:
            return False
        if found.dtype.kind != "f" and not np.array_equal(found, value):
            return False
    return True


CONVOLUTIONS = {
    "pytorch-converted": ["test_Conv2d_dilated", "test_Conv2d_groups", "test_Conv2d_depthwise_with_multiplier",
                          "test_Conv2d_strided", "test_Conv1d_dilated", "test_Conv1d_stride"],
    "node": ["test_conv_with_strides_and_asymmetric_padding", "test_conv_with_autopad_same"]}


@pytest.mark.simulation
@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_convolutions_in_rtl(run, tmp_path, kind):
    left = set(CONVOLUTIONS[kind])
    for name, model, feeds, expected in cases(kind):
        if name in left:
            left.remove(name)
            onnx.save(model, tmp_path / "m.onnx")
            report, outputs = run(load_model(tmp_path / "m.onnx"), feeds, "both")
            assert report["match"] is True, name
            assert len(report["layers"]) == 1
            assert right(outputs.values(), expected), name
    assert not left


@pytest.mark.parametrize("kind, least", [("node", 506), ("simple", 5), ("pytorch-converted", 82),
                                         ("pytorch-operator", 31)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_suite(run_and_plan, tmp_path, kind, least):
    """At least so many cases pass; the others are refused in one line, but for those where onnxruntime differs."""
    counts, wrong = Counter(), []
    for name, model, feeds, expected in cases(kind):
        onnx.save(model, tmp_path / "m.onnx")
        try:
            items = []
            for index, (key, value) in enumerate(feeds.items()):
                np.save(tmp_path / f"{index}.npy", np.asarray(value))
                items.append(f"{key}={tmp_path}/{index}.npy")
            ready = load_inputs(items, model_inputs(load_model(tmp_path / "m.onnx")), Preparation("unit"))
            outputs, report, _ = run_and_plan(tmp_path / "m.onnx", ready)
        except (BadInput, ValueError) as error:
            counts["refused"] += 1
            if not REFUSAL.fullmatch(str(error)):
                wrong.append((name, str(error)))
            continue
        counts["on the chip"] += bool(report["layers"])
        if right(outputs.values(), expected):
            counts["passed"] += 1
        elif not OTHER.match(name):
            wrong.append((name, report["outputs"]))
    print(kind, dict(counts))
    assert not wrong
    assert counts["passed"] >= least
