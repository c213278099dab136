"""Weights that lie run-length coded in DRAM and in the filter banks, an option of the chip."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.mapping.density import Density
from compiler.timeline.schedule import schedule
from hw.config import PRESETS
from tests.chip.layers import check, random_layer, run
from tests.chip.test_broken_chip import ENDS, corrupt, ends_badly
from tests.chip.test_int8 import case, simulated

CHIP = replace(PRESETS["mini"], name="mini-coded", coded_weights=True)
INT8 = replace(PRESETS["mini-int8"], name="mini-int8-coded", coded_weights=True)

# m groups of 2, 2 and 1 filter groups, two blocks, channel groups: streams of two lengths are read again
SHAPE = "N=2,M=20,C=8,H=13,W=14,R=3,P=1"
MAPPING = "m=8 n=9 e=5 f=6 p=4 q=2 r=2 t=1"
SHORT = "N=2,M=12,C=2,H=4,W=4,R=2", "m=4 n=1 e=3 p=4 q=1 r=1 t=1"  # three m groups, two blocks


def is_raw(result):
    return {job.fields["filter_raw"] for job in result.program.jobs}


@pytest.fixture
def verilator(need):
    need("verilator")


@pytest.mark.parametrize("weight_zeros, compress", [(0.0, None), (0.0, True), (0.6, None), (0.95, None), (1.0, True)])
def test_matches(weight_zeros, compress, verilator):
    result = run(SHAPE, MAPPING, chip=CHIP, weight_zeros=weight_zeros, compress=compress)
    check(result)
    assert is_raw(result) == {int(weight_zeros == 0 and compress is None)}


@pytest.mark.parametrize("seed", range(4))
def test_random_layer(seed, verilator):
    shape, options = random_layer(seed, most_macs=40_000)
    check(run(shape, chip=CHIP, weight_zeros=(0.5, 0.9)[seed % 2], **options))


@pytest.mark.parametrize("link_mhz, stall_seed", [(20, 1), (400, 2)])
def test_links(link_mhz, stall_seed, verilator):
    check(run(SHAPE, MAPPING, chip=CHIP, weight_zeros=0.7, link_mhz=link_mhz, stall_seed=stall_seed))


def test_fewer_words(verilator):
    """A third of the weights: 0.45 of the words by `Density.code`, and no other word or MAC more or less."""
    words = ("dram_filter", "glb_filter_writes", "glb_filter_reads")
    raw, coded = (run(SHAPE, MAPPING, chip=CHIP, weight_zeros=2 / 3, compress=compress).counters
                  for compress in (False, None))
    for name in words:
        assert 0.4 * raw[name] < coded[name] < 0.5 * raw[name]
    for name in ("noc_filters", "macs", "gated_macs", "passes", "dram_bias"):
        assert coded[name] == raw[name]


def test_groups(verilator):
    """A job of merged groups, whose m groups are of several lengths: padding and the zeros between groups."""
    result = run("M=10,C=10,H=9,W=9,R=3,P=1,G=10", "m=4 n=1 e=3 p=4 q=1 r=1 t=1 g=4", chip=CHIP)
    check(result)
    assert is_raw(result) == {0}


def test_axi(need):
    need("icarus")
    check(run(*SHORT, chip=CHIP, weight_zeros=0.7, top="axi", simulator="icarus"))


def test_8_bit_values(need):
    need("icarus")
    cases = []
    for seed, (shape, mapping) in enumerate((SHORT, ("M=6,C=6,H=6,W=6,R=3,P=1,G=6", None))):
        layer, found, options = case(shape, seed, mapping, INT8)
        weights = np.where(np.random.default_rng(seed).random(layer.weights.shape) < 0.7, 0, layer.weights)
        cases.append((replace(layer, weights=weights.astype(np.int8)), found, options))
    for result in simulated(cases, INT8, simulator="icarus"):
        assert result.match and is_raw(result) == {0}
        check(result)


def _stream_without_end(program):
    """The first m group's weights go on into the second's."""
    words, at = program.dram.copy(), program.jobs[0].fields["filter_base"]
    first = at + int(np.flatnonzero(words[at:] >> np.uint64(63))[0])
    words[first] &= ~np.uint64(1 << 63)
    words[first] ^= np.uint64(1 << 5)  # and one value more than there should be
    return replace(program, dram=words)


BROKEN = {
    "read as raw": lambda program: corrupt(program, "filter_raw", None, lambda raw: 1 - raw),
    "a group too short": lambda program: corrupt(program, "filter_last", None, lambda last: last - 1),
    "a flipped bit": _stream_without_end,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(verilator, name):
    ends_badly(run(*SHORT, chip=CHIP, weight_zeros=0.7, corrupt=BROKEN[name], **ENDS),
               {"done", "hang", "fault"})


@pytest.mark.parametrize("link_mhz, weight_zeros", [(60, 0.5), (60, 0.8), (200, 0.5)])
def test_cycles_are_the_timelines(verilator, link_mhz, weight_zeros):
    """Of vectors, which are bound by the link, or by the decoder and the filter bus."""
    result = run("M=64,C=512,H=1,W=1,R=1", chip=CHIP, weight_zeros=weight_zeros, link_mhz=link_mhz, compress=None)
    placement = result.program.jobs[0].placement
    cycles = schedule(placement, Density(0.75, 1.0, "raw", 1 - weight_zeros)).cycles
    assert cycles == pytest.approx(result.counters["cycles"], rel=0.02)
