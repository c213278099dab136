"""`eyeriss imagenet` with a small network in place of the trained one."""

import functools
import json

import numpy as np
import pytest
from PIL import Image

from compiler.onnx.file import load_model
from compiler.onnx.graph import import_graph
from scripts.commands.network import imagenet, shared
from scripts.imagenet import formats, photographs
from scripts.imagenet.efficientnet import efficientnet, write_model
from sim.jobs.cache import Cache
from sim.jobs.layers import RtlLayers
from sim.tools.files import BUILD
from tests.imagenet.networks import FORM, trained


@pytest.fixture
def photos(tmp_path):
    """Two files of one name."""
    rng = np.random.default_rng(11)
    paths = [tmp_path / "one" / "scene.png", tmp_path / "two" / "scene.png"]
    for path in paths:
        path.parent.mkdir()
        Image.fromarray(np.kron(rng.integers(0, 256, (5, 7, 3)), np.ones((9, 9, 1))).astype(np.uint8)).save(path)
    return paths


@pytest.fixture
def small(tmp_path, monkeypatch, photos):
    """The small network and its formats; models, mappings and layers are kept in tmp_path."""
    kept = tmp_path / "build"
    for name in ("sim", "verilog"):  # compiled simulators are shared with the other tests
        (BUILD / name).mkdir(parents=True, exist_ok=True)
        kept.mkdir(exist_ok=True)
        (kept / name).symlink_to((BUILD / name).resolve())
    tensors, _ = trained()
    monkeypatch.setattr(photographs, "SIZE", FORM["size"])
    monkeypatch.setattr(imagenet, "MODEL", kept / "model.onnx")
    monkeypatch.setattr(imagenet, "INT8_MODEL", kept / "int8.onnx")
    monkeypatch.setattr(imagenet, "find_weights", lambda: None)
    monkeypatch.setattr(imagenet, "load_weights", lambda _: tensors)
    monkeypatch.setattr(imagenet, "efficientnet", functools.partial(efficientnet, **FORM))
    monkeypatch.setattr(shared, "Cache", functools.partial(Cache, build=kept))
    monkeypatch.setattr(shared, "RtlLayers", functools.partial(RtlLayers, build=kept))
    write_model(efficientnet(tensors, **FORM), imagenet.MODEL)
    network = import_graph(load_model(imagenet.MODEL))
    (kept / "formats.json").write_text(json.dumps(formats.choose(network, list(map(photographs.crop, photos)))))
    monkeypatch.setattr(imagenet, "quantized", functools.partial(formats.quantized, file=kept / "formats.json"))
    return network
