"""Layers cut into tasks: shards together are the layer, results are kept, wrong ones are not hidden."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compiler.image.program import Shard, compile_layer
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.paper.networks import BenchmarkLayer, benchmark_layers, benchmark_tensors
from golden.conv import conv_layer
from golden.layer import LayerShape
from hw.config import PRESETS
from sim.chip.layer import simulate_layer
from sim.chip.recording import Recording
from sim.jobs.benchmark import layer_tasks, merge, record_tasks, run_tasks, sample_shards, tile_mapping
from sim.tools.find import available

CHIP = PRESETS["mini"]
LAYER = BenchmarkLayer("small", LayerShape.parse("N=2,M=12,C=4,H=11,W=9,R=3,P=1"), 0.4, 0.6)
MAPPING = Mapping(m=8, n=2, e=4, f=5, p=4, q=2, r=1, t=1)


def tasks(**options):
    return layer_tasks(LAYER, MAPPING, CHIP, seed=7, simulator="verilator", **options)


def test_shards_cover_the_layer_once():
    for count in (1, 2, 3, 100):
        covered = np.zeros(LAYER.shape.ofmap_shape, int)
        for task in tasks(shards=count):
            program = compile_layer(LAYER.shape, MAPPING, CHIP, *benchmark_tensors(LAYER, 7)[0],
                                    shards=list(task.shards))
            covered += program.covered()
        assert (covered == 1).all()


def test_sample_has_every_kind_of_block():
    chosen = sample_shards(LAYER.shape, MAPPING, CHIP)
    placement = Placement(lower(LAYER.shape, CHIP), MAPPING, CHIP)
    sizes = {(tile.rows, tile.columns) for shard in chosen
             for tile in Placement(placement.layer, MAPPING, CHIP, shard.first_block, 1).tiles}
    assert sizes == {(tile.rows, tile.columns) for tile in placement.tiles}
    assert {0, placement.all_blocks - 1} <= {shard.first_block for shard in chosen}


@pytest.mark.parametrize("network", ["alexnet", "vgg16"])
def test_tile_mapping_fits(network):
    for layer in benchmark_layers(network, 1):
        Placement(lower(layer.shape, PRESETS["eyeriss"]), tile_mapping(layer.shape, PRESETS["eyeriss"]),
                  PRESETS["eyeriss"])


def test_zeros_of_the_ofmap():
    tensors, shift = benchmark_tensors(LAYER, 7)
    ofmap = conv_layer(*tensors, LAYER.shape, shift=shift, relu=True)
    assert abs((ofmap == 0).mean() - LAYER.ofmap_zeros) < 0.1
    assert (tensors.ifmap == 0).mean() == pytest.approx(LAYER.zeros, abs=1e-3)


@pytest.mark.simulation
@pytest.mark.skipif(not available("verilator"), reason="no verilator")
def test_results_add_up_and_are_kept():
    seen = []
    listed = tasks(shards=3)
    for fresh in (True, False):
        results = run_tasks(listed, workers=2, fresh=fresh, report=lambda task, result, kept: seen.append(kept))
    assert seen == [False] * 3 + [True] * 3
    merged = merge([results[task] for task in listed])
    assert merged["match"] and merged["outputs"] == np.prod(LAYER.shape.ofmap_shape)
    assert merged["counters"]["dram_ofmap"] > 0
    assert merged["cycles"]["total"] == sum(results[task]["cycles"]["total"] for task in listed)


@pytest.mark.simulation
@pytest.mark.skipif(not available("verilator"), reason="no verilator")
def test_shard_that_starts_amid_a_plane():
    """Blocks 1 and 2, filters from 4 on: only these outputs, and they are right; a broken one is seen."""
    tensors, _ = benchmark_tensors(LAYER, 7)
    shards = [Shard(0, first_filter=4, filters=8, first_block=1, blocks=2)]
    result = simulate_layer(LAYER.shape, MAPPING, CHIP, tensors, relu=True, shards=shards)
    assert result.match and 0 < result.program.covered().sum() < result.ofmap.size

    def wrong_weight(program):
        dram = program.dram.copy()
        dram[program.jobs[0].fields["filter_base"]] ^= np.uint64(0x40)
        return replace(program, dram=dram)

    assert not simulate_layer(LAYER.shape, MAPPING, CHIP, tensors, relu=True, shards=shards,
                              corrupt=wrong_weight).match


def test_each_simulation_has_a_recording_of_its_own():
    """And a result is the same result, recorded or not."""
    record = Recording(Path("out/w.fst"), trace=Path("t.json"))
    alone, = record_tasks([tasks()], record)
    assert [task.record for task in alone] == [record]
    one, two = tasks(), tasks(shards=2)
    recorded = [task for listed in record_tasks([one, two], record) for task in listed]
    assert [(task.record.waves, task.record.trace) for task in recorded] == [
        (Path(f"out/w-{name}.fst"), Path(f"t-{name}.json")) for name in ("small", "small-1", "small-2")]
    assert [task.key() for task in recorded] == [task.key() for task in (*one, *two)]
    assert not any(task.record for listed in record_tasks([one, two], Recording()) for task in listed)
