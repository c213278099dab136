"""IfmapSpad, the ring of ifmaps and the zero buffer."""

import pytest

from hw.spads import IfmapSpad
from tests.hw.guarded import Guarded


def guarded():
    return Guarded(IfmapSpad(12, 4), {"step": "available"})


def test_ifmap_spad(bench):
    bench(guarded(), "ifmap_spad")


@pytest.mark.parametrize("signal, expression, message", [
    ("ifmap_spad_12_4.zero", "value == 16'h0001", r"step \d+: \(0, 0"),
    ("ifmap_spad_12_4.row_ends", "pass_ends", r"step \d+: "),
    ("ring_12.ready", "{} & (write[3:0] != 4'h5)", r"stopped after \d+ of \d+ steps"),
])
def test_broken_ifmap_spad(bench, signal, expression, message):
    bench.fails(guarded(), "ifmap_spad", signal, expression, message, testcase=".*case=conv1/idle=never")
