"""Networks of 8-bit layers: brought to onnxruntime's own operators, whose layers the 8-bit chip computes to the bit.

A quantized model is a float graph with QuantizeLinear and DequantizeLinear around its operators (QDQ), or has integer
operators in their place. onnxruntime fuses the first form into the second before it runs it. So it does here: what is
fused says how it rounds. Of the operators that are left QLinearConv, QLinearMatMul and QGemm become layers of the
chip; the host runs all others, in onnxruntime.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from golden.int8 import Format, LayerFormats

from .chip_layer import ChipLayer
from .file import GraphError, Sizes, graph_nodes, model_inputs
from .float_nodes import error_reason, is_standard, node_attributes, node_label
from .tensors import GraphTensors

__all__ = ["fused", "int8_layer", "is_quantized", "run_as_given", "tensor_types"]

_OPERANDS = {
    "QLinearConv": ("x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "bias"),
    "QLinearMatMul": ("x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"),
    "QGemm": ("x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "bias", "y_scale", "y_zero"),
}
_MARKS = ("QuantizeLinear", "DequantizeLinear", *_OPERANDS)
_DYNAMIC = ("DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM")
_BLOCKS = ("MatMulNBits", "MatMulBnb4", "GatherBlockQuantized", "QMoE")
_TYPES = {
    "to 2 bits": (TensorProto.INT2, TensorProto.UINT2), "to 4 bits": (TensorProto.INT4, TensorProto.UINT4),
    "to 16 bits": (TensorProto.INT16, TensorProto.UINT16), "to float4": (TensorProto.FLOAT4E2M1,),
    "to float8": (TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2,
                  TensorProto.FLOAT8E5M2FNUZ),
}


def is_quantized(model: onnx.ModelProto) -> bool:
    """Whether a model has quantized tensors, of whatever kind."""
    return any(node.op_type in (*_MARKS, *_DYNAMIC, *_BLOCKS) for node in graph_nodes(model.graph))


def fused(model: onnx.ModelProto) -> onnx.ModelProto:
    """A quantized model as onnxruntime runs it: QDQ around an operator is one operator, on integers.

    Raises
    ------
    GraphError
        Quantization of a kind that the chip does not have, or a model that onnxruntime refuses.
    """
    _refuse(model)
    options = _options()
    # Of the next level are layouts of single processors only.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fused.onnx"
        options.optimized_model_filepath = str(path)
        try:
            onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise GraphError(f"onnxruntime cannot run the model: {error_reason(error)}") from None
        return onnx.load(path)


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors come as exceptions
    # int8 tensors stay such, as on ARM: on x86 it would make uint8 of them, and leave layers between both in float
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    return options


def _refuse(model: onnx.ModelProto) -> None:
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for node in graph_nodes(model.graph):
        kind = _unsupported(node, types)
        if kind:
            raise GraphError(f"{node_label(node)}: quantization must be static, to 8-bit integers, with a scale for "
                             f"a tensor or for each filter, not {kind}")


def _unsupported(node: onnx.NodeProto, types: Mapping[str, int]) -> str | None:
    """What a node's quantization is that the chip does not have."""
    if node.op_type in _DYNAMIC:
        return "dynamic"
    given = node_attributes(node)
    if node.op_type in _BLOCKS or node.op_type in _MARKS and given.get("block_size"):
        return "by blocks"
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        for kind, members in _TYPES.items():
            if given.get("output_dtype") in members or any(types.get(name) in members for name in node.input):
                return kind
    return None


def run_as_given(model: onnx.ModelProto, feeds: dict[str, np.ndarray], names: list[str]) -> dict[str, np.ndarray]:
    """Tensors of a model, as onnxruntime computes it by itself: what 8-bit layers are held to.

    Raises
    ------
    GraphError
        onnxruntime refuses the model.
    """
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    own = {value.name: value for value in model.graph.output}
    del shown.graph.output[:]
    shown.graph.output.extend(own.get(name, onnx.ValueInfoProto(name=name)) for name in names)
    try:
        session = onnxruntime.InferenceSession(shown.SerializeToString(), _options(),
                                               providers=["CPUExecutionProvider"])
        return dict(zip(names, session.run(names, feeds), strict=True))
    except Exception as error:  # onnxruntime's exceptions have no common base
        raise GraphError(f"onnxruntime cannot run the model: {error_reason(error)}") from None


