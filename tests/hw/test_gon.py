"""Gon and its X-buses."""

from dataclasses import asdict

import pytest

from hw.array.noc import Gon
from tests.hw.int8_chip import int8


def test_gon(bench, tiny):
    bench(Gon(tiny), "gon")


def test_gon_of_two_psums(bench, tiny):
    chip = int8(tiny, psum_width=24)
    bench(Gon(chip), "gon", chip=asdict(chip))


@pytest.mark.parametrize("signal, expression, message", [
    ("multicast_controller_4.match", "enable & (tag[2:0] == id[2:0])", "o: word|words are left"),
    ("gon.request__ready", "request__valid & out__i__ready", "words are left|o: word"),
    ("gon.x_bus_0__take", "held & out__i__ready", "latency|o: word"),
    ("x_bus_out_64_4.valid", "|pes__valids", "o: word"),
    ("x_bus_out_64_4.pes__readies", "{} & 4'h7", "o: word"),
])
def test_broken_gon(bench, tiny, signal, expression, message):
    bench.fails(Gon(tiny), "gon", signal, expression, message,
                testcase="collects/slow=some/idle=never/pressure=never")
