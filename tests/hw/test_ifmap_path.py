"""Ifmaps on their way from DRAM through the GLB to the GIN."""

import pytest

from hw.ifmap_path import IfmapReader, IfmapSender


def test_sender(bench, tiny, simulator):
    bench(IfmapSender(tiny), "ifmap_sender", simulator)


@pytest.mark.parametrize("signal, expression, message", [
    ("final", "{} & ~o__valid", "values|then none"),
    ("stored", "1'h1", "values|then none"),
    ("base", "{} + 1'h1", "values|then none"),
    ("pass_ends", "1'h0", "passes"),
    ("i__ready", "{} | (tile_ends & produce)", "values|words taken|then none"),
])
def test_broken_sender(bench, tiny, signal, expression, message):
    bench.fails(IfmapSender(tiny), "ifmap_sender", f"ifmap_sender.{signal}", expression, message,
                testcase="full_rate")


def test_reader(bench, tiny, simulator):
    bench(IfmapReader(tiny), "ifmap_reader", simulator)


@pytest.mark.parametrize("signal, expression, message", [
    ("ifmap_reader.freed", "1'h0", "credit"),
    ("prefetch.room", "{} & ~coming", "one word a cycle"),
    ("ring_80_variable.ready", "1'h1", "word .* is .*, not"),
    ("prefetch.room", "1'h1", "word .* is .*, not"),
])
def test_broken_reader(bench, tiny, signal, expression, message):
    bench.fails(IfmapReader(tiny), "ifmap_reader", signal, expression, message)
