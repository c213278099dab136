"""ONNX models of one node behind another, with random weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

__all__ = ["Chain"]


class Chain:
    """Nodes, each of which takes what the one before it gives.

    Weights are Gaussian, as large as keep the activations' scale from layer to layer (He 2015); each filter has a
    scale of its own, which spreads by a factor of about 1.4, as those of trained networks do.

    Parameters
    ----------
    data : str
        The input's name.
    seed : int
        Of the weights.
    """

    def __init__(self, data: str, seed: int) -> None:
        self._rng, self._data, self._at = np.random.default_rng(seed), data, data
        self._nodes: list[onnx.NodeProto] = []
        self._parameters: list[onnx.TensorProto] = []

    def layer(self, op: str, name: str, shape: tuple[int, ...], **attributes: Any) -> None:
        """A node with weights of this shape and a bias."""
        scale = np.sqrt(2 / np.prod(shape[1:])) * np.exp(0.35 * self._rng.standard_normal(shape[0]))
        weights = self._rng.standard_normal(shape) * scale.reshape(-1, *[1] * (len(shape) - 1))
        for suffix, values in (("w", weights), ("b", 0.05 * self._rng.standard_normal(shape[0]))):
            self._parameters.append(numpy_helper.from_array(values.astype(np.float32), f"{name}.{suffix}"))
        self.then(op, name, (f"{name}.w", f"{name}.b"), **attributes)

    def then(self, op: str, name: str, constants: Sequence[str] = (), **attributes: Any) -> None:
        """A node; its output has its name."""
        self._nodes.append(helper.make_node(op, [self._at, *constants], [name], name=name, **attributes))
        self._at = name

    def constant(self, name: str, value: float) -> str:
        """A float32 number for nodes; its name."""
        self._parameters.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def model(self, name: str, size: Sequence[int | str],
              outputs: Mapping[str, Sequence[int | str]]) -> onnx.ModelProto:
        """The model, of an input and of outputs of these sizes; open ones have a name."""
        data, *made = (helper.make_tensor_value_info(key, onnx.TensorProto.FLOAT, dims)
                       for key, dims in {self._data: size, **outputs}.items())
        graph = helper.make_graph(self._nodes, name, [data], made, self._parameters)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
