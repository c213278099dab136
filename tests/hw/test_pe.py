"""PE: right, one MAC a cycle, and seen to fail when it is neither."""

import pytest

from hw.pe import PE


def test_pe(bench, tiny, simulator):
    bench(PE(tiny), "pe", simulator)


@pytest.mark.parametrize("signal, expression, message", [
    ("pe.issue", "{} & ~psum_spad__accumulate", "stalls in"),
    ("pe.pass_ends", "row_ends", "stalls|psums_out"),  # weights are dead too early
    ("pe.gated", "1'h0", "0 MACs gated"),
    ("ring_12.releasing", "{} & ~rewind", "psums_out: word|words, then none"),
    ("queue_64x2.push", "{} & (i__payload[2:0] != 0)", "psums_out: word|words, then none"),
])
def test_broken_pe(bench, tiny, signal, expression, message):
    bench.fails(PE(tiny), "pe", signal, expression, message, testcase="one_mac_a_cycle/case=(few|pair)/")
