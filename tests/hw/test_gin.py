"""Gin, its X-buses and multicast controllers."""

import pytest

from tests.hw.streamed_gin import StreamedGin


def test_gin(bench, tiny):
    bench(StreamedGin(tiny), "gin")


@pytest.mark.parametrize("signal, expression, message", [
    ("multicast_controller_5.match", "enable & (tag[3:0] == id[3:0])", "pe__.__.: word .*, none expected|not 0x"),
    ("x_bus_18_4x5.blocked", "1'h0", "pe__.__.: valid withdrawn"),
    ("x_bus_18_4x5.matched", "blocked", "unclaimed"),
    ("x_bus_18_4x5.pes__data", "{} & 18'h3fffe", "pe__.__.: word"),
    ("gin_18_5.i__ready", "1'h1", "pe__.__.: valid withdrawn"),
])
def test_broken_gin(bench, tiny, signal, expression, message):
    bench.fails(StreamedGin(tiny), "gin", signal, expression, message,
                testcase="multicasts/mapping=.*idle=never/pressure=burst")
