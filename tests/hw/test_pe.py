"""PE: right, one MAC a cycle, and seen to fail when it is neither."""

from dataclasses import asdict, replace

import pytest

from hw.array.pe import PE
from hw.array.zero_skip import ZeroSkipPE
from sim.tools.find import available
from tests.hw.int8_chip import int8


def test_pe(bench, tiny, simulator):
    bench(PE(tiny), "pe", simulator)


@pytest.mark.parametrize("values", [1, 2])
def test_narrow_buses(bench, tiny, values):
    chip = narrow(tiny, values)
    bench(PE(chip), "pe", chip=asdict(chip), testcase="computes|takes")


@pytest.mark.parametrize("psum_width, values, zero_skip", [
    (16, 4, False), (24, 2, True), (32, 2, False), (32, 1, True), (32, 1, False)])
def test_8_bit_values(bench, tiny, psum_width, values, zero_skip):
    """Unsigned ifmaps, products added whole; sums of any width."""
    chip = int8(tiny, psum_width=psum_width, psum_bus_values=values, zero_skip=zero_skip)
    bench((ZeroSkipPE if zero_skip else PE)(chip), "pe", chip=asdict(chip), testcase="computes|takes")


def test_8_bit_values_a_cycle(bench, tiny):
    if not available("verilator"):
        pytest.skip("no verilator")
    chip = int8(tiny)
    bench(PE(chip), "pe", "verilator", chip=asdict(chip), testcase="computes|takes|one")


def test_8_bit_products_of_another_sign(bench, tiny):
    chip = int8(tiny)
    bench.fails(PE(chip), "pe", "pe.factor", "{} & 8'h7f", "psums_out: word", testcase="computes", chip=asdict(chip))


@pytest.mark.parametrize("signal, expression, message", [
    ("psum_spad_24_1x1.draining", "{} | (done != 5'h0)", "psums_out: word|words, then none"),
    ("queue_16x1.i__ready", "1'h1", "psums_out: word|words, then none"),
])
def test_broken_narrow_buses(bench, tiny, signal, expression, message):
    chip = narrow(tiny, 1)
    bench.fails(PE(chip), "pe", signal, expression, message, chip=asdict(chip),
                testcase="computes/.*idle=some/pressure=some")


def narrow(chip, values):
    return replace(chip, filter_bus_values=values, psum_bus_values=values, psum_fifo_depth=1)


@pytest.mark.parametrize("signal, expression, message", [
    ("pe.issue", "{} & ~psum_spad__accumulate", "stalls in"),
    ("pe.pass_ends", "row_ends", "stalls|psums_out"),  # weights are dead too early
    ("pe.gated", "1'h0", "0 MACs gated"),
    ("ring_12.releasing", "{} & ~rewind", "psums_out: word|words, then none"),
    ("queue_64x2.push", "{} & (i__payload[2:0] != 0)", "psums_out: word|words, then none"),
])
def test_broken_pe(bench, tiny, signal, expression, message):
    bench.fails(PE(tiny), "pe", signal, expression, message, testcase="one_mac_a_cycle/case=(few|pair)/")
