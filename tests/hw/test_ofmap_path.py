"""Ofmaps on their way from the GLB to DRAM."""

import pytest

from hw.paths.ofmap import OfmapDrain


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
