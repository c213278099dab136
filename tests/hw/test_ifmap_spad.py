"""IfmapSpad, the ring of ifmaps and the zero buffer."""

import pytest

from hw.array.spads import IfmapSpad
from tests.hw.guarded import Guarded


def guarded(values=1):
    return Guarded(IfmapSpad(12, 4, values), {"step": "available"})


@pytest.mark.parametrize("values", [1, 2, 4])
def test_ifmap_spad(bench, values):
    bench(guarded(values), "ifmap_spad", values=values)


@pytest.mark.parametrize("signal, expression, message", [
    ("ifmap_spad_12_4.zero", "value == 16'h0001", r"step \d+: \(0, 0"),
    ("ifmap_spad_12_4.row_ends", "pass_ends", r"step \d+: "),
    ("ring_12.ready", "{} & (write[3:0] != 4'h5)", r"stopped after \d+ of \d+ steps"),
])
def test_broken_ifmap_spad(bench, signal, expression, message):
    bench.fails(guarded(), "ifmap_spad", signal, expression, message, testcase=".*case=conv1/idle=never")


@pytest.mark.parametrize("signal, expression, message", [
    ("lane", "{} & 2'h1", r"step \d+: |stopped"),  # the same values again
    (r"o__payload\[16\]", "i__payload[64]", r"step \d+: "),  # the flag on all of a word's values
])
def test_broken_unpacker(bench, signal, expression, message):
    bench.fails(guarded(4), "ifmap_spad", rf"ifmap_unpacker_4.{signal}", expression, message, values=4,
                testcase=".*case=pointwise/idle=never")
