"""Filter and psum buses of fewer values than four: the same layers, counted in words of those buses."""

from dataclasses import replace

import pytest

from hw.config import PRESETS
from tests.chip.layers import check, random_layer, run


def narrow(preset, values, fifo_depth=1):
    return replace(PRESETS[preset], name=f"{preset}-x{values}", filter_bus_values=values, psum_bus_values=values,
                   ifmap_fifo_depth=fifo_depth, psum_fifo_depth=fifo_depth)


CHIPS = {
    "one": narrow("mini", 1), "one, deep FIFOs": narrow("mini", 1, 4), "two": narrow("mini", 2),
    "one, zeros skipped": narrow("mini-skip", 1),
    "psums only": replace(PRESETS["mini"], psum_bus_values=2),
    "filters only": replace(PRESETS["mini"], filter_bus_values=1),
}


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("seed", range(5))
def test_random_layer(chip, seed, need):
    need("verilator")
    shape, options = random_layer(seed, most_macs=40_000)
    result = run(shape, chip=CHIPS[chip], **options)
    if CHIPS[chip].zero_skip:
        assert result.match, (result.status, result.difference)
    else:
        check(result)


@pytest.mark.parametrize("mapping", [f"m={2 * p} n=1 e=3 p={p} q=1 r=1 t=2" for p in range(1, 9)])
def test_every_rest_of_a_word(mapping, need):
    need("verilator")
    check(run("M=16,C=2,H=6,W=6,R=3", mapping, chip=CHIPS["one"]))
