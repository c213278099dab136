"""Multiply-accumulates of the nodes that the host does, so that the chip's share of a model can be told."""

import numpy as np

from .float_nodes import is_standard
from .tensors import GraphTensors

__all__ = ["host_macs"]

_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "DeformConv": 1}  # the input that holds the weights
_PRODUCTS = ("MatMul", "MatMulInteger", "QLinearMatMul", "Gemm")
_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_UNKNOWN = ("Attention", "Einsum", "If", "Loop", "Scan")  # or operators outside of ONNX


def host_macs(node, tensors: GraphTensors) -> int | None:
    """Multiply-accumulates of a node; None where they do not follow from the sizes of the model's inputs."""
    if not is_standard(node) or node.op_type in _UNKNOWN:
        return None
    kind = node.op_type
    if kind not in (*_CONVOLUTIONS, *_PRODUCTS, *_GATES, "ConvTranspose"):
        return 0
    inputs = [tensors.dims(name) for name in node.input if name]
    made = next((tensors.dims(name) for name in node.output if name), None)
    if made is None or None in inputs:
        return None
    if kind in _CONVOLUTIONS:
        weights = tensors.dims(node.input[_CONVOLUTIONS[kind]])
        return int(np.prod(made, dtype=int) * np.prod(weights[1:], dtype=int))
    if kind == "ConvTranspose":
        return int(np.prod(inputs[0], dtype=int) * np.prod(inputs[1][1:], dtype=int))
    if kind in _GATES:
        steps, batch, width = inputs[0]
        directions, rows, _ = inputs[1]
        return steps * batch * directions * rows * (width + rows // _GATES[kind])
    turned = kind == "Gemm" and any(item.name == "transA" and item.i for item in node.attribute)
    return int(np.prod(made, dtype=int) * inputs[0][0 if turned else -1])
