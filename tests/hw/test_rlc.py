"""The run-length codec in hardware."""

from dataclasses import asdict

import pytest

from hw.paths.rlc import RlcDecoder, RlcEncoder
from tests.hw.conftest import TINY
from tests.hw.int8_chip import int8


def test_decoder(bench, simulator):
    bench(RlcDecoder(TINY), "rlc", simulator, testcase="decoder|raw")


def test_encoder(bench, simulator):
    bench(RlcEncoder(TINY), "rlc", simulator, testcase="encoder|raw")


@pytest.mark.parametrize("block, testcase", [(RlcDecoder, "decoder|raw"), (RlcEncoder, "encoder|raw")])
def test_8_bit_values(bench, simulator, block, testcase):
    chip = int8(TINY)
    bench(block(chip), "rlc", simulator, chip=asdict(chip), testcase=testcase)


@pytest.mark.parametrize("signal, expression, message", [
    ("fits", "1'h1", "word .* is .*, not|then none"),
    ("active", "{} & ~o__valid", "a pair a cycle"),
])
def test_broken_decoder(bench, signal, expression, message):
    bench.fails(RlcDecoder(TINY), "rlc", f"rlc_decoder.{signal}", expression, message, testcase="decoder_rate")


def test_decoder_that_does_not_gather_ahead(bench):
    bench.fails(RlcDecoder(TINY), "rlc", "rlc_decoder.active", "{} & (~o__valid | o__ready)", "next word is there",
                testcase="decoder_keeps_up")


@pytest.mark.parametrize("signal, expression, message", [
    ("later", "1'h0", "word .* is .*, not|then none"),
    ("word_done", "{} | i__valid", "word .* is .*, not|then none"),
    ("running", "1'h1", "running after"),
])
def test_broken_encoder(bench, signal, expression, message):
    bench.fails(RlcEncoder(TINY), "rlc", f"rlc_encoder.{signal}", expression, message, testcase="encoder_rate")
