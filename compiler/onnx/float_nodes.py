"""Nodes that the chip does not do: onnxruntime runs them one by one, in float."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from golden.layer import LayerShape

from .file import GraphError

__all__ = ["FloatConv", "NodeRunner", "error_reason", "free_names", "is_standard", "node_attributes", "node_label",
           "run_float"]


def node_label(node: onnx.NodeProto) -> str:
    """How messages name a node."""
    return f"node {node.name or next(filter(None, node.output), '')} ({node.op_type})"


def is_standard(node: onnx.NodeProto) -> bool:
    """Whether a node's operator is one of ONNX itself."""
    return node.domain in ("", "ai.onnx")


def node_attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes by name, as Python's values."""
    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def free_names(node: onnx.NodeProto) -> list[str]:
    """Tensors that a node reads: its inputs, and outer tensors that its subgraphs read."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in ([attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs):
            own = {value.name for value in (*graph.input, *graph.initializer)}
            for inner in graph.node:
                names += [name for name in free_names(inner) if name not in own]
                own.update(inner.output)
            names += [value.name for value in graph.output if value.name not in own]
    return list(dict.fromkeys(names))


def _session(model: onnx.ModelProto, threads: int = 0) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors come as exceptions
    options.intra_op_num_threads = threads
    # Operators exactly as ONNX defines them: one of its fusions turns Pad and MaxPool into a wrong MaxPool.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run_float(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The whole model in float by onnxruntime: the oracle, which shares nothing with our import.

    Raises
    ------
    GraphError
        onnxruntime refuses the model.
    """
    names = [node.name for node in model.graph.node]
    try:
        for node in model.graph.node:
            node.name = ""  # onnxruntime takes no name twice, ONNX does
        session = _session(model)
    except Exception as error:
        raise GraphError(f"onnxruntime cannot run the model: {error_reason(error)}") from None
    finally:
        for node, name in zip(model.graph.node, names, strict=True):
            node.name = name
    try:
        values = session.run(None, feeds)
    except Exception as error:
        raise GraphError(f"onnxruntime cannot run the model: {error_reason(error)}") from None
    return dict(zip((value.name for value in model.graph.output), values, strict=True))


#: Text that onnxruntime writes before the reason: a status, and a place in its sources with a C++ signature.
_BEFORE = (r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", r"^.*Status Message: ", r"^\S*\.(cc|cpp|h|hpp):\d+ ",
           r"^[^()]*::[^()]*(\(\))?\(([^()]|\([^()]*\))*\)( const)? ")


def error_reason(error: Exception) -> str:
    """The first line of an error, without what only its authors read."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = lines[0]
    for pattern in _BEFORE:
        reason = re.sub(pattern, "", reason) or reason
    return reason


class NodeRunner:
    """Runs nodes of one model one at a time; sessions are kept.

    Attributes
    ----------
    types : dict of str to onnx.TypeProto
        Of the model's tensors, as far as they are known; values that are no arrays are fed with these types.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._opsets, self._ir_version = list(model.opset_import), model.ir_version
        self._sessions: dict[tuple[bytes, ...], onnxruntime.InferenceSession] = {}
        self.types: dict[str, onnx.TypeProto] = {}

    def run(self, node: onnx.NodeProto, values: Mapping[str, Any],
            constants: Mapping[str, np.ndarray] | None = None) -> dict[str, Any]:
        """Outputs by name.

        Weights that are constants are initializers, as in the model: onnxruntime packs those ahead of a run, and
        adds up in another order then than it does with weights that are fed.

        Parameters
        ----------
        node : onnx.NodeProto
        values : mapping of str to ndarray, or to what onnxruntime gives for a sequence or an optional value
            Has at least what `free_names` lists.
        constants : mapping of str to ndarray, optional
            Those of `values` that are the same whenever this node is run.

        Raises
        ------
        GraphError
            onnxruntime cannot run the node on these values.
        """
        feeds = {name: values[name] for name in free_names(node)}
        weights = {name: feeds.pop(name) for name in list(feeds)
                   if name in (constants or {}) and np.issubdtype(feeds[name].dtype, np.floating)}
        outputs = [name for name in node.output if name]
        try:
            types = {name: self._type(name, value) for name, value in feeds.items()}
            # The key is the node's content: its name may be missing, and names may repeat.
            key = node.SerializeToString(deterministic=True), *(kind.SerializeToString() for kind in types.values())
            if key not in self._sessions:
                # of one thread: to start more takes 0.1 s, and a model has hundreds of nodes
                self._sessions[key] = _session(self._model(node, types, outputs, weights), threads=1)
            return dict(zip(outputs, self._sessions[key].run(None, feeds), strict=True))
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise GraphError(f"{node_label(node)}: onnxruntime cannot run it: {error_reason(error)}") from None

    def _type(self, name: str, value: Any) -> onnx.TypeProto:
        if isinstance(value, np.ndarray):
            return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(value.dtype), None)
        return _of_any_size(self.types[name])

    def _model(self, node: onnx.NodeProto, types: dict[str, onnx.TypeProto], outputs: list[str],
               weights: dict[str, np.ndarray]) -> onnx.ModelProto:
        inputs = [helper.make_value_info(name, kind) for name, kind in types.items()]
        # onnxruntime infers the outputs' types itself.
        graph = helper.make_graph([node], "node", inputs, [onnx.ValueInfoProto(name=name) for name in outputs],
                                  [numpy_helper.from_array(value, name) for name, value in weights.items()])
        return helper.make_model(graph, opset_imports=self._opsets, ir_version=self._ir_version)


def _of_any_size(kind: onnx.TypeProto) -> onnx.TypeProto:
    """A type without the sizes of its tensors."""
    found = onnx.TypeProto()
    found.CopyFrom(kind)
    inner = found
    while (which := inner.WhichOneof("value")) in ("sequence_type", "optional_type"):
        inner = getattr(inner, which).elem_type
    if which == "tensor_type":
        inner.tensor_type.ClearField("shape")
    return found


class FloatConv:
    """A layer's convolution in float32 by onnxruntime: the reference for the chip's result."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[int, ...], onnxruntime.InferenceSession] = {}

    def __call__(self, ifmap: np.ndarray, weights: np.ndarray, bias: np.ndarray, shape: LayerShape) -> np.ndarray:
        """Sums (N, M, E, F) before any ReLU of ifmap (N, C, H, W), weights (M, C/G, R, S), bias (M,)."""
        key = shape.U, shape.V, shape.P, shape.D, shape.G
        if key not in self._sessions:
            node = helper.make_node("Conv", ["x", "w", "b"], ["y"], strides=[shape.U, shape.V], pads=4 * [shape.P],
                                    dilations=2 * [shape.D], group=shape.G)
            values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xwb"]
            graph = helper.make_graph([node], "conv", values, [onnx.ValueInfoProto(name="y")])
            self._sessions[key] = _session(helper.make_model(
                graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8))
        feeds = {"x": ifmap, "w": weights, "b": bias}
        return self._sessions[key].run(None, {name: np.ascontiguousarray(value, np.float32)
                                              for name, value in feeds.items()})[0]
