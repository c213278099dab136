"""PsumSpad: accumulation, and the way out beside it."""

import pytest

from hw.array.spads import PsumSpad
from tests.hw.guarded import Guarded


def guarded(fifo_depth=2):
    return Guarded(PsumSpad(24, fifo_depth), {"reserve": "space"})


@pytest.mark.parametrize("fifo_depth", [1, 2, 3])
def test_psum_spad(bench, fifo_depth):
    bench(guarded(fifo_depth), "psum_spad", fifo_depth=fifo_depth)


@pytest.mark.parametrize("signal, expression, message", [
    ("psum_spad_24_2.word_ends", "lane == 2'h3", "o: word"),  # words run across positions
    ("psum_spad_24_2.draining", "{} & ~accumulate", "a psum a cycle|stopped"),
    ("psum_spad_24_2.reserved", "{} & 5'h0f", "o: word|stopped"),
    ("psum_spad_24_2.base", "5'h00", "o: word"),
])
def test_broken_psum_spad(bench, signal, expression, message):
    bench.fails(guarded(), "psum_spad", signal, expression, message, fifo_depth=2,
                testcase=".*case=(ragged|usual|one_step)/idle=never")
