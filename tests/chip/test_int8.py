"""Layers of 8-bit networks in RTL: every output is the golden model's, every counter what the mapping says."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.image.program import compile_int8, compile_layer
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.search import find_mapping
from golden.int8 import conv_int8
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS
from sim.chip.programs import simulate_programs
from sim.chip.simulate import Settings
from tests.chip.layers import check, random_layer
from tests.golden.int8_layers import Int8Layer

CHIP = PRESETS["mini-int8"]
# what a word of eight meets: pointwise, windows, padding, groups, one filter a group, ragged strips and spans, ragged
# filter groups, p that is not whole words of psums, ofmaps that end within a word of DRAM
LAYERS = {
    "pointwise": ("M=8,C=4,H=6,W=6,R=1", None),
    "windows": ("N=2,M=7,C=5,H=9,W=11,R=3", None),
    "padded": ("M=6,C=3,H=8,W=8,R=3,P=1", None),
    "stride": ("M=8,C=6,H=11,W=11,R=3,U=2,P=1", None),
    "groups": ("M=8,C=6,H=8,W=8,R=3,P=1,G=2", None),
    "depthwise": ("M=10,C=10,H=9,W=9,R=3,P=1,G=10", None),
    "depthwise, none merged": ("M=5,C=5,H=6,W=6,R=3,P=1,G=5", "m=1 n=1 e=4 p=1 q=1 r=1 t=1"),
    "vectors": ("M=37,C=50,H=1,W=3,R=1", None),
    "ragged": ("N=2,M=9,C=4,H=9,W=9,R=2", "m=9 n=3 e=3 f=3 p=3 q=2 r=2 t=1"),
    "sets side by side": ("M=16,C=2,H=6,W=6,R=3", "m=10 n=1 e=2 p=5 q=1 r=1 t=2"),
    "m groups": ("N=2,M=7,C=2,H=4,W=4,R=2,U=2", "m=4 n=1 e=2 p=4 q=1 r=1 t=1"),
}


def case(shape, seed, mapping=None, chip=CHIP, **options):
    """(layer, mapping, options of compile_int8)."""
    shape = LayerShape.parse(shape) if isinstance(shape, str) else shape
    layer = Int8Layer.of(shape, np.random.default_rng(seed), zeros=(0, 0.4, 0.9)[seed % 3])
    if mapping is None:
        return layer, find_mapping(lower(shape, chip), chip), options
    given = {name: int(value) for name, value in (item.split("=") for item in mapping.split())}
    return layer, Mapping(**given), options


def simulated(cases, chip=CHIP, **settings):
    """Results of cases, one after another in one simulation."""
    programs, expected, base = [], [], 0
    for layer, mapping, options in cases:
        programs.append(compile_int8(layer.shape, mapping, chip, layer.x, layer.weights, layer.bias, layer.formats,
                                     base=base, **options))
        base += len(programs[-1].dram)
        expected.append(conv_int8(layer.x, layer.weights, layer.bias, layer.shape, layer.formats))
    return simulate_programs(programs, expected, chip, Settings(max_cycles=2_000_000, **settings))


def assert_right(results):
    for result in results:
        assert result.match, (str(result.program.shape), result.verdict("layer"), result.program.mapping)
        check(result)


def of_list(*names):
    return [case(shape, seed, mapping, compress=(None, False, True)[seed % 3])
            for seed, (name, (shape, mapping)) in enumerate(LAYERS.items()) if not names or name in names]


def test_layers(need):
    need("verilator")
    assert_right(simulated(of_list()))


def test_layers_under_icarus(need):
    need("icarus")
    assert_right(simulated(of_list("pointwise", "depthwise, none merged", "m groups"), simulator="icarus"))


def test_layers_behind_axi(need):
    """Every channel of the bus stalls at random; run-length coded ifmaps and ofmaps, zero points, groups."""
    need("verilator")
    assert_right(simulated(of_list("pointwise", "padded", "groups", "ragged"), top="axi", stall_seed=5))


def test_random_layers(need):
    need("verilator")
    cases = []
    for seed in range(12):
        shape, options = random_layer(seed, most_macs=40_000)
        cases.append(case(shape, seed, compress=options["compress"]))
    assert_right(simulated(cases))


def test_stalling_dram(need):
    need("verilator")
    assert_right(simulated(of_list(), stall_seed=7))


@pytest.mark.parametrize("change", [
    {"zero_skip": True, "ifmap_bus_values": 8},
    {"psum_width": 24, "ifmap_bus_values": 1, "filter_bus_values": 2, "psum_bus_values": 1}], ids=str)
def test_other_chips(need, change):
    """PEs that skip zeros behind a wide bus; psums of 24 bits over narrow buses."""
    need("verilator")
    chip = replace(CHIP, **change)
    cases = [case(shape, seed, mapping, chip) for seed, (shape, mapping) in enumerate(LAYERS.values())]
    for result in simulated(cases, chip):
        assert result.match, (str(result.program.shape), result.verdict("layer"), result.program.mapping)
        if not chip.zero_skip:
            check(result)


def test_a_wrong_bias_is_noticed(need):
    """A bit of the bias of one filter, which changes no other filter's ofmap."""
    need("verilator")
    layer, mapping, options = case("N=2,M=6,C=4,H=12,W=12,R=3", 1)
    program = compile_int8(layer.shape, mapping, CHIP, layer.x, layer.weights, layer.bias, layer.formats, **options)
    expected = conv_int8(layer.x, layer.weights, layer.bias, layer.shape, layer.formats)
    wrong = layer.bias.copy()
    wrong[2] += 1 << 12
    broken = compile_int8(layer.shape, mapping, CHIP, layer.x, layer.weights, wrong, layer.formats, **options)
    result, = simulate_programs([replace(program, dram=broken.dram)], [expected], CHIP)
    places = np.flatnonzero((result.ofmap != expected).any(axis=(0, 2, 3)))
    assert places.tolist() == [2]


def test_layers_of_another_width_are_refused():
    layer, mapping, _ = case("M=4,C=2,H=6,W=6,R=3", 1)
    with pytest.raises(ValueError, match=r"^a layer of 8 bits needs a chip with data_width = 8; mini has 16$"):
        compile_int8(layer.shape, mapping, PRESETS["mini"], layer.x, layer.weights, layer.bias, layer.formats)
    with pytest.raises(ValueError, match=r"^a layer of 16 bits needs a chip with data_width = 16; mini-int8 has 8$"):
        compile_layer(layer.shape, mapping, CHIP, *random_tensors(layer.shape, seed=1))


def test_sums_beyond_the_psums_are_refused():
    layer, mapping, _ = case("M=4,C=20,H=6,W=6,R=3", 1)
    chip = replace(CHIP, psum_width=16)
    with pytest.raises(ValueError, match=r"^filter \d: its sums may need \d+ bits, the chip's psums have 16$"):
        compile_int8(layer.shape, mapping, chip, layer.x, layer.weights, layer.bias, layer.formats)
