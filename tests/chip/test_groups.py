"""Random depthwise and grouped layers, with the mappings that the search finds for them."""

import random

import pytest

from compiler.image.program import compile_layer
from compiler.mapping.lowering import lower
from compiler.mapping.search import find_mapping
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS
from sim.chip.programs import simulate_programs
from sim.chip.simulate import Settings
from tests.chip.layers import check

CHIP, LAYERS = PRESETS["mini"], 24


def grouped(chance):
    """A small layer of 2 to 40 groups, most of them of few filters."""
    G = chance.choice((2, 3, 4, 5, 6, 8, 9, 13, 40))
    M, C = chance.choice((1, 1, 1, 2, 3, 6)), chance.choice((1, 1, 2, 4))
    R, S = chance.randint(1, 5), chance.randint(1, 5)
    U, V, P, D = chance.choice((1, 1, 2)), chance.choice((1, 1, 2)), chance.randint(0, 2), chance.choice((1, 1, 1, 2))
    H, W = (max(1, D * (size - 1) + 1 - 2 * P) + chance.randint(0, 9) for size in (R, S))
    return LayerShape(N=chance.randint(1, 2), M=G * M, C=G * C, H=H, W=W, R=R, S=S, U=U, V=V, P=P, D=D, G=G)


@pytest.mark.parametrize("seed", range(2))
def test_random_groups(need, seed):
    need("verilator")
    chance = random.Random(seed)
    programs, expected, base = [], [], 0
    for index in range(LAYERS):
        shape, shift, relu = grouped(chance), chance.choice((0, 4, 16)), chance.random() < 0.5
        tensors = random_tensors(shape, seed=index, zeros=chance.choice((0, 0.5)), full_range=True)
        mapping = find_mapping(lower(shape, CHIP), CHIP)
        programs.append(compile_layer(shape, mapping, CHIP, *tensors, shift=shift, relu=relu, base=base))
        expected.append(conv_layer(*tensors, shape, shift=shift, relu=relu))
        base += len(programs[-1].dram)
    assert sum(len(program.jobs) == 1 for program in programs) > 0.9 * LAYERS
    assert sum(program.mapping.g > 1 for program in programs) > LAYERS / 4
    for result in simulate_programs(programs, expected, CHIP, Settings(stall_seed=seed)):
        check(result)
