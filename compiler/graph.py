"""From an ONNX graph to steps: layers for the chip, nodes for the host.

Conv, Gemm and MatMul with constant weights go to the chip, with the batch normalisation, the constants for each
filter and the ReLU that follow them. Everything that depends on constants alone is folded. All else is the host's.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compiler.chip_layer import ChipLayer
from compiler.host import NodeRunner, free_names, node_label
from compiler.onnx_model import GraphError, Port, model_inputs

__all__ = ["HostNode", "Network", "execute", "import_graph"]

#: Nodes without inputs that are no constants all the same.
_RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial")
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)


@dataclass(frozen=True)
class HostNode:
    """A step that onnxruntime does."""

    node: onnx.NodeProto
    inputs: tuple
    outputs: tuple


@dataclass(frozen=True)
class Network:
    """A model as steps in order.

    Attributes
    ----------
    inputs : dict of str to Port
    outputs : list of str
    steps : list of ChipLayer and HostNode
    constants : dict of str to ndarray
        That host nodes read; empty where only shapes were imported.
    runner : NodeRunner
    """

    inputs: dict[str, Port]
    outputs: list
    steps: list
    constants: dict
    runner: NodeRunner

    @property
    def layers(self) -> list[ChipLayer]:
        """The chip's steps."""
        return [step for step in self.steps if isinstance(step, ChipLayer)]


class _Constants:
    """What depends on constants alone: which tensors, their shapes, and, when asked for, their values."""

    def __init__(self, model, runner, dims):
        self._runner, self._dims = runner, dims
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._makers, self._values = {}, {}
        for node in model.graph.node:
            if node.op_type not in _RANDOM and all(name in self for name in free_names(node)):
                self._makers |= {name: node for name in node.output if name}

    def __contains__(self, name):
        return name in self._tensors or name in self._makers

    def made_by(self, node):
        return node.output[0] in self._makers

    def value(self, name) -> np.ndarray:
        if name not in self._values:
            if name in self._tensors:
                self._values[name] = numpy_helper.to_array(self._tensors[name])
            else:
                node = self._makers[name]
                self._values |= self._runner.run(node, {read: self.value(read) for read in free_names(node)})
        return self._values[name]

    def shape(self, name) -> tuple:
        """From the tensor, from shape inference, or, where that does not tell, from the value."""
        if name in self._tensors:
            return tuple(self._tensors[name].dims)
        return self._dims[name] if name in self._dims else self.value(name).shape

    def is_float(self, name):
        return name not in self._tensors or self._tensors[name].data_type in _FLOATS


