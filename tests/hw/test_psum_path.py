"""Psums on their way between the GLB and the array."""

from dataclasses import asdict, replace

import pytest

from hw.paths.psum import PsumCollector, PsumReader, PsumSender
from tests.hw.int8_chip import int8


def test_reader(bench, tiny):
    bench(PsumReader(tiny), "psum_reader")


@pytest.mark.parametrize("signal, expression, message", [
    ("tokens_80.any", "1'h1", "read before it was written"),
    ("psum_pointer.base", "{} + 4'h8", "order of reading"),
    ("prefetch.room", "{} & ~coming", "one word a cycle"),
])
def test_broken_reader(bench, tiny, signal, expression, message):
    bench.fails(PsumReader(tiny), "psum_reader", signal, expression, message, testcase="full_rate|rate=0.4")


def test_sender(bench, tiny):
    bench(PsumSender(tiny), "psum_sender")


@pytest.mark.parametrize("signal, expression, message", [
    ("psum_sender.stored", "walk__stored", "o: .* words, then none"),
    ("psum_walk.stored", "1'h1", "o: .* words, then none"),
    ("psum_sender.produce", "{} & ~o__valid", "one word a cycle"),
])
def test_broken_sender(bench, tiny, signal, expression, message):
    bench.fails(PsumSender(tiny), "psum_sender", signal, expression, message, testcase="full_rate")


@pytest.mark.parametrize("values", [1, 2])
@pytest.mark.parametrize("block, name", [(PsumSender, "psum_sender"), (PsumCollector, "psum_collector")])
def test_narrow_buses(bench, tiny, block, name, values):
    chip = replace(tiny, psum_bus_values=values)
    bench(block(chip), name, chip=asdict(chip), testcase="stalls|full_rate|one_after")


@pytest.mark.parametrize("block, name, signal, expression, message", [
    (PsumSender, "psum_sender", "psum_walk.part_ends", "part == 2'h3", "o: .* words, then none|words sent"),
    (PsumCollector, "psum_collector", "psum_collector.before_", "{} & 64'hffff", "word at"),
])
def test_broken_narrow_buses(bench, tiny, block, name, signal, expression, message):
    chip = replace(tiny, psum_bus_values=1)
    bench.fails(block(chip), name, signal, expression, message, chip=asdict(chip), testcase="full_rate")


def test_collector(bench, tiny, simulator):
    bench(PsumCollector(tiny), "psum_collector", simulator)


@pytest.mark.parametrize("signal, expression, message", [
    ("psum_collector.blocked", "1'h0", "ofmap at .* overwritten"),
    ("psum_collector.written", "1'h0", "tokens of psums"),
    ("psum_collector.finished", "wrote", "tokens of ofmaps"),
    ("psum_collector.writes__i__valid", "i__valid & notes__o__valid", "write .* at"),
    ("psum_collector.running", "1'h1", "running"),
    ("psum_pointer.base", "{} + 1'h1", "write .* at"),
])
def test_broken_collector(bench, tiny, signal, expression, message):
    bench.fails(PsumCollector(tiny), "psum_collector", signal, expression, message,
                testcase="full_rate.*full|slow.*full")


@pytest.mark.parametrize("values", [1, 2])
@pytest.mark.parametrize("block, name", [(PsumSender, "psum_sender"), (PsumCollector, "psum_collector")])
def test_psums_of_32_bits(bench, tiny, block, name, values):
    chip = int8(tiny, psum_bus_values=values)
    bench(block(chip), name, chip=asdict(chip), testcase="stalls|full_rate|one_after")
