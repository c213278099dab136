"""PEArray: PE sets, the local network and the global ones together."""

from dataclasses import asdict

import pytest

from hw.array.array import PEArray
from hw.config import ChipConfig
from tests.hw.int8_chip import int8

CHIP = ChipConfig(rows=4, columns=3)


def test_array(bench):
    bench(PEArray(CHIP), "array", chip=asdict(CHIP))


@pytest.mark.parametrize("psum_width", [24, 32])
def test_8_bit_array(bench, psum_width):
    """Two psums to a word of the buses."""
    chip = int8(CHIP, filter_bus_values=8, psum_width=psum_width)
    bench(PEArray(chip), "array", chip=asdict(chip),
          testcase=None if psum_width == 24 else "convolves/.*idle=never/pressure=never")


@pytest.mark.parametrize("signal, expression, message", [
    ("pe.psum_spad__i__payload", "psums_gin__payload", "ofmaps: word"),
    ("pe_array.row_2__ln_out__readies", "{} & 3'h5", "ofmaps: word|words, then none"),
    ("multicast_controller_5.match", "enable & (tag[4:1] == id[4:1])", "ofmaps: word|words, then none"),
    ("pe_row.macs", "{} & 2'h1", "MACs"),
])
def test_broken_array(bench, signal, expression, message):
    bench.fails(PEArray(CHIP), "array", signal, expression, message, chip=asdict(CHIP),
                testcase="convolves/case=whole/idle=never/pressure=never")


def test_broken_8_bit_array(bench):
    """Sums that wrap at 16 bits."""
    chip = int8(CHIP, filter_bus_values=8)
    bench.fails(PEArray(chip), "array", "psum_spad_24_2x2_32bit.total", "{} & 32'h0000ffff", "ofmaps: word",
                chip=asdict(chip), testcase="convolves/case=whole/idle=never/pressure=never")
