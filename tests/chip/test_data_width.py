"""Chips of 8-bit data: narrower spads and multipliers, the same sums."""

from dataclasses import replace

import pytest

from compiler.mapping import Mapping
from compiler.program import compile_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS
from tests.chip.layers import check, random_layer, run

CHIPS = {name: replace(PRESETS[name], name=f"{name}-8", data_width=8) for name in ("mini", "mini-skip")}


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(5))
def test_random_layer(chip, seed, need):
    need("verilator")
    shape, options = random_layer(seed, most_macs=40_000)
    result = run(shape, chip=CHIPS[chip], **options)
    assert result.match, (result.status, result.difference)
    if chip == "mini":
        check(result)


def test_values_that_do_not_fit_are_refused():
    shape = LayerShape.parse("M=4,C=2,H=6,W=6,R=3")
    tensors = random_tensors(shape, seed=1, full_range=True)
    with pytest.raises(ValueError, match=r"^ifmap must be within -128\.\.127 on chip mini-8, whose data_width is"):
        compile_layer(shape, Mapping(m=4, n=1, e=4, p=4, q=1, r=1, t=1), CHIPS["mini"], *tensors)
