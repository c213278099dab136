"""Chips with other parameters than the paper's: 8-bit data, and filter and psum buses of fewer values than four."""

from dataclasses import replace

import pytest

from compiler.mapping import Mapping
from compiler.program import compile_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS
from tests.chip.layers import check, random_layer, run


def narrow(preset, values, fifo_depth=1):
    return replace(PRESETS[preset], name=f"{preset}-x{values}", filter_bus_values=values, psum_bus_values=values,
                   ifmap_fifo_depth=fifo_depth, psum_fifo_depth=fifo_depth)


CHIPS = {
    "8 bits": replace(PRESETS["mini"], name="mini-8", data_width=8),
    "8 bits, zeros skipped": replace(PRESETS["mini-skip"], name="mini-skip-8", data_width=8),
    "buses of one": narrow("mini", 1), "buses of one, deep FIFOs": narrow("mini", 1, 4),
    "buses of one, zeros skipped": narrow("mini-skip", 1), "buses of two": narrow("mini", 2),
    "psum bus of two": replace(PRESETS["mini"], psum_bus_values=2),
    "filter bus of one": replace(PRESETS["mini"], filter_bus_values=1),
}


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(5))
def test_random_layer(chip, seed, need):
    need("verilator")
    shape, options = random_layer(seed, most_macs=40_000)
    result = run(shape, chip=CHIPS[chip], **options)
    assert result.match, (result.status, result.difference)
    if not CHIPS[chip].zero_skip:
        check(result)


@pytest.mark.parametrize("p", range(1, 9))
def test_every_rest_of_a_bus_word(p, need):
    need("verilator")
    check(run("M=16,C=2,H=6,W=6,R=3", f"m={2 * p} n=1 e=3 p={p} q=1 r=1 t=2", chip=CHIPS["buses of one"]))


def test_values_that_do_not_fit_are_refused():
    shape = LayerShape.parse("M=4,C=2,H=6,W=6,R=3")
    tensors = random_tensors(shape, seed=1, full_range=True)
    with pytest.raises(ValueError, match=r"^ifmap must be within -128\.\.127 on chip mini-8, whose data_width is"):
        compile_layer(shape, Mapping(m=4, n=1, e=4, p=4, q=1, r=1, t=1), CHIPS["8 bits"], *tensors)