class _Importer:
    def __init__(self, model, dims, weights):
        self.runner = NodeRunner(model)
        self.constants = _Constants(model, self.runner, dims)
        self.weights = weights
        self.readers = {}
        uses = Counter(value.name for value in model.graph.output)
        for node in model.graph.node:
            for name in free_names(node):
                uses[name] += 1
                self.readers[name] = node
        self.only_reader = {name: node for name, node in self.readers.items() if uses[name] == 1}

    def layer(self, index, node) -> ChipLayer | None:
        """The chip's layer of a node, without what follows; None if the node is the host's."""
        maker = {"Conv": self._conv, "Gemm": self._gemm, "MatMul": self._matmul}.get(node.op_type)
        if maker is None or node.domain not in ("", "ai.onnx") or node.input[0] in self.constants:
            return None
        parameters = [name for name in node.input[1:] if name]
        if not all(name in self.constants and self.constants.is_float(name) for name in parameters):
            return None
        found = maker(node, {item.name: helper.get_attribute_value(item) for item in node.attribute})
        if found is None:
            return None
        return replace(found, index=index, name=node.name or node.output[0])

    def _value(self, name):
        return np.asarray(self.constants.value(name), np.float64) if self.weights else None

    def _bias(self, node, M, factor=1.0):
        """A bias that is a constant for each filter: (M,)."""
        if not self.weights:
            return None
        if len(node.input) < 3 or not node.input[2]:
            return np.zeros(M)
        return np.broadcast_to(factor * self._value(node.input[2]).reshape(-1), (M,))

    def _conv(self, node, attributes):
        dims = self.constants.shape(node.input[1])
        if len(dims) not in (3, 4):
            raise GraphError(f"{node_label(node)}: the chip path takes 1-D and 2-D convolutions, "
                             f"not {len(dims) - 2}-D")
        flat = len(dims) == 3  # a 1-D convolution is one row
        first = (0,) if flat else ()
        pads = attributes.get("pads", [0] * 2 * (len(dims) - 2))
        half = len(pads) // 2
        weights = self._value(node.input[1])
        auto_pad = attributes.get("auto_pad", b"NOTSET").decode()
        return ChipLayer(
            index=0, name="", op="Conv", axes=len(dims) - 2, input=node.input[0], output=node.output[0],
            folded=("Conv",),
            weights_shape=(*dims[:2], 1, dims[2]) if flat else tuple(dims),
            weights=weights.reshape(*dims[:2], -1, dims[-1]) if self.weights else None,
            bias=self._bias(node, dims[0]),
            strides=(1,) * flat + tuple(attributes.get("strides", [1] * (len(dims) - 2))),
            dilations=(1,) * flat + tuple(attributes.get("dilations", [1] * (len(dims) - 2))),
            groups=attributes.get("group", 1),
            pads=(0, 0, 0, 0) if auto_pad == "VALID" else (*first, *pads[:half], *first, *pads[half:]),
            auto_pad=auto_pad)

    def _gemm(self, node, attributes):
        dims = self.constants.shape(node.input[1])
        M, K = dims if attributes.get("transB") else dims[::-1]
        rows = self.constants.shape(node.input[2]) if len(node.input) > 2 and node.input[2] else ()
        if attributes.get("transA") or len(rows) > 1 and rows[0] != 1:
            return None  # a transposed input, or another bias for each row
        weights = self._value(node.input[1])
        if self.weights:
            weights = attributes.get("alpha", 1.0) * (weights if attributes.get("transB") else weights.T)
        return self._dense(node, M, K, weights, self._bias(node, M, attributes.get("beta", 1.0)))

    def _matmul(self, node, _):
        dims = self.constants.shape(node.input[1])
        if len(dims) != 2:
            return None
        weights = self._value(node.input[1])
        return self._dense(node, dims[1], dims[0], weights.T if self.weights else None,
                           np.zeros(dims[1]) if self.weights else None)

    def _dense(self, node, M, K, weights, bias):
        return ChipLayer(index=0, name="", op=node.op_type, input=node.input[0], output=node.output[0],
                         folded=(node.op_type,), weights_shape=(M, K, 1, 1),
                         weights=weights.reshape(M, K, 1, 1) if self.weights else None, bias=bias)

    # -- what follows a layer -----------------------------------------------------------------------

    def fold(self, layer) -> tuple[ChipLayer, list]:
        """The layer with the nodes that only it feeds and that the chip can do with it; those nodes."""
        taken = []
        while not layer.relu and (node := self.only_reader.get(layer.output)) is not None:
            rule = {"BatchNormalization": self._fold_norm, "Add": self._fold_add, "Mul": self._fold_mul,
                    "Relu": self._fold_relu}
            folded = rule[node.op_type](layer, node) if node.op_type in rule else None
            if folded is None:
                break
            layer = replace(folded, output=node.output[0], folded=(*layer.folded, node.op_type))
            taken.append(node)
        return layer, taken

    def _fold_norm(self, layer, node):
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        if attributes.get("training_mode") or node.input[0] != layer.output or not all(
                name in self.constants for name in node.input[1:]) or any(node.output[1:]):
            return None
        if not self.weights:
            return layer
        scale, shift, mean, variance = (self._value(name) for name in node.input[1:])
        factor = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
        return replace(layer, weights=layer.weights * factor[:, None, None, None],
                       bias=(layer.bias - mean) * factor + shift)

    def _for_filters(self, layer, node):
        """The name of the constant that a node combines the layer with, if that is one number for each filter."""
        other = next((name for name in node.input if name != layer.output), None)
        if other is None or other not in self.constants:
            return None
        dims, M = self.constants.shape(other), layer.weights_shape[0]
        rank = 1 if layer.op == "MatMul" else layer.axes + 2
        full = (1,) * (rank - len(dims)) + dims
        fits = len(full) == rank and all(size == 1 or (size, axis) == (M, rank - layer.axes - 1)
                                         for axis, size in enumerate(full))
        return other if fits else None

    def _fold_add(self, layer, node):
        other = self._for_filters(layer, node)
        if other is None or not self.weights:
            return other and layer
        return replace(layer, bias=layer.bias + self._value(other).reshape(-1))

    def _fold_mul(self, layer, node):
        other = self._for_filters(layer, node)
        if other is None or not self.weights:
            return other and layer
        factor = np.broadcast_to(self._value(other).reshape(-1), layer.weights_shape[:1])
        return replace(layer, weights=layer.weights * factor[:, None, None, None], bias=layer.bias * factor)

    @staticmethod
    def _fold_relu(layer, node):
        return replace(layer, relu=True)


