"""Chips with other parameters than the paper's: filter and psum buses of fewer values than four."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.mapping.mapping import Mapping
from golden.layer import LayerShape
from golden.tensors import Tensors
from hw.config import PRESETS
from sim.chip.layer import simulate_layer
from tests.chip.layers import check, random_layer, run


def narrow(preset, values, fifo_depth=1):
    return replace(PRESETS[preset], name=f"{preset}-x{values}", filter_bus_values=values, psum_bus_values=values,
                   ifmap_fifo_depth=fifo_depth, psum_fifo_depth=fifo_depth)


CHIPS = {
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


@pytest.mark.parametrize("shift, ofmap, coded", [(0, "auto", False), (16, "auto", True), (0, "coded", True),
                                                 (16, "raw", False)])
def test_ofmaps_are_coded_where_that_is_smaller(need, shift, ofmap, coded):
    """After a ReLU: with a shift of 0 no value is zero, with one of 16 and negative biases all are."""
    need("verilator")
    shape = LayerShape.parse("M=8,C=2,H=6,W=24,R=1")
    ifmap, weights, bias = (np.ones(size, np.int16) for size in (shape.ifmap_shape, shape.weights_shape, shape.M))
    bias *= 1 if shift == 0 else -1
    mapping = Mapping(m=8, n=1, e=3, p=8, q=2, r=1, t=1)
    result = simulate_layer(shape, mapping, PRESETS["mini"], Tensors(ifmap, weights, bias), shift=shift, relu=True,
                            ofmap=ofmap)
    assert result.match
    raw_words = shape.M * shape.E * shape.F // 4
    assert result.program.jobs[0].fields["ofmap_raw"] == (not coded)
    words = result.counters["dram_ofmap"]
    if not coded:
        assert words == raw_words
    else:
        assert words < raw_words if shift else words > raw_words
