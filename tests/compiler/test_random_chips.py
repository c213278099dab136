"""Chips and layers drawn at random: a mapping is found that compiles, or one line says why there is none.

`EYERISS_RANDOM_CHIPS` asks for more chips than a dozen; each gets three layers.
"""

import os
import random
import re

import numpy as np
import pytest

from compiler.image.program import compile_int8, compile_layer
from compiler.mapping.density import Density
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import CodeTooLong, MappingError
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping
from golden.tensors import random_tensors
from tests.compiler.random_chips import random_chip, random_shape
from tests.golden.int8_layers import Int8Layer

pytestmark = pytest.mark.slow

CHIPS = int(os.environ.get("EYERISS_RANDOM_CHIPS", "12"))


def outcome(shape, chip, seed, coded):
    """How far a layer gets: "refused" by the mapper, or "compiled"; anything else is raised."""
    zeros = (0.0, 0.5, 0.9)[seed % 3]
    native = lower(shape, chip)
    try:
        mapping = find_mapping(native, chip, density=Density(1 - zeros, 1.0), coded=coded)
    except MappingError as error:
        assert str(error).startswith("no mapping fits: ") and "\n" not in str(error)
        assert "_" not in str(error), "no name of a field"
        return "refused"
    assert Placement(native, mapping, chip).mapping == mapping
    try:
        program = compiled(shape, mapping, chip, seed, zeros)
    except CodeTooLong:
        return outcome(shape, chip, seed, coded=False)
    except ValueError as error:
        reason = rf"filter \d+: its sums may need \d+ bits, the chip's psums have {chip.psum_width}"
        assert re.fullmatch(reason, str(error))
        return "refused"
    assert program.covered().all()
    return "compiled"


def compiled(shape, mapping, chip, seed, zeros):
    if chip.data_width == 16:
        return compile_layer(shape, mapping, chip, *random_tensors(shape, seed=seed, zeros=zeros, full_range=True))
    layer = Int8Layer.of(shape, np.random.default_rng(seed), zeros=zeros)
    return compile_int8(shape, mapping, chip, layer.x, layer.weights, layer.bias, layer.formats)


@pytest.mark.parametrize("seed", range(CHIPS))
def test_a_layer_compiles_or_the_mapper_says_why_not(seed):
    chance = random.Random(seed)
    chip, refusal = random_chip(chance)
    while chip is None:
        assert "\n" not in refusal
        chip, refusal = random_chip(chance)
    for _ in range(3):
        outcome(random_shape(chance), chip, chance.getrandbits(16), coded=chance.random() < 0.5)