def import_graph(model, *, weights=True, dims=None) -> Network:
    """Cut a model into steps.

    Parameters
    ----------
    weights : bool
        Evaluate constants; without, only shapes are known, which is enough to plan.
    dims : dict of str to tuple, optional
        From `infer_dims`: spares the evaluation of constants where only their shape matters.

    Raises
    ------
    GraphError
        A convolution that the chip's path cannot take, or weights that are not finite.
    """
    importer = _Importer(model, dims or {}, weights)
    steps, taken = [], set()
    for index, node in enumerate(model.graph.node):
        if node.output[0] in taken or importer.constants.made_by(node):
            continue
        layer = importer.layer(index, node)
        if layer is None:
            steps.append(HostNode(node, tuple(free_names(node)), tuple(name for name in node.output if name)))
            continue
        layer, folded = importer.fold(layer)
        taken.update(item.output[0] for item in folded)
        if weights:
            _check_finite(layer)
        steps.append(layer)
    outputs = [value.name for value in model.graph.output]
    constants = {}
    if weights:
        read = {name for step in steps if isinstance(step, HostNode) for name in step.inputs} | set(outputs)
        constants = {name: importer.constants.value(name) for name in read if name in importer.constants}
    return Network(model_inputs(model), outputs, steps, constants, importer.runner)


def _check_finite(layer):
    for what, values in (("weights", layer.weights), ("bias", layer.bias)):
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise GraphError(f"{layer}: its {what} must be finite numbers; "
                             f"{bad} of {values.size} are NaN or infinite")


def execute(network: Network, feeds: dict, chip, *, after=None) -> dict:
    """Run a network.

    Parameters
    ----------
    feeds : dict of str to ndarray
    chip : callable
        Gets a ChipLayer and its input, returns its output.
    after : callable, optional
        Called with each step when it is done.

    Returns
    -------
    dict of str to ndarray
        The outputs.
    """
    left = Counter(network.outputs)
    for step in network.steps:
        left.update((step.input,) if isinstance(step, ChipLayer) else step.inputs)
    values = dict(network.constants) | feeds
    for step in network.steps:
        if isinstance(step, ChipLayer):
            read, made = (step.input,), {step.output: chip(step, values[step.input])}
        else:
            read, made = step.inputs, network.runner.run(step.node, values)
        values |= made
        for name in read:
            left[name] -= 1
            if not left[name]:
                del values[name]  # large tensors go as soon as nothing reads them any more
        if after:
            after(step)
    return {name: values[name] for name in network.outputs}
