"""Ifmaps on their way from DRAM through the GLB to the GIN."""

import pytest

from hw.ifmap_path import IfmapLoader, IfmapReader, IfmapSender


def test_sender(bench, tiny, simulator):
    bench(IfmapSender(tiny), "ifmap_sender", simulator)


@pytest.mark.parametrize("signal, expression, message", [
    ("ends_row", "{} & ~o__valid", "values|then none"),
    ("stored", "1'h1", "values|then none"),
    ("base", "{} + 1'h1", "values|then none"),
    ("pass_ends", "1'h0", "passes"),
    ("i__ready", "{} | (tile_ends & produce)", "values|words taken|then none"),
])
def test_broken_sender(bench, tiny, signal, expression, message):
    bench.fails(IfmapSender(tiny), "ifmap_sender", f"ifmap_sender.{signal}", expression, message,
                testcase="full_rate")


def test_reader(bench, tiny):
    bench(IfmapReader(tiny), "ifmap_reader")


@pytest.mark.parametrize("signal, expression, message", [
    ("ifmap_reader.starved", "1'h0", "starves"),
    ("prefetch.room", "{} & ~coming", "one word a cycle"),
    ("ring_80_variable.ready", "1'h1", "word .* is .*, not"),
    ("prefetch.room", "1'h1", "word .* is .*, not"),
    ("ifmap_reader.stream_ends", "{} & ~read_data[5]", "coded=1"),
])
def test_broken_reader(bench, tiny, signal, expression, message):
    bench.fails(IfmapReader(tiny), "ifmap_reader", signal, expression, message)


def test_loader(bench, tiny):
    bench(IfmapLoader(tiny), "ifmap_loader")


@pytest.mark.parametrize("signal, expression, message", [
    ("malformed", "{} & ~i__payload[64]", "not told"),
    ("malformed", "{} & i__payload[64]", "not told"),
    ("running", "walker__running", "running"),
    ("i__ready", "o__ready", "assert . == 0"),
])
def test_broken_loader(bench, tiny, signal, expression, message):
    bench.fails(IfmapLoader(tiny), "ifmap_loader", f"ifmap_loader.{signal}", expression, message,
                testcase="malformed_streams|pressure=some/raw=0")
