"""8-bit models of float ones, by onnxruntime's static quantizer."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from compiler.onnx.file import GraphError, converted
from compiler.onnx.float_nodes import error_reason

__all__ = ["OPTIONS", "Batches", "quantized"]

#: uint8 tensors, int8 weights, a scale for each filter.
OPTIONS = {"per_channel": True, "weight_type": QuantType.QInt8, "activation_type": QuantType.QUInt8}
_PER_FILTER = 13  # the first operator set with a scale for each filter


class Batches(CalibrationDataReader):
    """Batches as the quantizer asks for them."""

    def __init__(self, batches: Iterable[dict[str, NDArray[Any]]]) -> None:
        self._left = iter(batches)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._left, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice that the quantizer writes to the log."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def quantized(model: onnx.ModelProto, batches: Iterable[dict[str, np.ndarray]]) -> onnx.ModelProto:
    """An 8-bit model of a float one: uint8 tensors, int8 weights, a scale a filter.

    Parameters
    ----------
    batches : iterable of dict of str to ndarray
        What the ranges of the tensors are taken of; each feeds all inputs.

    Raises
    ------
    GraphError
        The quantizer refuses the model.
    """
    with _quiet(), TemporaryDirectory() as folder:
        given, ready, made = (Path(folder) / f"{name}.onnx" for name in ("given", "ready", "int8"))
        try:
            if all(item.version < _PER_FILTER for item in model.opset_import if item.domain in ("", "ai.onnx")):
                model = converted(model, _PER_FILTER)
            onnx.save(model, given)  # of a model in memory it moves the weights away, and fails where there are none
            quant_pre_process(str(given), ready, skip_symbolic_shape=True)
            quantize_static(ready, made, Batches(batches), **OPTIONS)
        except Exception as error:  # it has no exceptions of its own
            raise GraphError(f"onnxruntime cannot quantize the model: {error_reason(error)}") from None
        return onnx.load(made)
