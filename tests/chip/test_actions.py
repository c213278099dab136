"""Energy's actions from the chip's counters, against loop nests that count each by itself."""

import random
from dataclasses import replace

import pytest

from compiler.energy.actions import ACTIONS, Layout, count_actions, planned_counters
from compiler.energy.report import counted_power, planned_power
from compiler.energy.table import load_table
from compiler.image.program import compile_layer
from compiler.mapping.cost import costs
from compiler.mapping.density import Density, density_of
from compiler.mapping.lowering import lower
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS
from sim.chip.programs import simulate_programs
from sim.chip.simulate import Settings
from sim.tools.find import available
from tests.chip.layers import expected_counters, nonzero_macs
from tests.chip.loop_nest import loop_nest_actions

CHIP = PRESETS["mini"]
LAYERS = 30
MOST_MACS = 30_000
WITHOUT = ("link", "dram", "clock")  # parts whose actions are counters as they are


def random_shape(draw):
    """Small, and native: what the chip runs without cutting filters."""
    while True:
        R, S, P = draw.randint(1, 5), draw.randint(1, 5), draw.randint(0, 2)
        U, V, G = draw.randint(1, min(R, 2)), draw.randint(1, S), draw.choice((1, 1, 2))
        shape = LayerShape(
            N=draw.randint(1, 3), M=G * draw.randint(1, 20), C=G * draw.randint(1, 9), R=R, S=S, U=U, V=V, P=P, G=G,
            H=max(1, R - 2 * P) + draw.randint(0, 12), W=max(1, S - 2 * P) + draw.randint(0, 12))
        if MOST_MACS / 10 < shape.macs <= MOST_MACS:
            return shape


@pytest.fixture(scope="module")
def layers():
    """(shape, tensors, mapping) of each."""
    draw, found = random.Random(14), []
    for seed in range(LAYERS):
        shape = random_shape(draw)
        tensors = random_tensors(shape, seed=seed, zeros=draw.choice((0, 0.3, 0.9)), full_range=True)
        mapping = find_mapping(lower(shape, CHIP), CHIP, objective=draw.choice(("latency", "dram")))
        found.append((shape, tensors, mapping))
    return found


def compiled(shape, tensors, mapping, base=0):
    return compile_layer(shape, mapping, CHIP, *tensors, compress=False, base=base)


def check(shape, tensors, program, counters):
    """Counted from counters, all is as the loop nest counts it."""
    placement = program.jobs[0].placement
    found = count_actions(Layout.of(placement), counters)
    nest = loop_nest_actions(shape, placement.mapping, CHIP, tensors.ifmap)
    told = [name for name, action in ACTIONS.items() if action.part not in WITHOUT]
    assert {name: found[name] for name in told} == {name: nest[name] for name in told}, (str(shape), program.mapping)
    words = ("ifmap", "filter", "psum")
    assert [found[f"link_{kind}"] for kind in words] == [found[f"dram_{kind}"] for kind in words]
    assert found["pe_cycle"] + found["idle_pe_cycle"] == CHIP.pes * found["core_cycle"]


def test_counters_that_a_mapping_implies(layers):
    """These are held to the RTL by all tests of whole layers."""
    for shape, tensors, mapping in layers:
        program = compiled(shape, tensors, mapping)
        counters = expected_counters(program)
        check(shape, tensors, program, counters | {
            "gated_macs": counters["macs"] - nonzero_macs(program), "cycles": 1_000})


@pytest.fixture(scope="module")
def results(layers):
    """What the RTL makes of them, one behind another in DRAM."""
    if not available("verilator"):
        pytest.skip("no verilator")
    programs, base = [], 0
    for layer in layers:
        programs.append(compiled(*layer, base))
        base += len(programs[-1].dram)
    golden = [conv_layer(*tensors, shape) for shape, tensors, _ in layers]
    return simulate_programs(programs, golden, CHIP,
                             Settings(max_cycles=2_000_000, optimize=True))  # the build of test_native_range


@pytest.mark.simulation
def test_counters_of_the_rtl(results, layers):
    for (shape, tensors, _), result in zip(layers, results, strict=True):
        assert result.match
        check(shape, tensors, result.program, result.counters)


@pytest.mark.simulation
def test_the_models_energy(results, layers):
    """The RTL's to 3 %, given its cycles (test_model.py holds these): zeros are left, and words that round."""
    table = load_table("65nm")
    for (shape, tensors, _), result in zip(layers, results, strict=True):
        density = Density(density_of(tensors.ifmap), form="raw")
        placement = Placement(lower(shape, CHIP), result.program.jobs[0].placement.mapping, CHIP)
        found = replace(costs(placement, density), cycles=result.counters["cycles"])
        planned = planned_power(table, placement, found, density, macs=shape.macs)
        counted = counted_power(table, placement, result.counters, shape.N)
        assert planned["millijoules"] == pytest.approx(counted["millijoules"], rel=0.03), str(shape)


def test_the_models_counters(layers):
    """Exactly the RTL's, but for zeros and for words of ragged tiles, which the model takes as of mean width."""
    rounded = ("glb_ifmap_reads", "glb_ifmap_writes", "dram_ifmap")
    for shape, tensors, mapping in layers:
        program = compiled(shape, tensors, mapping)
        placement = program.jobs[0].placement
        jobs = len(program.jobs)
        planned = planned_counters(placement, costs(placement), Density())
        exact = expected_counters(program)
        exact["glb_psum_reads"] += exact.pop("glb_ofmap_reads")  # the model has them in one
        for name in planned.keys() & exact.keys():
            if name not in rounded:
                assert jobs * planned[name] == pytest.approx(exact[name], rel=1e-12), (str(shape), name)
        dense = random_tensors(shape, seed=1, zeros=0, full_range=False)  # but for padding and what fills up
        share = nonzero_macs(compiled(shape, dense._replace(ifmap=dense.ifmap | 1), mapping)) / exact["macs"]
        assert 1 - planned["gated_macs"] / planned["macs"] == pytest.approx(share, abs=0.03), str(shape)
        for name in rounded[:2]:  # in DRAM, padding is coded in the model
            assert jobs * planned[name] == pytest.approx(exact[name], rel=0.1), (str(shape), name)
