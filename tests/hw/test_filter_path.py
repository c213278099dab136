"""Filters on their way from DRAM to the GIN."""

from dataclasses import asdict, replace

import pytest

from hw.paths.filter import FilterBuffer, FilterDecoder, FilterSender
from tests.hw.int8_chip import int8


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


@pytest.mark.parametrize("values", [1, 2])
def test_narrow_sender(bench, tiny, values):
    chip = replace(tiny, filter_bus_values=values)
    bench(FilterSender(chip), "filter_sender", chip=asdict(chip))


def test_broken_narrow_sender(bench, tiny):
    chip = replace(tiny, filter_bus_values=1)
    bench.fails(FilterSender(chip), "filter_sender", "filter_sender.pass_ends", "1'h0", "word .* is .*, not",
                chip=asdict(chip))


@pytest.mark.parametrize("signal, expression, message", [
    ("last_row", "1'h0", "word .* is .*, not"),
    ("produce", "i__valid", "payload changed|word .* is .*, not"),
])
def test_broken_sender(bench, tiny, signal, expression, message):
    bench.fails(FilterSender(tiny), "filter_sender", f"filter_sender.{signal}", expression, message)


@pytest.mark.parametrize("values", [1, 4, 8])
def test_8_bit_sender(bench, tiny, values):
    chip = int8(tiny, filter_bus_values=values)
    bench(FilterSender(chip), "filter_sender", chip=asdict(chip))


def test_decoder(bench, tiny):
    bench(FilterDecoder(tiny), "filter_decoder")


def test_8_bit_decoder(bench, tiny):
    chip = int8(tiny)
    bench(FilterDecoder(chip), "filter_decoder", chip=asdict(chip))


@pytest.mark.parametrize("signal, expression, message", [
    ("final_", "1'h0", "word .* is .*, not|then none"),
    ("used", "{} & fills", "word .* is .*, not|then none"),
    ("active", "{} & ~o__valid", "a word a cycle"),
])
def test_broken_decoder(bench, tiny, signal, expression, message):
    bench.fails(FilterDecoder(tiny), "filter_decoder", f"filter_decoder.{signal}", expression, message,
                testcase="rate")
