"""An ONNX file: read, checked, its inputs described, shapes inferred."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, inliner, shape_inference

__all__ = ["GraphError", "Port", "infer_dims", "load_model", "model_inputs"]


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
    dims: tuple | None

    def accepts(self, dims) -> bool:
        """Whether a tensor of these sizes may be fed."""
        return self.dims is None or len(dims) == len(self.dims) and all(
            own in (None, given) for own, given in zip(self.dims, dims, strict=True))

    def __str__(self) -> str:
        open_rank = self.dims is None
        sizes = "any shape" if open_rank else "x".join("?" if size is None else str(size) for size in self.dims)
        return f"{self.name} ({self.dtype}, {sizes or 'a scalar'})"


def load_model(path) -> onnx.ModelProto:
    """Read and check a model; its local functions are inlined.

    Raises
    ------
    GraphError
        Not readable, or not a valid ONNX model.
    """
    path = Path(path)
    if not path.is_file():
        raise GraphError(f"model {path} must be an ONNX file; there is no such file")
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
        return inliner.inline_local_functions(model)
    except Exception as error:  # protobuf, the checker and the inliner each have their own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise GraphError(f"model {path} must be an ONNX file: {reason}") from None


def model_inputs(model) -> dict[str, Port]:
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


def infer_dims(model, dims: dict) -> dict[str, tuple]:
    """Sizes of all tensors that follow from those of the inputs, by ONNX's own shape inference.

    Parameters
    ----------
    dims : dict of str to tuple
        Of every input of `model_inputs`.

    Returns
    -------
    dict of str to tuple
        Only tensors all of whose sizes are known.

    Raises
    ------
    GraphError
        The model contradicts these sizes.
    """
    bound = onnx.ModelProto()
    bound.CopyFrom(model)
    del bound.graph.value_info[:]  # of another batch size, they would contradict
    for value in bound.graph.output:
        value.type.tensor_type.ClearField("shape")
    for value in bound.graph.input:
        if value.name in dims:
            shape = value.type.tensor_type.shape
            del shape.dim[:]
            for size in dims[value.name]:
                shape.dim.add().dim_value = size
    try:
        inferred = shape_inference.infer_shapes(bound, strict_mode=True, data_prop=True)
    except shape_inference.InferenceError as error:
        raise GraphError(f"shapes of the model contradict each other: {str(error).strip().splitlines()[0]}") from None
    known = {}
    for value in (*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
            known[value.name] = tuple(dim.dim_value for dim in tensor.shape.dim)
    return known
