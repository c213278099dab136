"""Multiply-accumulates of the nodes that the host does, so that the chip's share of a model can be told."""

from math import prod

import onnx

from .float_nodes import is_standard
from .tensors import GraphTensors

__all__ = ["host_macs"]

_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "DeformConv": 1}  # the input that holds the weights
_PRODUCTS = ("MatMul", "MatMulInteger", "QLinearMatMul", "Gemm")
#: onnxruntime's own operators by those whose sums they are; what begins with QLinear and is none of these has none.
_FUSED = {"QGemm": "Gemm", "FusedConv": "Conv", "FusedGemm": "Gemm", "FusedMatMul": "MatMul",
          "MatMulIntegerToFloat": "MatMul"}
_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_UNKNOWN = ("Attention", "Einsum", "If", "Loop", "Scan")  # or operators outside of ONNX


def host_macs(node: onnx.NodeProto, tensors: GraphTensors) -> int | None:
    """Multiply-accumulates of a node; None where they do not follow from the sizes of the model's inputs."""
    kind = node.op_type
    if node.domain == "com.microsoft" and (kind in _FUSED or kind.startswith("QLinear")):
        kind = _FUSED.get(kind, kind)
    elif not is_standard(node) or kind in _UNKNOWN:
        return None
    if kind not in (*_CONVOLUTIONS, *_PRODUCTS, *_GATES, "ConvTranspose"):
        return 0
    sizes = {name: tensors.dims(name) for name in node.input if name}
    known = {name: dims for name, dims in sizes.items() if dims is not None}
    made = next((tensors.dims(name) for name in node.output if name), None)
    if made is None or len(known) < len(sizes):
        return None
    inputs = [known[name] for name in node.input if name]
    if kind in _CONVOLUTIONS:
        return prod(made) * prod(known[node.input[_CONVOLUTIONS[kind]]][1:])
    if kind == "ConvTranspose":
        return prod(inputs[0]) * prod(inputs[1][1:])
    if kind in _GATES:
        steps, batch, width = inputs[0]
        directions, rows, _ = inputs[1]
        return steps * batch * directions * rows * (width + rows // _GATES[kind])
    turned = kind == "Gemm" and any(item.name == "transA" and item.i for item in node.attribute)
    return prod(made) * inputs[0][0 if turned else -1]
