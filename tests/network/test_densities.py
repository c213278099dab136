"""What a run knows of zeros: its figures are the tensors', and alike tensors share the mappings that were found."""

import numpy as np
import pytest
from onnx import helper

import compiler.onnx.plan
from compiler.mapping.density import Density
from compiler.onnx.graph import import_graph
from compiler.onnx.plan import NEAR, Planner
from hw.config import load_chip
from sim.jobs.cache import Cache
from tests.network import models


def sparse(level=-2.0):
    """A Conv whose ReLU leaves a few per cent of the sums, and one behind it."""
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], name="first"), helper.make_node("Relu", ["c"], ["r"]),
             helper.make_node("Conv", ["r", "v"], ["y"], name="second")]
    weights = models.features(8, 4, 3, 3) / 6
    return models.build(nodes, {"w": weights, "b": np.full(8, level, np.float32), "v": models.features(6, 8, 3, 3)},
                        data=("N", 4, 24, 24))


@pytest.fixture
def searches(monkeypatch):
    """How often a mapping was searched."""
    genuine, found = compiler.onnx.plan.find_mapping, []

    def find_mapping(*arguments, **options):
        found.append(options["density"])
        return genuine(*arguments, **options)

    monkeypatch.setattr(compiler.onnx.plan, "find_mapping", find_mapping)
    return found


@pytest.mark.simulation
def test_traffic_is_that_of_the_tensors_zeros(run):
    report, _ = run(sparse(), {"x": models.features(2, 4, 24, 24)}, "both")
    first, second = report["layers"]
    assert first["dram_bytes"]["ofmap"] < 0.2 * first["dram_raw_bytes"]["ofmap"]
    for entry, kind in ((first, "ofmap"), (second, "ifmap")):
        assert entry["dram_bytes"][kind] == pytest.approx(entry["rtl"]["dram_bytes"][kind], rel=0.1)


def test_three_inputs_of_a_network_search_its_mappings_once(run, searches):
    cycles = set()
    for seed in (1, 2, 3):
        report, _ = run(sparse(level=0.03 * seed), {"x": models.features(2, 4, 24, 24, seed=seed)}, "model")
        cycles.add(report["totals"]["dram_bytes"])
        assert len(searches) == 2
    assert len(cycles) == 3  # each with its own zeros


def test_inputs_with_other_zeros_have_mappings_of_their_own(run, searches):
    for count, level in enumerate((0.0, -1.0), 1):
        run(sparse(level), {"x": models.features(2, 4, 24, 24)}, "model")
        assert len(searches) == 2 * count


def test_a_plan_does_not_depend_on_what_ran_before(tmp_path, searches):
    chip, kept = load_chip("mini"), Cache("mappings", build=tmp_path)
    layer, = import_graph(models.conv((6, 4, 3, 3))).layers

    def plan(density, **options):
        planner = Planner(chip, "latency", kept, **options)
        return planner.plan(layer, layer.shape((1, 4, 9, 11)), Density(density, 1.0))

    plan(0.47, near=NEAR)
    exact = plan(0.5)
    assert len(searches) == 2
    assert plan(0.49, near=NEAR).mapping == exact.mapping
    assert len(searches) == 2
