"""Ofmaps on their way from the GLB to DRAM."""

from dataclasses import asdict

import pytest

from hw.paths.int8_ofmap import Int8OfmapDrain
from hw.paths.ofmap import OfmapDrain
from tests.hw.int8_chip import int8


def test_drain(bench, tiny, simulator):
    bench(OfmapDrain(tiny), "ofmap_drain", simulator)


@pytest.mark.parametrize("signal, expression, message", [
    ("ofmap_drain.last_set", "last_j", "o: .* words, then none"),
    ("ofmap_drain.ending", "1'h0", "words out"),
    ("ofmap_drain.flowing", "1'h1", "payload changed|words out|then none"),
    ("ofmap_drain.bias_table__address", "{} & 6'h1", "words out"),
    ("ofmap_drain.running", "tiles__running", "running"),
    ("tokens_80.any", "1'h1", "read before it was finished"),
])
def test_broken(bench, tiny, signal, expression, message):
    bench.fails(OfmapDrain(tiny), "ofmap_drain", signal, expression, message,
                testcase="full_rate|layer=full|pressure=some/rate=0.3")


def test_int8_drain(bench, tiny, simulator):
    chip = int8(tiny)
    bench(Int8OfmapDrain(chip), "ofmap_drain", simulator, chip=asdict(chip))


@pytest.mark.parametrize("psum_width", [16, 24])
def test_int8_drain_of_narrow_psums(bench, tiny, psum_width):
    """Four psums of 16 bits in a word, and four memories; two of 24 bits."""
    chip = int8(tiny, psum_width=psum_width)
    bench(Int8OfmapDrain(chip), "ofmap_drain", chip=asdict(chip), testcase="full_rate|one_after")


@pytest.mark.parametrize("signal, expression, message", [
    ("ofmap_packer.whole", "1'h1", "words out|words, then none"),
    ("ofmap_packer.whole", "part == 2'h3", "words out|words, then none|running"),
    ("int8_ofmap_drain.running", "tiles__running", "running"),
])
def test_broken_int8_drain(bench, tiny, signal, expression, message):
    chip = int8(tiny)
    bench.fails(Int8OfmapDrain(chip), "ofmap_drain", signal, expression, message, chip=asdict(chip),
                testcase="full_rate|layer=full")
