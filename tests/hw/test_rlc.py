"""The run-length codec in hardware."""

import pytest

from hw.paths.rlc import RlcDecoder, RlcEncoder


def test_decoder(bench, simulator):
    bench(RlcDecoder(), "rlc", simulator, testcase="decoder|raw")


def test_encoder(bench, simulator):
    bench(RlcEncoder(), "rlc", simulator, testcase="encoder|raw")


@pytest.mark.parametrize("signal, expression, message", [
    ("fits", "1'h1", "word .* is .*, not|then none"),
    ("active", "{} & ~o__valid", "a pair a cycle"),
])
def test_broken_decoder(bench, signal, expression, message):
    bench.fails(RlcDecoder(), "rlc", f"rlc_decoder.{signal}", expression, message, testcase="decoder_rate")


def test_decoder_that_does_not_gather_ahead(bench):
    bench.fails(RlcDecoder(), "rlc", "rlc_decoder.active", "{} & (~o__valid | o__ready)", "next word is there",
                testcase="decoder_keeps_up")


@pytest.mark.parametrize("signal, expression, message", [
    ("later", "1'h0", "word .* is .*, not|then none"),
    ("word_done", "{} | i__valid", "word .* is .*, not|then none"),
    ("running", "1'h1", "running after"),
])
def test_broken_encoder(bench, signal, expression, message):
    bench.fails(RlcEncoder(), "rlc", f"rlc_encoder.{signal}", expression, message, testcase="encoder_rate")
