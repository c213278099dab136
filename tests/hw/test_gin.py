"""Gin, its X-buses and multicast controllers."""

import pytest

from tests.hw.streamed_gin import StreamedGin


def test_gin(bench, tiny):
    bench(StreamedGin(tiny), "gin")


@pytest.mark.parametrize("signal, expression, message", [
    ("multicast_controller_5.match", "enable & (tag[3:0] == id[3:0])", "pe_._.: word .*, none expected|not 0x"),
    ("x_bus_16_4x5.blocked", "1'h0", "pe_._.: valid withdrawn"),
    ("x_bus_16_4x5.matched", "blocked", "unclaimed"),
    ("x_bus_16_4x5.data", "{} & 16'hfffe", "pe_._.: word"),
    ("gin_16_5.i__ready", "1'h1", "pe_._.: valid withdrawn"),
])
def test_broken_gin(bench, tiny, signal, expression, message):
    bench.fails(StreamedGin(tiny), "gin", signal, expression, message,
                testcase="multicasts/mapping=.*idle=never/pressure=burst")
