"""Whole layers on the whole chip, random ones and those whose mapping is awkward."""

import pytest

from hw.config import ChipConfig
from tests.chip.layers import check, random_layer, run

# Icarus makes 10 cycles a second of the large chip and 90 of the small one, and shifting in the configuration
# takes it half a minute on the large one: few and short layers there.
SIMULATORS = ("verilator", "icarus")

# The chip behind AXI runs all layers of the small chip under Verilator, one under Icarus.
TOPS = (("chip", "verilator"), ("chip", "icarus"), ("axi", "verilator"))

# name -> shape, mapping; for the 12 x 14 chip
LARGE = {
    "ragged strips": ("M=8,C=3,H=9,W=9,R=3", "m=8 n=1 e=3 p=8 q=1 r=1 t=1"),
    "ragged spans": ("M=8,C=3,H=9,W=9,R=3", "m=8 n=1 e=7 f=4 p=8 q=2 r=1 t=1"),
    "ragged strips and spans, several tiles a pass": (
        "N=2,M=8,C=5,H=9,W=9,R=3,U=1", "m=8 n=3 e=3 f=4 p=8 q=2 r=1 t=1"),
    "several ifmaps a pass": ("N=3,M=8,C=4,H=6,W=7,R=3", "m=8 n=2 e=4 p=8 q=2 r=2 t=1"),
    "several ragged strips a pass": ("N=3,M=10,C=4,H=9,W=5,R=3", "m=10 n=5 e=3 p=5 q=2 r=1 t=2"),
    "filters in further rows": ("M=30,C=4,H=15,W=7,R=3", "m=30 n=1 e=13 p=8 q=2 r=1 t=4"),
    "filters side by side": ("M=24,C=4,H=6,W=7,R=3", "m=24 n=1 e=4 p=8 q=2 r=1 t=3"),
    "filters side by side and in further rows": ("M=24,C=4,H=9,W=7,R=3", "m=24 n=1 e=7 p=4 q=2 r=2 t=4"),
    "channels above one another": ("M=8,C=10,H=7,W=7,R=2", "m=8 n=1 e=6 p=8 q=2 r=4 t=1"),
    "p not a multiple of four": ("M=23,C=3,H=7,W=7,R=3", "m=12 n=1 e=5 p=6 q=1 r=2 t=2"),
    "p of one": ("M=3,C=3,H=7,W=7,R=3", "m=1 n=1 e=5 p=1 q=1 r=1 t=1"),
    "sets wider than the array": ("M=6,C=3,H=23,W=6,R=3", "m=6 n=1 e=21 p=6 q=2 r=1 t=1"),
    "sets of equal segments": ("M=20,C=3,H=22,W=5,R=3", "m=20 n=1 e=20 p=8 q=2 r=1 t=2"),
    "segments and ragged strips": ("M=6,C=4,H=23,W=6,R=3", "m=6 n=1 e=17 p=6 q=2 r=2 t=1"),
    "several m groups, the last one ragged": ("M=30,C=4,H=7,W=7,R=3", "m=16 n=1 e=5 p=4 q=2 r=1 t=2"),
    "stride and ragged strips": ("M=8,C=3,H=21,W=17,R=5,S=3,U=2,V=3", "m=8 n=1 e=4 f=2 p=8 q=2 r=1 t=1"),
    "stride of four": ("M=12,C=3,H=27,W=27,R=11,U=4", "m=12 n=1 e=3 p=6 q=1 r=1 t=2"),
    "R = 13, lowered": ("M=4,C=2,H=16,W=10,R=13,S=3", "auto"),
    "S = 14, lowered": ("M=4,C=2,H=7,W=17,R=3,S=14", "auto"),
    "dilation": ("M=6,C=2,H=9,W=9,R=3,D=2", "auto"),
    "two groups": ("M=12,C=6,H=7,W=7,R=3,P=1,G=2", "auto"),
    "depthwise": ("N=2,M=12,C=12,H=9,W=9,R=3,P=1,G=12", "auto"),
    "depthwise, filters of their own words": ("M=5,C=5,H=9,W=9,R=3,P=1,U=2,G=5", "m=1 n=2 e=3 p=1 q=1 r=1 t=1"),
    "merged groups, the last padded": ("M=10,C=15,H=7,W=7,R=3,P=1,G=5", "m=4 n=2 e=4 f=4 p=4 q=3 r=2 t=1 g=2"),
    "m groups of groups": ("M=16,C=6,H=7,W=7,R=3,P=1,G=2", "m=4 n=1 e=7 p=4 q=3 r=1 t=1"),
    "stride larger than the filter": ("M=6,C=3,H=9,W=9,R=1,S=2,U=2,V=4", "auto"),
    "one output": ("N=1,M=1,C=1,H=1,W=1,R=1", "auto"),
    "fully connected": ("M=10,C=6,H=3,W=4,R=3,S=4", "auto"),
}

