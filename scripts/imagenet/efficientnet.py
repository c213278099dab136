"""EfficientNet-Lite0 as an ONNX model, from its trained weights."""

from pathlib import Path

import numpy as np
import onnx

from sim.tools.files import BUILD, write_file

from .lite import LiteGraph, Norm
from .weights import WeightsError

__all__ = ["CLASSES", "MODEL", "SIZE", "efficientnet", "write_model"]

SIZE, CLASSES = 224, 1000
#: Where the model is kept, for `eyeriss plan`, `eyeriss run` and other tools.
MODEL = BUILD / "imagenet" / "efficientnet-lite0.onnx"
#: The file's names of a unit's convolution and BatchNormalization.
OUTER = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
INNER = {"expand": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1"),
         "project": ("_project_conv", "_bn2")}
UNUSED = "num_batches_tracked"


class Trained:
    """The tensors of a file, each of which a network must have use for."""

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self._left = {name: value for name, value in tensors.items() if not name.endswith(UNUSED)}

    def unit(self, name: str, dims: tuple[int, ...]) -> tuple[np.ndarray, Norm]:
        block, _, part = name.rpartition(".")
        prefix = f"_blocks.{block.removeprefix('block')}." if block else ""
        conv, norm = INNER[part] if block else OUTER[name]
        numbers = (self._take(f"{prefix}{norm}.{kind}", dims[:1])
                   for kind in ("weight", "bias", "running_mean", "running_var"))
        return self._take(f"{prefix}{conv}.weight", dims), Norm(*numbers)

    def last(self, dims: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        return self._take("_fc.weight", dims), self._take("_fc.bias", dims[:1])

    def finish(self) -> None:
        """Refuse tensors that nothing asked for."""
        if self._left:
            raise WeightsError(f"the weights have tensors that the network has not, such as {next(iter(self._left))}")

    def _take(self, name: str, dims: tuple[int, ...]) -> np.ndarray:
        value = self._left.pop(name, None)
        if value is None or value.dtype != np.float32 or value.shape != dims:
            found = "none" if value is None else f"{value.dtype} of {_by(value.shape)}"
            raise WeightsError(f"the weights' tensor {name} must be float32 of {_by(dims)}, not {found}")
        if not np.isfinite(value).all():
            raise WeightsError(f"the weights' tensor {name} must have finite numbers")
        return value


def _by(dims: tuple[int, ...]) -> str:
    return "x".join(map(str, dims))


def efficientnet(tensors: dict[str, np.ndarray], **form) -> onnx.ModelProto:
    """The model of these tensors, named as the package's file names them.

    Parameters
    ----------
    form
        Of a smaller network, as LiteGraph takes it.

    Raises
    ------
    WeightsError
        Tensors are missing, of another shape, not finite, or too many.
    """
    trained = Trained(tensors)
    model = LiteGraph(trained, **({"size": SIZE, "classes": CLASSES} | form)).model("efficientnet-lite0")
    trained.finish()
    return model


def write_model(model: onnx.ModelProto, path: Path = MODEL) -> None:
    """Keep the model; a file that has it already stays as it is."""
    content = model.SerializeToString(deterministic=True)
    if not path.is_file() or path.read_bytes() != content:
        write_file(path, content)
