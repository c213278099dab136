"""The counters."""

import pytest

from hw.config.counters import COUNTERS, counter_index
from hw.counters import Counters


def test_counters(bench, tiny):
    assert [counter_index(name) for name in COUNTERS] == list(range(len(COUNTERS)))
    bench(Counters(tiny), "counters", names=list(COUNTERS))


@pytest.mark.parametrize("signal, expression, message", [
    ("count_glb_psum_reads_low", "{} & ~24'h40", "glb_psum_reads"),
    ("event_dram_bias", "{} ^ clearing", "dram_bias"),
    ("count_macs_high", "24'h0", "carry of macs"),
    ("carry_noc_ifmaps", "1'h0", "carry of noc_ifmaps"),
    ("flag_stuck_array", "1'h0", "stuck_array"),
])
def test_broken(bench, tiny, signal, expression, message):
    bench.fails(Counters(tiny), "counters", f"counters.{signal}", expression, message, names=list(COUNTERS))
