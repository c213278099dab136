"""LayerWalker, the layer's loops."""

import pytest

from hw.walker import LayerWalker


def test_walker(bench, tiny):
    bench(LayerWalker(tiny), "walker")


@pytest.mark.parametrize("signal, expression, message", [
    ("sweep_ends", "last_tile", "tile 1 of .*'sweep_ends': True"),
    ("running", "{} | running", "running goes on"),
    ("last_group", "{} ^ (block == 1)", "tile .*'last_group'"),
    ("block_start", "here", "tile .*'ragged_span'"),
])
def test_broken_walker(bench, tiny, signal, expression, message):
    bench.fails(LayerWalker(tiny), "walker", f"layer_walker.{signal}", expression, message)