# the same for the 6 x 5 chip
SMALL = {
    "ragged strips and spans, two tiles a pass": (
        "M=5,C=3,H=7,W=7,R=3", "m=5 n=2 e=3 f=3 p=5 q=2 r=1 t=1"),
    "segments": ("M=5,C=2,H=9,W=5,R=3", "m=5 n=1 e=7 p=5 q=2 r=1 t=1"),
    "filters in further rows": ("M=10,C=3,H=7,W=5,R=3", "m=10 n=1 e=5 p=5 q=2 r=1 t=2"),
    "filters side by side": ("M=8,C=4,H=4,W=6,R=3", "m=8 n=1 e=2 p=4 q=2 r=2 t=2"),
    "tiles as wide as can be": ("N=2,M=4,C=1,H=1,W=1027,R=1,S=5,V=2", "m=4 n=1 e=1 f=512 p=4 q=1 r=1 t=1"),
    "three blocks of ragged tiles, several filter groups": (
        "N=3,M=4,C=2,H=4,W=4,R=2", "m=4 n=4 e=2 f=2 p=2 q=1 r=1 t=1"),
    "depthwise": ("N=2,M=7,C=7,H=6,W=5,R=3,P=1,G=7", "auto"),
    "groups of several blocks": ("N=2,M=6,C=6,H=6,W=5,R=3,P=1,G=3", "m=2 n=1 e=3 f=3 p=2 q=1 r=1 t=1"),
    "m groups": ("N=2,M=7,C=2,H=4,W=4,R=2,U=2", "m=4 n=1 e=2 p=4 q=1 r=1 t=1"),
}


@pytest.mark.parametrize("seed", range(10))
def test_random_layer_on_the_large_chip(need, seed):
    need("verilator")
    shape, options = random_layer(seed, most_macs=150_000)
    check(run(shape, chip="eyeriss", **options))


@pytest.mark.parametrize("seed", [100, 107, 109])  # of 258, 195 and 305 cycles
def test_random_layer_on_the_large_chip_under_icarus(need, seed):
    need("icarus")
    shape, options = random_layer(seed, most_macs=1_500)
    check(run(shape, chip="eyeriss", simulator="icarus", **options))


@pytest.mark.parametrize("name", LARGE)
def test_mapping_on_the_large_chip(need, name):
    need("verilator")
    check(run(*LARGE[name], chip="eyeriss", relu=True))


@pytest.mark.parametrize("top, simulator", TOPS)
@pytest.mark.parametrize("seed", [200, 201, 204])
def test_random_layer_on_the_small_chip(need, top, simulator, seed):
    need(simulator)
    shape, options = random_layer(seed, most_macs=4_000)
    check(run(shape, simulator=simulator, top=top, **options))


@pytest.mark.parametrize("top, simulator", TOPS)
@pytest.mark.parametrize("name", SMALL)
def test_mapping_on_the_small_chip(need, top, name, simulator):
    need(simulator)
    check(run(*SMALL[name], simulator=simulator, top=top))


def test_axi_under_icarus(need):
    need("icarus")
    check(run(*SMALL["filters side by side"], simulator="icarus", top="axi"))


@pytest.mark.parametrize("seed", range(300, 308))
def test_stalling_dram(need, top, seed):
    need("verilator")
    shape, options = random_layer(seed, most_macs=40_000)
    check(run(shape, stall_seed=seed, top=top, **options))


@pytest.mark.parametrize("seed", range(400, 403))
def test_odd_chip(need, seed):
    """No field at its preset: 5 x 3 PEs, spads of 7, 45 and 9 words."""
    need("icarus")
    odd = ChipConfig(name="odd", rows=5, columns=3, ifmap_spad_words=7, filter_spad_words=45, psum_spad_words=9,
                     ifmap_fifo_depth=3, psum_fifo_depth=3, glb_banks=5, glb_bank_words=64, filter_bank_words=64,
                     bias_words=5, burst_words=8, core_mhz=100, link_mhz=130)
    shape, options = random_layer(seed, most_macs=3_000)
    check(run(shape, chip=odd, simulator="icarus", **options))


def test_both_simulators_take_the_same_cycles(need):
    for simulator in SIMULATORS:
        need(simulator)
    first, second = (run(*SMALL["segments"], simulator=simulator) for simulator in SIMULATORS)
    assert first.counters == second.counters
