"""FilterSpad, the ring of weights."""

import pytest

from hw.array.spads import FilterSpad
from tests.hw.guarded import Guarded

# (words, positions) of passes in a spad of 12: two passes fit, none fits twice, one fills it, one word
PASSES = [(5, 3), (8, 2), (12, 2), (11, 1), (1, 3), (3, 1)]


def guarded():
    return Guarded(FilterSpad(12), {"step": "available", "read": "available"})


def test_filter_spad(bench):
    bench(guarded(), "filter_spad", passes=PASSES)


@pytest.mark.parametrize("signal, expression, message", [
    ("filter_spad_12.pass_filled", "1'h0", "weight|stopped"),  # the padding becomes weights
    ("filter_spad_12.i__ready", "~full", r"weight \d+: "),
    ("ring_12.ready", "1'h1", "weight"),
    ("ring_12.write_address", "{} & 4'h7", "weight"),
])
def test_broken_filter_spad(bench, signal, expression, message):
    bench.fails(guarded(), "filter_spad", signal, expression, message, passes=PASSES,
                testcase=".*idle=never/pressure=never")
