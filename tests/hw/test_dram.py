"""The chip's side of DRAM."""

import pytest

from hw.dram.bursts import BurstArbiter, BurstReader, BurstWriter


def test_reader(bench, tiny):
    bench(BurstReader(tiny), "burst_reader")


@pytest.mark.parametrize("signal, expression, message", [
    ("bursts__valid", "running", "credit"),
    ("first", "base", "bursts|then none"),
    ("sent", "bursts__valid", "bursts|then none"),
])
def test_broken_reader(bench, tiny, signal, expression, message):
    bench.fails(BurstReader(tiny), "burst_reader", f"burst_reader.{signal}", expression, message,
                testcase="ragged/pressure=(never|some)/capacity=6")


def test_writer(bench, tiny):
    bench(BurstWriter(tiny), "burst_writer")


@pytest.mark.parametrize("signal, expression, message", [
    ("o__valid", "|queue__level", "words before their command"),
    ("empty", "1'h1", "empty"),
    ("sent", "bursts__valid", "valid withdrawn|words before their command"),
])
def test_broken_writer(bench, tiny, signal, expression, message):
    bench.fails(BurstWriter(tiny), "burst_writer", f"burst_writer.{signal}", expression, message,
                testcase="one_after|pressure=some")


def test_arbiter(bench):
    bench(BurstArbiter(), "burst_arbiter")


@pytest.mark.parametrize("signal, expression, message", [
    ("chosen", "bias__valid ? 2'h0 : {}", "starved"),
    ("load", "decided & owners__i__ready",
     "payload changed|commands"),
    ("bias_words__valid", "words__valid", "word .* is .*, not|none expected"),
    ("owners__o__ready", "words__valid & words__ready", "word .* is .*, not|then none|none expected"),
])
def test_broken_arbiter(bench, signal, expression, message):
    bench.fails(BurstArbiter(), "burst_arbiter", f"burst_arbiter.{signal}", expression, message,
                testcase="fair|stalls/idle=never/pressure=some")
