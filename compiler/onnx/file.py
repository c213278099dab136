"""An ONNX file: read, checked, its inputs described."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import defs, helper, inliner, numpy_helper, shape_inference, version_converter
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

__all__ = ["Dims", "GraphError", "Port", "Sizes", "converted", "graph_nodes", "load_model", "model_inputs"]

Dims = tuple[int, ...]  # sizes of a tensor
Sizes = dict[str, Dims]  # of tensors, by name
IR_VERSION = 10  # what onnxruntime 1.22 takes; later ones only add types that no layer of the chip has
OLDEST, NEWEST = 7, 23  # sets of operators that onnxruntime 1.22 has
_STAND_IN = 9973  # a size that no other is equal to
_SIZES = 1024  # values of a tensor that may be sizes


class GraphError(ValueError):
    """A model that cannot be run or planned; the message names the node or the tensor."""


@dataclass(frozen=True)
class Port:
    """An input of a model.

    Attributes
    ----------
    name : str
    dtype : numpy.dtype
    dims : tuple
        Sizes; None where the model leaves one open, and None as a whole where it leaves out even the rank.
    """

    name: str
    dtype: np.dtype
    dims: tuple[int | None, ...] | None

    def accepts(self, dims: Dims) -> bool:
        """Whether a tensor of these sizes may be fed."""
        return self.dims is None or len(dims) == len(self.dims) and all(
            own in (None, given) for own, given in zip(self.dims, dims, strict=True))

    def __str__(self) -> str:
        sizes = "any shape"
        if self.dims is not None:
            sizes = "x".join("?" if size is None else str(size) for size in self.dims)
        return f"{self.name} ({self.dtype}, {sizes or 'a scalar'})"


def load_model(path: str | Path, *, weights: bool = True) -> onnx.ModelProto:
    """Read and check a model, and bring it to the form that the importer and onnxruntime take.

    Local functions are inlined, sparse weights written out, operators of very old and very new sets converted,
    sizes of -1 left open.

    Parameters
    ----------
    weights : bool
        Read weights from other files; without, those files may be absent, which is enough to plan.

    Raises
    ------
    GraphError
        Not readable, or not a valid ONNX model.
    """
    path = Path(path)
    if not path.is_file():
        raise GraphError(f"model {path} must be an ONNX file; there is no such file")
    try:
        model = onnx.load(path, load_external_data=False)
        _read_external(model, path.parent, all_of_them=weights)
        _write_out_sparse(model.graph)
        _open_negative_sizes(model.graph)
        _check(model)
        if model.functions:
            model = inliner.inline_local_functions(model)
        model = _known(model)
    except Exception as error:  # protobuf, the checker, the inliner and the converter each have their own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise GraphError(f"model {path} must be an ONNX file: {reason}") from None
    model.ir_version = min(model.ir_version, IR_VERSION)
    return model


def _read_external(model: onnx.ModelProto, folder: Path, *, all_of_them: bool) -> None:
    """Read weights from other files: all, or only tensors small enough to hold sizes."""
    for tensor in model.graph.initializer:
        if uses_external_data(tensor) and (all_of_them or int(np.prod(tensor.dims)) <= _SIZES):
            try:
                load_external_data_for_tensor(tensor, str(folder))
            except (OSError, onnx.checker.ValidationError) as error:
                if all_of_them:
                    reason = str(error).strip().splitlines()[0]
                    raise ValueError(f"the file with its weights {tensor.name} is not readable: {reason}") from None
            else:
                tensor.data_location = onnx.TensorProto.DEFAULT
                del tensor.external_data[:]


def _write_out_sparse(graph: onnx.GraphProto) -> None:
    """Sparse initializers as ordinary ones."""
    for sparse in graph.sparse_initializer:
        values, places = (numpy_helper.to_array(part) for part in (sparse.values, sparse.indices))
        dense = np.zeros(tuple(sparse.dims), values.dtype)
        if places.ndim == 1:  # places in the flat tensor, or one index for each axis
            dense.reshape(-1)[places] = values
        else:
            dense[tuple(places.T)] = values
        graph.initializer.append(numpy_helper.from_array(dense, sparse.values.name))
    del graph.sparse_initializer[:]


def _open_negative_sizes(graph: onnx.GraphProto) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim if value.type.HasField("tensor_type") else ():
            if dim.HasField("dim_value") and dim.dim_value < 0:
                dim.ClearField("dim_value")


def _check(model: onnx.ModelProto) -> None:
    """Run ONNX's checker without its demands for shapes of all outputs and for the files of weights."""
    graph = model.graph
    bare = [value.type.tensor_type for value in (*graph.input, *graph.output)
            if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape")]
    initializers = list(graph.initializer)
    absent = [tensor for tensor in initializers if uses_external_data(tensor)]
    inputs = len(graph.input)
    try:
        for tensor_type in bare:
            tensor_type.shape.SetInParent()
        if absent:
            known = {value.name for value in graph.input}
            del graph.initializer[:]
            graph.input.extend(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
                               for tensor in initializers if tensor.name not in known)
        onnx.checker.check_model(model)
    finally:
        for tensor_type in bare:
            tensor_type.ClearField("shape")
        if absent:
            del graph.input[inputs:]
            graph.initializer.extend(initializers)


def _known(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in operators that onnxruntime has: of sets that are neither too old for it nor too new."""
    used = next((item for item in model.opset_import if item.domain in ("", "ai.onnx")), None)
    if used is None or OLDEST <= used.version <= NEWEST:
        return model
    if used.version < OLDEST:
        return _from_oldest(model)
    if all(defs.has(node.op_type, "") and defs.get_schema(node.op_type, used.version, "").since_version <= NEWEST
           for node in graph_nodes(model.graph) if node.domain in ("", "ai.onnx")):
        used.version = NEWEST  # the same operators, though of an older set
        return model
    try:
        return converted(model, NEWEST)
    except RuntimeError:  # an operator that is new: onnxruntime says whether it has it
        return model


def _from_oldest(model: onnx.ModelProto) -> onnx.ModelProto:
    """Converted; the converter wants every size to be a number, and needs none of those that are open."""
    sized = onnx.ModelProto()
    sized.CopyFrom(model)
    _fill(sized.graph.input)
    inputs = {value.name: value for value in sized.graph.input}
    for value in sized.graph.output:
        if value.name in inputs:  # an output that is an input: one type for both
            value.CopyFrom(inputs[value.name])
        else:
            value.type.tensor_type.ClearField("shape")
    sized = shape_inference.infer_shapes(sized)
    _fill((*sized.graph.value_info, *sized.graph.output))
    _align(sized.graph)
    try:
        made = converted(sized, OLDEST)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0].rpartition("failed: ")[2]
        raise ValueError(f"its operators, of a set before {OLDEST}, cannot be converted: {reason}") from None
    for field in ("input", "output"):
        open_values = {value.name: value for value in getattr(model.graph, field)}
        for value in getattr(made.graph, field):
            value.CopyFrom(open_values.get(value.name, value))
    return made


def _fill(values: Iterable[onnx.ValueInfoProto]) -> None:
    for value in values:
        for dim in value.type.tensor_type.shape.dim if value.type.HasField("tensor_type") else ():
            if not dim.HasField("dim_value"):
                dim.dim_value = _STAND_IN


def graph_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes of a graph, those of its subgraphs included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs):
                yield from graph_nodes(inner)


def converted(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """A model in another operator set.

    Raises
    ------
    RuntimeError
        ONNX's converter refuses the model.
    """
    made = version_converter.convert_version(model, version)
    del made.graph.value_info[:]  # it describes tensors that it adds without a type
    return made


def _align(graph: onnx.GraphProto) -> None:
    """Old operators join dimensions from an `axis` on, which the converter takes wrongly: Unsqueeze spells it out."""
    ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    ranks |= {value.name: len(value.type.tensor_type.shape.dim)
              for value in (*graph.input, *graph.value_info, *graph.output)
              if value.type.tensor_type.HasField("shape")}
    nodes = list(graph.node)
    del graph.node[:]
    for index, node in enumerate(nodes):
        axis = next((item.i for item in node.attribute if item.name == "axis"), None)
        broadcast = any(item.name == "broadcast" and item.i for item in node.attribute)
        if node.op_type == "PRelu" or broadcast and axis is not None:
            if not ranks.keys() >= set(node.input):
                raise ValueError(f"{node.op_type} of {node.output[0]}, of an operator set before {OLDEST}, needs the "
                                 "number of dimensions of its inputs, which does not follow")
            rank, own = (ranks[name] for name in node.input)
            first = 1 if axis is None else axis % rank
            if own and first + own < rank and (node.op_type != "PRelu" or own == 1):
                aligned = f"aligned {index} {node.input[1]}"
                graph.node.append(helper.make_node("Unsqueeze", [node.input[1]], [aligned],
                                                   axes=list(range(own, own + rank - first - own))))
                node.input[1] = aligned
            for item in [item for item in node.attribute if item.name in ("axis", "broadcast")]:
                node.attribute.remove(item)
        graph.node.append(node)


def model_inputs(model: onnx.ModelProto) -> dict[str, Port]:
    """The inputs that must be fed: old models also list their initializers as inputs."""
    given = {tensor.name for tensor in model.graph.initializer}
    ports = {}
    for value in model.graph.input:
        if value.name in given:
            continue
        if not value.type.HasField("tensor_type"):
            raise GraphError(f"input {value.name} must be a tensor")
        tensor = value.type.tensor_type
        dims = tuple(dim.dim_value if dim.HasField("dim_value") else None
                     for dim in tensor.shape.dim) if tensor.HasField("shape") else None
        ports[value.name] = Port(value.name, np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)), dims)
    return ports
