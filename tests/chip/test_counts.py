"""What the counters say of a layer like AlexNet's CONV1, against the paper's way of counting."""

from math import ceil

import numpy as np
import pytest

from compiler.image import dram_image
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from tests.chip.layers import check, run

# CONV1's filters and stride, fewer of them and a smaller photograph; Table III's mapping but for m. With ofmap
# rows of 17 instead of 55 a pass is too short for its filters to come over a link of 60 MHz, hence a faster one.
SHAPE = LayerShape.parse("M=64,C=3,H=63,W=75,R=11,U=4")
MAPPING = dict(m=64, n=1, e=7, p=16, q=1, r=1, t=2)
ZEROS = 0.3


@pytest.fixture(scope="module")
def conv1():
    return run(SHAPE, " ".join(f"{name}={value}" for name, value in MAPPING.items()), chip="eyeriss", zeros=ZEROS,
               full_range=False, shift=4, compress=False, link_mhz=400)


@pytest.fixture(autouse=True)
def simulated(need):
    need("verilator")


def test_matches(conv1):
    check(conv1)
    assert conv1.as_dict()["active_pes"] == 154


def test_glb_bytes_are_table_vs(conv1):
    """Table V's formula: every psum is read and written once for each channel group.

    The chip does not read before the first one, where psums start from zero, but reads each ofmap once more
    on its way to DRAM: as many reads in all.
    """
    shape, mp = SHAPE, MAPPING
    sweeps = ceil(shape.C / (mp["q"] * mp["r"]))
    psum = 2 * shape.N * shape.M * shape.E * shape.F * sweeps
    strips = [min(mp["e"], shape.E - row) for row in range(0, shape.E, mp["e"])]
    strip_values = [((rows - 1) * shape.U + shape.R) * shape.W for rows in strips]
    transfers = shape.N * sweeps * mp["q"] * mp["r"] * ceil(shape.M / (mp["p"] * mp["t"]))
    counted = conv1.as_dict()["glb_bytes"]
    assert counted["psum_read"] == counted["psum_write"] == psum
    assert counted["ifmap"] == transfers * sum(8 * ceil(values / 4) for values in strip_values)  # whole words
    formula = transfers * sum(2 * values for values in strip_values)
    assert formula <= counted["ifmap"] <= 1.01 * formula


def test_dram_bytes_are_the_packed_tensors(conv1):
    counted, placement = conv1.as_dict()["dram_bytes"], conv1.program.jobs[0].placement
    ifmap, weights, bias = random_tensors(SHAPE, seed=1, zeros=ZEROS, shift=4)
    assert counted["ifmap"] == 8 * len(dram_image.pack_ifmaps(placement, ifmap, raw=True))
    strips = SHAPE.E // MAPPING["e"]  # weights and biases come again for every strip
    assert counted["filter"] == strips * 8 * sum(map(len, dram_image.pack_filters(placement, weights, raw=True)))
    assert counted["filter"] == strips * 2 * SHAPE.M * SHAPE.C * SHAPE.R * SHAPE.S
    assert counted["bias"] == strips * 2 * SHAPE.M
    assert counted["ofmap"] == 2 * SHAPE.N * SHAPE.M * SHAPE.E * SHAPE.F


def test_every_zero_is_gated(conv1):
    ifmap, weights, bias = random_tensors(SHAPE, seed=1, zeros=ZEROS, shift=4)
    zeros = conv_layer((ifmap == 0).astype(np.int16), np.ones_like(weights), np.zeros_like(bias), SHAPE)
    assert conv1.counters["gated_macs"] == zeros.sum()
    assert conv1.counters["macs"] == SHAPE.macs


def test_cycles(conv1):
    """One MAC a cycle in each of the 154 PEs, but for the first words of each pass on their way.

    The filter spad has room for 48 of the next pass's 176 weights while this pass needs its own; 968 words of
    64 bit have to come over the filter GIN, so that a pass ramps up for about 420 cycles.
    """
    cycles = conv1.as_dict()["cycles"]
    waits = sum(cycles[f"wait_{cause}"] for cause in ("ifmap", "filter", "ofmap"))
    assert cycles["total"] == cycles["mac"] + cycles["ramp"] + waits
    assert cycles["processing"] == cycles["mac"] + cycles["ramp"]
    bound = SHAPE.macs / 154
    assert bound < cycles["processing"] < bound + 500 * conv1.counters["passes"]
