"""Gon and its X-buses."""

import pytest

from hw.noc import Gon


def test_gon(bench, tiny):
    bench(Gon(tiny), "gon")


@pytest.mark.parametrize("signal, expression, message", [
    ("multicast_controller_4.match", "enable & (tag[2:0] == id[2:0])", "o: word|words are left"),
    ("gon.take", "{} | (request__valid & space)", "o: word|dead"),
    ("gon.o__valid", "{} & ~space", "words, then none|o: word"),
    ("x_bus_out_4.valid", "{} & 1'h1 & ~take", "words, then none|latency"),
])
def test_broken_gon(bench, tiny, signal, expression, message):
    bench.fails(Gon(tiny), "gon", signal, expression, message,
                testcase="collects/slow=some/idle=never/pressure=never")
