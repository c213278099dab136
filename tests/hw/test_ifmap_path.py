"""Ifmaps on their way from DRAM through the GLB to the GIN."""

from dataclasses import asdict, replace

import pytest

from hw.paths.ifmap import IfmapLoader, IfmapReader, IfmapSender
from hw.paths.wide_ifmap import IfmapAligner, WideIfmapSender
from tests.hw.guarded import Guarded
from tests.hw.int8_chip import int8


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


@pytest.mark.parametrize("values", [2, 4])
def test_wide_sender(bench, tiny, simulator, values):
    chip = replace(tiny, ifmap_bus_values=values)
    bench(WideIfmapSender(chip), "ifmap_sender", simulator, chip=asdict(chip))


@pytest.mark.parametrize("signal, expression, message", [
    ("ends_row", "{} & ~o__valid", "values|then none"),
    ("stored", "1'h1", "values|then none"),
    ("aligner__take", "produce", "values|then none"),
    ("aligner__drop", "1'h0", "values|words taken|then none"),
    ("q", "4'h0", "values|then none"),
    ("pass_ends", "1'h0", "passes"),
])
def test_broken_wide_sender(bench, tiny, signal, expression, message):
    chip = replace(tiny, ifmap_bus_values=4)
    bench.fails(WideIfmapSender(chip), "ifmap_sender", f"wide_ifmap_sender.{signal}", expression, message,
                testcase="full_rate", chip=asdict(chip))


def aligner(most, bits=16):
    return Guarded(IfmapAligner(most, bits), {"take": "available", "drop": "available"})


@pytest.mark.parametrize("most", [2, 4])
def test_aligner(bench, simulator, most):
    bench(aligner(most), "ifmap_aligner", simulator, most=most)


def test_aligner_of_8_bit_values(bench):
    bench(aligner(8, 8), "ifmap_aligner", most=8, bits=8)


def test_broken_aligner_of_8_bit_values(bench):
    bench.fails(aligner(8, 8), "ifmap_aligner", "ifmap_aligner_8.kept", "{} ^ {{i__payload[63], 55'h0}}",
                r"step \d+: .* not", most=8, bits=8, testcase=".*pressure=never")


@pytest.mark.parametrize("signal, expression, message", [
    ("more", "last > left", r"step \d+: .* not|step \d+ of"),
    ("left", "{} & ~{{2{{i__valid}}}}", r"step \d+: .* not|step \d+ of"),
    ("available", "i__valid", r"step \d+ of \d+, then none"),
    ("kept", "{} ^ {{i__payload[63], 47'h0}}", r"step \d+: .* not"),
    ("i__ready", "take", r"step \d+: .* not|words taken"),
])
def test_broken_aligner(bench, signal, expression, message):
    bench.fails(aligner(4), "ifmap_aligner", f"ifmap_aligner_4.{signal}", expression, message, most=4,
                testcase=".*pressure=never")


def test_reader(bench, tiny):
    bench(IfmapReader(tiny), "ifmap_reader")


@pytest.mark.parametrize("signal, expression, message", [
    ("ifmap_reader.starved", "1'h0", "starves"),
    ("prefetch.room", "{} & ~coming", "one word a cycle"),
    ("ring_80_variable.ready", "1'h1", "word .* is .*, not"),
    ("prefetch.room", "1'h1", "word .* is .*, not"),
    ("ifmap_reader.tile_ends", "{} & ~(ifmap_coded & read__data[5])", "coded=1"),
])
def test_broken_reader(bench, tiny, signal, expression, message):
    bench.fails(IfmapReader(tiny), "ifmap_reader", signal, expression, message)


def test_loader(bench, tiny):
    bench(IfmapLoader(tiny), "ifmap_loader")


@pytest.mark.parametrize("signal, expression, message", [
    ("malformed", "{} & ~i__payload[64]", "not told"),
    ("malformed", "{} & i__payload[64]", "not told"),
    ("running", "tiles__running", "running"),
    ("i__ready", "o__ready", "assert . == 0"),
])
def test_broken_loader(bench, tiny, signal, expression, message):
    bench.fails(IfmapLoader(tiny), "ifmap_loader", f"ifmap_loader.{signal}", expression, message,
                testcase="malformed_streams|pressure=some/raw=0")


@pytest.mark.parametrize("block, values", [(IfmapSender, 1), (WideIfmapSender, 4)])
def test_8_bit_sender(bench, tiny, block, values):
    chip = int8(tiny, ifmap_bus_values=values)
    bench(block(chip), "ifmap_sender", chip=asdict(chip))
