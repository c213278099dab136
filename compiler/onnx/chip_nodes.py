"""Nodes for the chip: Conv, Gemm and MatMul with constant weights, and the nodes around them that fold in."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from .chip_layer import ChipLayer
from .file import Dims
from .float_nodes import free_names, is_standard, node_attributes
from .tensors import GraphTensors

__all__ = ["LayerMaker"]


class LayerMaker:
    """Decides for each node of a graph whether the chip does it, and in which layer.

    Parameters
    ----------
    model : onnx.ModelProto
    tensors : GraphTensors
    live : collection of int
        Places of the nodes that are run: others read nothing.
    weights : bool
        Compute weights and biases; without, only shapes.
    """

    def __init__(self, model: onnx.ModelProto, tensors: GraphTensors, live: Collection[int], weights: bool) -> None:
        self._nodes, self._tensors, self._weights = model.graph.node, tensors, weights
        self._makers = {name: index for index in live for name in self._nodes[index].output if name}
        uses, readers = Counter(value.name for value in model.graph.output), {}
        for index in live:
            for name in free_names(self._nodes[index]):
                uses[name] += 1
                readers[name] = index
        self._only_reader = {name: index for name, index in readers.items() if uses[name] == 1}

    def layer(self, index: int, node: onnx.NodeProto) -> ChipLayer | None:
        """The chip's layer of a node alone, nothing folded in; None if the host does the node."""
        maker = {"Conv": self._conv, "Gemm": self._gemm, "MatMul": self._matmul}.get(node.op_type)
        if maker is None or not is_standard(node) or node.input[0] in self._tensors:
            return None
        parameters = [name for name in node.input[1:] if name]
        if not all(name in self._tensors and self._tensors.is_float(name) for name in parameters):
            return None
        dims = self._tensors.dims(node.input[1])
        found = maker(node, dims, node_attributes(node)) if dims and all(dims) else None
        return found and replace(found, index=index, name=node.name or node.output[0])

    def _value(self, name: str) -> Any:
        return np.asarray(self._tensors.value(name), np.float64) if self._weights else None

    def _bias(self, node: onnx.NodeProto, M: int, factor: float = 1.0) -> np.ndarray | None:
        """A bias that is a constant for each filter: (M,)."""
        if not self._weights:
            return None
        if len(node.input) < 3 or not node.input[2]:
            return np.zeros(M)
        return np.broadcast_to(factor * self._value(node.input[2]).reshape(-1), (M,))

    def _conv(self, node: onnx.NodeProto, dims: Dims, attributes: dict[str, Any]) -> ChipLayer | None:
        if len(dims) not in (3, 4):
            return None
        pads = attributes.get("pads", [0] * 2 * (len(dims) - 2))
        if min(pads) < 0:
            return None  # which cut the input: onnxruntime's
        flat = len(dims) == 3  # a 1-D convolution is one row
        first = (0,) if flat else ()
        half = len(pads) // 2
        weights = self._value(node.input[1])
        auto_pad = attributes.get("auto_pad", b"NOTSET").decode()
        return ChipLayer(
            index=0, name="", op="Conv", axes=len(dims) - 2, input=node.input[0], output=node.output[0],
            folded=("Conv",),
            weights_shape=(dims[0], dims[1], 1 if flat else dims[2], dims[-1]),
            weights=weights.reshape(*dims[:2], -1, dims[-1]) if self._weights else None,
            bias=self._bias(node, dims[0]),
            strides=(1,) * flat + tuple(attributes.get("strides", [1] * (len(dims) - 2))),
            dilations=(1,) * flat + tuple(attributes.get("dilations", [1] * (len(dims) - 2))),
            groups=attributes.get("group", 1),
            pads=(0, 0, 0, 0) if auto_pad == "VALID" else (*first, *pads[:half], *first, *pads[half:]),
            auto_pad=auto_pad)

    def _gemm(self, node: onnx.NodeProto, dims: Dims, attributes: dict[str, Any]) -> ChipLayer | None:
        M, K = dims if attributes.get("transB") else dims[::-1]
        rows = self._tensors.dims(node.input[2]) if len(node.input) > 2 and node.input[2] else ()
        if attributes.get("transA") or rows is None or len(rows) > 1 and rows[0] != 1:
            return None  # a transposed input, or another bias for each row
        weights = self._value(node.input[1])
        if self._weights:
            weights = attributes.get("alpha", 1.0) * (weights if attributes.get("transB") else weights.T)
        return self._dense(node, M, K, weights, self._bias(node, M, attributes.get("beta", 1.0)))

    def _matmul(self, node: onnx.NodeProto, dims: Dims, _: dict[str, Any]) -> ChipLayer | None:
        if len(dims) != 2:
            return None
        weights = self._value(node.input[1])
        return self._dense(node, dims[1], dims[0], weights.T if self._weights else None,
                           np.zeros(dims[1]) if self._weights else None)

    def _dense(self, node: onnx.NodeProto, M: int, K: int, weights: Any, bias: np.ndarray | None) -> ChipLayer:
        return ChipLayer(index=0, name="", op=node.op_type, input=node.input[0], output=node.output[0],
                         folded=(node.op_type,), weights_shape=(M, K, 1, 1),
                         weights=weights.reshape(M, K, 1, 1) if self._weights else None, bias=bias)

    # -- nodes before a layer -----------------------------------------------------------------------

    def absorb(self, layer: ChipLayer, hosts: Collection[int]) -> tuple[ChipLayer, list[int]]:
        """The layer with the nodes before it that feed only it and that the chip can do with it; their places.

        Parameters
        ----------
        hosts : collection of int
            Places of the nodes that are the host's so far.
        """
        taken: list[int] = []
        while layer.input in self._only_reader and (index := self._makers.get(layer.input, -1)) in hosts:
            node = self._nodes[index]
            rule = {"Pad": self._absorb_pad, "BatchNormalization": self._absorb_norm}.get(node.op_type)
            if rule is None or not is_standard(node) or node.input[0] in self._tensors:
                break
            absorbed = rule(layer, node)
            if absorbed is None:
                break
            layer = replace(absorbed, input=node.input[0], folded=(node.op_type, *layer.folded))
            taken.append(index)
        return layer, taken

    def _absorb_pad(self, layer: ChipLayer, node: onnx.NodeProto) -> ChipLayer | None:
        """Zeros around a Conv's input are padding of its own."""
        attributes = node_attributes(node)
        if layer.op != "Conv" or layer.auto_pad not in ("NOTSET", "VALID") or attributes.get("mode", b"constant") != (
                b"constant"):
            return None
        pads, value, axes = attributes.get("pads"), attributes.get("value", 0.0), None  # before opset 11
        given = [*node.input[1:], "", "", ""][:3]
        if not all(self._tensors.has_value(name) for name in given if name):
            return None
        if given[0]:
            pads = self._tensors.value(given[0]).tolist()
        if given[1]:
            value = self._tensors.value(given[1]).item()
        rank = layer.axes + 2
        if given[2]:
            axes = [axis % rank for axis in self._tensors.value(given[2]).tolist()]
        axes = list(range(rank)) if axes is None else axes
        if pads is None or len(pads) != 2 * len(axes) or value != 0 or min(pads, default=0) < 0:
            return None
        begins, ends = dict(zip(axes, pads, strict=False)), dict(zip(axes, pads[len(axes):], strict=True))
        if any(side.get(axis) for side in (begins, ends) for axis in (0, 1)):
            return None
        top, left, bottom, right = layer.pads
        return replace(layer, auto_pad="NOTSET", pads=(
            top + (begins.get(rank - 2, 0) if layer.axes == 2 else 0), left + begins.get(rank - 1, 0),
            bottom + (ends.get(rank - 2, 0) if layer.axes == 2 else 0), right + ends.get(rank - 1, 0)))

    def _absorb_norm(self, layer: ChipLayer, node: onnx.NodeProto) -> ChipLayer | None:
        """A normalisation of the layer's input channels, if the layer pads no zeros."""
        rank = layer.axes + 2 if layer.op == "Conv" else 2 if layer.op == "Gemm" else self._tensors.rank(layer.input)
        channels = layer.weights_shape[1] * layer.groups
        if layer.op != "Conv" and rank != 2 or layer.auto_pad.startswith("SAME") or any(layer.pads) or (
                not self._is_norm(node, channels)):
            return None
        if not self._weights:
            return layer
        factor, shift = (part.reshape(layer.groups, 1, -1, 1, 1) for part in self._norm(node))
        M, *rest = layer.weights_shape
        weights, bias = layer.parameters
        grouped = weights.reshape(layer.groups, M // layer.groups, *rest)
        return replace(layer, weights=(grouped * factor).reshape(weights.shape),
                       bias=bias + (grouped * shift).sum(axis=(2, 3, 4)).reshape(M))

    # -- nodes after a layer ------------------------------------------------------------------------

    def fold(self, layer: ChipLayer) -> tuple[ChipLayer, list[int]]:
        """The layer with the nodes that only it feeds and that the chip can do with it; their places."""
        taken: list[int] = []
        while not layer.relu and (index := self._only_reader.get(layer.output)) is not None:
            node = self._nodes[index]
            least = self.least(node) if node.op_type == "Clip" and node.input[0] == layer.output else None
            if least is not None and least >= 0:
                # The chip applies the ReLU, so that zeros are coded; the host applies the upper limit.
                return replace(layer, relu=True, folded=(*layer.folded, "Relu")), taken
            rule = {"BatchNormalization": self._fold_norm, "Add": self._fold_add, "Mul": self._fold_mul,
                    "Relu": self._fold_relu}.get(node.op_type)
            folded = rule(layer, node) if rule and is_standard(node) else None
            if folded is None:
                break
            layer = replace(folded, output=node.output[0], folded=(*layer.folded, node.op_type))
            taken.append(index)
        return layer, taken

    def least(self, node: onnx.NodeProto) -> float | None:
        """The least value that a Relu or a Clip lets through; None for other nodes, and where it is not known."""
        if not is_standard(node) or node.op_type not in ("Relu", "Clip"):
            return None
        if node.op_type == "Relu":
            return 0.0
        least = node_attributes(node).get("min")  # before opset 11
        if len(node.input) > 1 and node.input[1] and self._tensors.has_value(node.input[1]):
            least = self._tensors.value(node.input[1]).item()
        return least

    def _is_norm(self, node: onnx.NodeProto, channels: int) -> bool:
        """Whether a node scales and shifts each of its axis 1's `channels` by constants."""
        return not node_attributes(node).get("training_mode") and not any(node.output[1:]) and all(
            name in self._tensors and self._tensors.dims(name) == (channels,) for name in node.input[1:])

    def _norm(self, node: onnx.NodeProto) -> tuple[np.ndarray, np.ndarray]:
        """(factor, shift) of a normalisation: its output is input * factor + shift."""
        scale, shift, mean, variance = (self._value(name) for name in node.input[1:])
        factor = scale / np.sqrt(variance + node_attributes(node).get("epsilon", 1e-5))
        return factor, shift - mean * factor

    def _fold_norm(self, layer: ChipLayer, node: onnx.NodeProto) -> ChipLayer | None:
        """The normalised axis 1 is that of the filters in a Conv's or Gemm's output, in a MatMul's only if last."""
        flat = layer.op != "MatMul" or self._tensors.rank(layer.output) == 2
        if not flat or node.input[0] != layer.output or not self._is_norm(node, layer.weights_shape[0]):
            return None
        if not self._weights:
            return layer
        factor, shift = self._norm(node)
        weights, bias = layer.parameters
        return replace(layer, weights=weights * factor[:, None, None, None], bias=bias * factor + shift)

    def _for_filters(self, layer: ChipLayer, node: onnx.NodeProto) -> str | None:
        """The name of the constant that a node combines the layer with, if that is one number for each filter."""
        other = next((name for name in node.input if name != layer.output), None)
        if other is None or other not in self._tensors:
            return None
        dims, M = self._tensors.dims(other), layer.weights_shape[0]
        if dims is None:
            return None
        rank = 1 if layer.op == "MatMul" else layer.axes + 2
        full = (1,) * (rank - len(dims)) + dims
        fits = len(full) == rank and all(size == 1 or (size, axis) == (M, rank - layer.axes - 1)
                                         for axis, size in enumerate(full))
        return other if fits else None

    def _fold_add(self, layer: ChipLayer, node: onnx.NodeProto) -> ChipLayer | None:
        other = self._for_filters(layer, node)
        if other is None:
            return None
        if not self._weights:
            return layer
        _, bias = layer.parameters
        return replace(layer, bias=bias + self._value(other).reshape(-1))

    def _fold_mul(self, layer: ChipLayer, node: onnx.NodeProto) -> ChipLayer | None:
        other = self._for_filters(layer, node)
        if other is None:
            return None
        if not self._weights:
            return layer
        weights, bias = layer.parameters
        factor = np.broadcast_to(self._value(other).reshape(-1), layer.weights_shape[:1])
        return replace(layer, weights=weights * factor[:, None, None, None], bias=bias * factor)

    @staticmethod
    def _fold_relu(layer: ChipLayer, node: onnx.NodeProto) -> ChipLayer:
        return replace(layer, relu=True)
