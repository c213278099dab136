"""The network in 8 bits, made of the float one by onnxruntime's quantizer and photographs of packages, and kept."""

import hashlib
import importlib.metadata
from pathlib import Path

import numpy as np
import onnx

from compiler.onnx.file import GraphError, load_model
from scripts.commands.network.quantizer import OPTIONS, quantized
from scripts.terminal.console import BadInput, working
from sim.tools.files import write_file

from .efficientnet import MODEL
from .photographs import as_input, crop, packaged, views
from .weights import INSTALL

__all__ = ["INT8_MODEL", "int8_model"]

#: Where the model is kept, for `eyeriss plan`, `eyeriss run` and other tools.
INT8_MODEL = MODEL.with_name("efficientnet-lite0-int8.onnx")
#: What makes the model, besides this code.
PACKAGES = ("numpy", "onnx", "onnxruntime", "pillow")
#: Photographs that come with what `eyeriss imagenet` needs: on every machine the same.
PHOTOGRAPHS = ("flower", "china", "grace_hopper")
MADE_OF = "made_of"  # the entry of the file's metadata that says what it was made of


def int8_model(model: onnx.ModelProto, path: Path = INT8_MODEL) -> onnx.ModelProto:
    """The network in 8 bits; quantized once, and again where weights, photographs or packages have changed.

    Raises
    ------
    BadInput
        A photograph's package is missing.
    GraphError
        The quantizer refuses the model.
    """
    found = packaged()
    if missing := [name for name in PHOTOGRAPHS if name not in found]:
        raise BadInput(f"the photographs {', '.join(missing)}, which 8-bit ranges are taken of, come with packages: "
                       f"{INSTALL}")
    batches = [as_input(view) for name in PHOTOGRAPHS for view in views(crop(found[name]))]
    made_of = _digest(model, batches)
    if kept := _kept(path, made_of):
        return kept
    with working("the network in 8 bits, made once"):
        made = quantized(model, [{"x": batch} for batch in batches])
    made.metadata_props.add(key=MADE_OF, value=made_of)
    write_file(path, made.SerializeToString())
    return load_model(path)


def _kept(path, made_of):
    """The model of the file, if it is whole and was made of this."""
    try:
        found = load_model(path)
    except (GraphError, OSError):
        return None
    return found if {entry.key: entry.value for entry in found.metadata_props}.get(MADE_OF) == made_of else None


def _digest(model: onnx.ModelProto, batches: list[np.ndarray]) -> str:
    digest = hashlib.sha256(repr((OPTIONS, [importlib.metadata.version(name) for name in PACKAGES])).encode())
    digest.update(model.SerializeToString(deterministic=True))
    for batch in batches:
        digest.update(batch.tobytes())
    return digest.hexdigest()
