"""PEArray: PE sets, the local network and the global ones together."""

from dataclasses import asdict

import pytest

from hw.array.array import PEArray
from hw.config import ChipConfig

CHIP = ChipConfig(rows=4, columns=3)


def test_array(bench):
    bench(PEArray(CHIP), "array", chip=asdict(CHIP))


@pytest.mark.parametrize("signal, expression, message", [
    ("pe.psum_spad__i__payload", "psums_gin__payload", "ofmaps: word"),
    ("pe_array.row_2__ln_out__readies", "{} & 3'h5", "ofmaps: word|words, then none"),
    ("multicast_controller_5.match", "enable & (tag[4:1] == id[4:1])", "ofmaps: word|words, then none"),
    ("pe_row.macs", "{} & 2'h1", "MACs"),
])
def test_broken_array(bench, signal, expression, message):
    bench.fails(PEArray(CHIP), "array", signal, expression, message, chip=asdict(CHIP),
                testcase="convolves/case=whole/idle=never/pressure=never")