def tensor_types(model: onnx.ModelProto, sizes: Sizes) -> dict[str, onnx.TypeProto]:
    """Types and sizes of all tensors of a fused model, by a run on zeros: ONNX cannot infer them of those operators.

    Where onnxruntime cannot run it on zeros, none are known.
    """
    names = [name for node in model.graph.node for name in node.output if name]
    feeds = {name: np.zeros(sizes[name], port.dtype) for name, port in model_inputs(model).items()}
    try:
        values = run_as_given(model, feeds, names)
    except GraphError:
        return {}
    return {name: helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in values.items() if isinstance(value, np.ndarray)}


def int8_layer(index: int, node: onnx.NodeProto, tensors: GraphTensors) -> ChipLayer | None:
    """The chip's layer of a node; None where the host does it: not all is constant, or weights are no int8.

    Raises
    ------
    GraphError
        A scale that is no positive number.
    """
    names = dict(zip(_OPERANDS.get(node.op_type, ()), node.input, strict=False))
    constant = {key: name for key, name in names.items() if key != "x" and name}
    if not is_standard(node) and node.op_type == "QLinearConv" or "y_zero" not in constant or not all(
            tensors.has_value(name) for name in constant.values()) or names["x"] in tensors:
        return None
    values = {key: np.asarray(tensors.value(name)) for key, name in constant.items()}
    made = _conv(node, values) if node.op_type == "QLinearConv" else _dense(node, values)
    if made is None:
        return None
    M = made["weights_shape"][0]
    formats = _formats(node, values, M)
    weights = _signed(made.pop("weights"), values["w_zero"])
    bias = values.get("bias", np.zeros(M, np.int32)).reshape(-1)
    if formats is None or weights is None or bias.shape != (M,):
        return None
    rectifies = formats.ofmap.zero == formats.ofmap.least
    return ChipLayer(index=index, name=node.name or node.output[0], input=names["x"], output=node.output[0],
                     folded=(node.op_type,), weights=weights, bias=bias, relu=rectifies, int8=formats, **made)


def _conv(node: onnx.NodeProto, values: dict[str, np.ndarray]) -> dict[str, Any] | None:
    weights, given = values["w"], node_attributes(node)
    axes = weights.ndim - 2
    pads = given.get("pads", [0] * 2 * axes)
    if axes not in (1, 2) or min(pads) < 0:
        return None
    flat = (1,) * (axes == 1)  # a 1-D convolution is one row
    none = (0,) * (axes == 1)
    auto_pad = given.get("auto_pad", b"NOTSET").decode()
    shape = (*weights.shape[:2], *flat, *weights.shape[2:])
    return {"op": "Conv", "axes": axes, "weights_shape": shape, "weights": weights.reshape(shape),
            "strides": (*flat, *given.get("strides", [1] * axes)),
            "dilations": (*flat, *given.get("dilations", [1] * axes)), "groups": given.get("group", 1),
            "pads": (0, 0, 0, 0) if auto_pad == "VALID" else (*none, *pads[:axes], *none, *pads[axes:]),
            "auto_pad": auto_pad}


def _dense(node: onnx.NodeProto, values: dict[str, np.ndarray]) -> dict[str, Any] | None:
    weights, given = values["w"], node_attributes(node)
    if weights.ndim != 2 or given.get("transA") or given.get("alpha", 1.0) != 1:
        return None
    rows = weights if given.get("transB") else weights.T
    op = "Gemm" if node.op_type == "QGemm" else "MatMul"
    return {"op": op, "weights_shape": (*rows.shape, 1, 1), "weights": rows.reshape(*rows.shape, 1, 1)}


def _formats(node: onnx.NodeProto, values: dict[str, np.ndarray], M: int) -> LayerFormats | None:
    scales = values["w_scale"].reshape(-1)
    ends = [(values[f"{end}_scale"], values[f"{end}_zero"]) for end in "xy"]
    if scales.size not in (1, M) or any(
            scale.dtype != np.float32 or scale.size != 1 or zero.size != 1 or zero.dtype not in (np.uint8, np.int8)
            for scale, zero in ends):
        return None
    try:
        ifmap, ofmap = (Format(scale.reshape(-1)[0], int(zero.item()), zero.dtype == np.int8) for scale, zero in ends)
    except ValueError as error:
        raise GraphError(f"{node_label(node)}: its {error}") from None
    return LayerFormats(ifmap, np.array(np.broadcast_to(scales, M)), ofmap)


def _signed(weights: np.ndarray, zeros: np.ndarray) -> np.ndarray | None:
    """Weights less their zero point as int8; None where that is no int8 for all weights there can be."""
    kind = (weights.dtype, int(zeros.reshape(-1)[0]))
    if (zeros != kind[1]).any() or kind not in ((np.int8, 0), (np.uint8, 128)):
        return None
    return np.ascontiguousarray((weights.astype(np.int16) - kind[1]).astype(np.int8))
