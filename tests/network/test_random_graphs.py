"""Random graphs, run and planned, held to onnxruntime's run of the same function written plainly.

EYERISS_RANDOM_GRAPHS says how many; 100 by default.
"""

import os
import re
from collections import Counter

import numpy as np
import onnx
import pytest

from compiler.onnx.chip_nodes import LayerMaker
from compiler.onnx.file import load_model
from compiler.onnx.float_nodes import run_float
from compiler.onnx.graph import import_graph
from compiler.onnx.quantize import sqnr_db
from compiler.onnx.tensors import GraphTensors
from tests.network import models
from tests.network.random_graphs import Graph

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("EYERISS_RANDOM_GRAPHS", 100))
LEAST = 40


def worst(graph, outputs):
    """The least SQNR of the outputs, in dB; minus infinity where one has another shape."""
    right = run_float(graph.plain(), {"x": graph.x})
    found, most = [], max(np.abs(value).max(initial=0) for value in (graph.x, *right.values()))
    for name, value in right.items():
        if outputs[name].shape != value.shape:
            return -np.inf
        if not value.any():  # without a signal there is no ratio: what is there is small beside the others
            found.append(np.inf if np.abs(outputs[name]).max(initial=0) < 1e-3 * most else -np.inf)
        else:
            found.append(sqnr_db(value, outputs[name]))
    return min(found)


@pytest.fixture
def attempt(run_and_plan, tmp_path):
    """Run and plan the graph of a seed: (verdict, what there is to say).

    "coarse": the graph is right in float, its fixed point is not, as where an output is a small part of a tensor.
    """

    def attempt(seed):
        graph = Graph(seed)
        onnx.save(graph.model(), tmp_path / "m.onnx")
        try:
            outputs, report, _ = run_and_plan(tmp_path / "m.onnx", {"x": graph.x})
        except ValueError as error:
            return "refused", str(error)
        found = worst(graph, outputs)
        if found >= LEAST:
            return "right", (found, len(report["layers"]))
        network = import_graph(load_model(tmp_path / "m.onnx"), {"x": graph.dims})
        exact = worst(graph, models.in_float(network, {"x": graph.x})) >= 2 * LEAST
        return "coarse" if exact and found >= LEAST / 2 else "wrong", (found, len(report["layers"]))
    return attempt


def test_random_graphs(attempt):
    counts, wrong, layers = Counter(), [], 0
    for seed in range(COUNT):
        verdict, note = attempt(seed)
        counts[verdict] += 1
        layers += note[1] if verdict == "right" else 0
        if verdict == "wrong" or verdict == "refused" and not re.fullmatch("[^\n]+", note):
            wrong.append((seed, note))
    print(dict(counts), layers, "layers")
    assert not wrong
    assert counts["refused"] + counts["coarse"] <= COUNT // 200
    assert layers > COUNT


def test_a_normalisation_of_another_axis_is_found(tmp_path, monkeypatch):
    """Folded into the last axis of a MatMul whatever its dimensions; in float, as that is enough."""
    genuine = LayerMaker._fold_norm

    def fold_norm(self, layer, node):
        with monkeypatch.context() as patch:
            patch.setattr(GraphTensors, "rank", lambda self, name: 2)
            return genuine(self, layer, node)

    def wrong(seed):
        graph = Graph(seed)
        onnx.save(graph.model(), tmp_path / "m.onnx")
        network = import_graph(load_model(tmp_path / "m.onnx"), {"x": graph.dims})
        return worst(graph, models.in_float(network, {"x": graph.x})) < LEAST

    assert not any(wrong(seed) for seed in range(10))
    monkeypatch.setattr(LayerMaker, "_fold_norm", fold_norm)
    assert any(wrong(seed) for seed in range(100))
