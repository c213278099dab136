"""PEs that skip zeros: the same outputs, in fewer cycles."""

from dataclasses import replace

import pytest

from compiler.image.program import compile_layer
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.search import find_mapping
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS
from sim.chip.programs import simulate_programs
from sim.chip.simulate import Settings
from tests.chip.layers import random_layer

CHIPS = {
    "narrow bus": PRESETS["mini-skip"], "wide bus": PRESETS["mini-skip-wide"],
    "bus of two, short queues": replace(PRESETS["mini-skip-wide"], ifmap_bus_values=2, ifmap_fifo_depth=1),
    "wide bus, zeros gated": replace(PRESETS["mini"], ifmap_bus_values=4),
}
ZEROS = (0.0, 0.3, 0.6, 0.9, 0.99, 1.0)
# shapes and mappings where a skip meets an edge: one filter, one value a window, windows that do not overlap,
# a spad without room to spare, a filter ring that wraps, passes of one position that end before their weights come
EDGES = (
    ("M=1,C=3,H=6,W=6,R=2", "m=1 n=1 e=3 p=1 q=1 r=1 t=1"),
    ("M=8,C=4,H=5,W=7,R=1", "m=8 n=1 e=5 p=4 q=1 r=1 t=1"),
    ("M=8,C=4,H=6,W=12,R=2,U=2,V=3", "m=8 n=1 e=3 p=8 q=2 r=1 t=1"),
    ("M=24,C=4,H=5,W=9,R=3", "m=24 n=1 e=3 p=24 q=2 r=1 t=1"),
    ("N=3,M=16,C=8,H=5,W=9,R=3", "m=16 n=2 e=3 p=16 q=4 r=2 t=1"),
    ("N=2,M=10,C=5,H=9,W=5,R=3", "m=10 n=5 e=3 p=5 q=2 r=1 t=1"),
    ("M=32,C=16,H=3,W=3,R=3", "m=32 n=1 e=1 p=16 q=4 r=1 t=1"),
)


def run(layers, chip=PRESETS["mini-skip"], **options):
    """Simulate (shape, mapping or None, seed, zeros, shift, relu) one after another."""
    programs, expected, base = [], [], 0
    for shape, mapping, seed, zeros, shift, relu in layers:
        tensors = random_tensors(shape, seed=seed, zeros=zeros, full_range=True)
        mapping = mapping or find_mapping(lower(shape, chip), chip)
        programs.append(compile_layer(shape, mapping, chip, *tensors, shift=shift, relu=relu, base=base))
        base += len(programs[-1].dram)
        expected.append(conv_layer(*tensors, shape, shift=shift, relu=relu))
    return simulate_programs(programs, expected, chip, Settings(max_cycles=2_000_000, **options))


def edge(index, zeros):
    shape, mapping = EDGES[index]
    values = {name: int(value) for name, value in (item.split("=") for item in mapping.split())}
    return LayerShape.parse(shape), Mapping(**values), index, zeros, 3, False


@pytest.mark.parametrize("chip, top, stalls", [
    *((chip, "chip", stalls) for chip in CHIPS for stalls in (0, 5)), ("narrow bus", "axi", 6),
])
def test_edges(need, chip, top, stalls):
    need("verilator")
    layers = [edge(index, zeros) for index in range(len(EDGES)) for zeros in ZEROS]
    for layer, result in zip(layers, run(layers, CHIPS[chip], stall_seed=stalls, top=top), strict=True):
        assert result.match, (layer, result.status, result.difference)


@pytest.mark.parametrize("chip, top, stalls", [*((chip, "chip", 0) for chip in CHIPS), ("narrow bus", "axi", 7)])
def test_random_layers(need, chip, top, stalls):
    need("verilator")
    layers = []
    for seed in range(40):
        shape, options = random_layer(seed, most_macs=40_000)
        layers.append((shape, None, seed, ZEROS[seed % len(ZEROS)], options["shift"], options["relu"]))
    for layer, result in zip(layers, run(layers, CHIPS[chip], stall_seed=stalls, top=top), strict=True):
        assert result.match, (layer, result.status, result.difference)


def test_fewer_cycles(need):
    """Work that only the PEs bound takes about as many cycles as its values that are not zero."""
    need("verilator")
    shape, mapping = LayerShape.parse("M=16,C=8,H=5,W=26,R=3"), Mapping(m=16, n=1, e=3, p=16, q=4, r=2, t=1)
    layers = [(shape, mapping, 1, zeros, 0, True) for zeros in (0.0, 0.5, 0.8)]
    dense, half, few = (result.counters for result in run(layers))
    assert half["macs"] < 0.55 * dense["macs"] and few["macs"] < 0.3 * dense["macs"]
    assert dense["mac_cycles"] > 1.4 * half["mac_cycles"]
    assert half["mac_cycles"] > 1.3 * few["mac_cycles"]
    assert half["gated_macs"] <= 0.05 * half["macs"]
