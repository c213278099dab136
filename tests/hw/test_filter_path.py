"""Filters on their way from DRAM to the GIN."""

import pytest

from hw.filter_path import FilterBuffer, FilterSender


def test_buffer(bench, tiny):
    bench(FilterBuffer(tiny), "filter_buffer")


@pytest.mark.parametrize("signal, expression, message", [
    ("filter_buffer.i__ready", "i__valid & (level != 6'h20)", "word .* is .*, not"),
    ("filter_buffer.odd", "head[0] ^ {}", "word .* is .*, not"),
    ("filter_buffer.level", "{} & 6'h1f", "capacity"),
    ("prefetch.room", "{} & ~coming", "one word a cycle"),
])
def test_broken_buffer(bench, tiny, signal, expression, message):
    bench.fails(FilterBuffer(tiny), "filter_buffer", signal, expression, message, testcase="fills|=never|=some")


def test_sender(bench, tiny):
    bench(FilterSender(tiny), "filter_sender")


@pytest.mark.parametrize("signal, expression, message", [
    ("last_row", "1'h0", "word .* is .*, not"),
    ("produce", "i__valid", "payload changed|word .* is .*, not"),
])
def test_broken_sender(bench, tiny, signal, expression, message):
    bench.fails(FilterSender(tiny), "filter_sender", f"filter_sender.{signal}", expression, message)
