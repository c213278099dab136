"""Types and sizes of a model's tensors before it runs, and the values of constants."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper, shape_inference
from onnx.external_data_helper import uses_external_data

from .file import Dims, GraphError, Sizes, model_inputs
from .float_nodes import NodeRunner, free_names, is_standard, node_label

__all__ = ["FLOATS", "GraphTensors"]

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
#: Nodes without inputs that are no constants all the same.
_RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial")
_SMALL = 1024  # values of a constant that may tell a shape


class GraphTensors:
    """Types, sizes and constants of a model's graph, node by node from its inputs on.

    A tensor is constant if it depends on initializers and constants alone, or on the sizes of tensors whose sizes
    are known: so amounts of padding behind a chain of Shape, Gather and Concat are constants too. Values are
    computed when they are asked for.

    Parameters
    ----------
    model : onnx.ModelProto
    sizes : dict of str to tuple
        Of the inputs; an input left out has the sizes that the model states.
    runner : NodeRunner
        Computes constants; learns the types.
    known : mapping of str to onnx.TypeProto, optional
        Types of tensors that ONNX cannot infer.

    Attributes
    ----------
    sized : bool
        The results hold for these sizes only.

    Raises
    ------
    GraphError
        A node contradicts the sizes of its inputs.
    """

    def __init__(self, model: onnx.ModelProto, sizes: Sizes, runner: NodeRunner,
                 known: Mapping[str, onnx.TypeProto] | None = None) -> None:
        self._known = known or {}
        self._runner, self._opsets = runner, list(model.opset_import)
        self._versions = {item.domain or "ai.onnx": item.version for item in model.opset_import}
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        self._makers: dict[str, onnx.NodeProto] = {}
        self._values: dict[str, Any] = {}
        self._constant_nodes: set[int] = set()
        self._absent = {name for name, tensor in self._initializers.items() if uses_external_data(tensor)}
        self.types = runner.types
        self.sized = False
        for name, port in model_inputs(model).items():
            dims = sizes.get(name, port.dims)
            self.sized |= port.dims is None and dims is not None
            self.types[name] = helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(port.dtype), dims)
        for name, tensor in self._initializers.items():
            self.types[name] = helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
        for index, node in enumerate(model.graph.node):
            self._visit(index, node)

    def __contains__(self, name: str) -> bool:
        """Whether a tensor is constant."""
        return name in self._initializers or name in self._makers or name in self._values

    def is_constant(self, index: int) -> bool:
        """Whether the node at this place makes constants only."""
        return index in self._constant_nodes

    def has_value(self, name: str) -> bool:
        """Whether a constant's value can be told: not where the file with the weights is absent."""
        return name in self and name not in self._absent

    def value(self, name: str) -> np.ndarray:
        """Of a constant."""
        if name not in self._values:
            if name in self._initializers:
                self._values[name] = numpy_helper.to_array(self._initializers[name])
            else:
                node = self._makers[name]
                made = self._runner.run(node, {read: self.value(read) for read in free_names(node)})
                self._values |= made
        return self._values[name]

    def dims(self, name: str) -> Dims | None:
        """Sizes of a tensor; None where not all of them are known."""
        tensor = self._tensor_type(name)
        if tensor is None or not tensor.HasField("shape") or not all(
                dim.HasField("dim_value") for dim in tensor.shape.dim):
            return None
        return tuple(dim.dim_value for dim in tensor.shape.dim)

    def rank(self, name: str) -> int | None:
        """Dimensions of a tensor, where they are known."""
        tensor = self._tensor_type(name)
        return len(tensor.shape.dim) if tensor is not None and tensor.HasField("shape") else None

    def is_float(self, name: str) -> bool:
        """Whether a tensor holds numbers that the chip's path takes."""
        tensor = self._tensor_type(name)
        return tensor is not None and tensor.elem_type in FLOATS

    def _tensor_type(self, name: str) -> onnx.TypeProto.Tensor | None:
        found = self.types.get(name)
        return found.tensor_type if found is not None and found.HasField("tensor_type") else None

    def _visit(self, index: int, node: onnx.NodeProto) -> None:
        names, outputs = free_names(node), [name for name in node.output if name]
        self.types |= {name: self._known[name] for name in outputs if name in self._known}
        self.types |= self._inferred(node, names)
        if self._is_size(node, names):
            self._constant_nodes.add(index)
            return
        if node.op_type in _RANDOM or not all(name in self for name in names):
            return
        self._constant_nodes.add(index)
        self._makers |= dict.fromkeys(outputs, node)
        if not all(self.has_value(name) for name in names):
            self._absent.update(outputs)
        else:
            for name in outputs:
                if self.dims(name) is None:
                    self._type_by_value(name)

    def _type_by_value(self, name: str) -> None:
        value = self.value(name)
        if isinstance(value, np.ndarray):
            self.types[name] = helper.make_tensor_type_proto(
                helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)

    def _is_size(self, node: onnx.NodeProto, names: list[str]) -> bool:
        """Whether a node only asks for sizes that are known; they are its value."""
        if not is_standard(node) or node.op_type not in ("Shape", "Size") or names[0] in self:
            return False
        dims, attributes = self.dims(names[0]), {item.name: item.i for item in node.attribute}
        if dims is None:
            return False
        part = slice(attributes.get("start"), attributes.get("end"))
        value = np.array(dims[part] if node.op_type == "Shape" else np.prod(dims, dtype=np.int64), np.int64)
        self._values[node.output[0]] = value
        self._type_by_value(node.output[0])
        self.sized = True
        return True

    def _inferred(self, node: onnx.NodeProto, names: list[str]) -> dict[str, onnx.TypeProto]:
        """Types of a node's outputs, as ONNX infers them; those that it cannot tell are left out."""
        version = self._versions.get(node.domain or "ai.onnx")
        if version is None or any(name not in self.types for name in names):
            return {}
        try:
            schema = defs.get_schema(node.op_type, version, "" if is_standard(node) else node.domain)
        except defs.SchemaError:
            return {}
        data = {name: numpy_helper.from_array(np.asarray(self.value(name))) for name in names if self._tells(name)}
        try:
            found = shape_inference.infer_node_outputs(schema, node, {name: self.types[name] for name in names}, data,
                                                       opset_imports=self._opsets)
        except (shape_inference.InferenceError, onnx.checker.ValidationError) as error:
            reason = str(error).strip().splitlines()[0].removeprefix("[ShapeInferenceError] ")
            raise GraphError(f"{node_label(node)}: its inputs contradict it: {reason}") from None
        except (RuntimeError, KeyError, TypeError):  # operators whose inference does not go node by node
            return {}
        return {name: kind for name, kind in found.items() if name and kind.WhichOneof("value")}

    def _tells(self, name: str) -> bool:
        """Whether a tensor is a constant small enough to hold a shape."""
        dims = self.dims(name)
        return self.has_value(name) and dims is not None and np.prod(dims, dtype=int) <= _SMALL
