"""Tiles, the layer's loops walked ahead."""

import pytest

from hw.paths.walker import Tiles


def test_walker(bench, tiny):
    bench(Tiles(tiny), "walker")


@pytest.mark.parametrize("signal, expression, message", [
    ("sweep_ends", "last_tile", "tile 1 of .*'sweep_ends': True"),
    ("running", "{} | running", "running goes on"),
    ("last_group", "{} ^ (block == 1)", "tile .*'last_group'"),
    ("block_start", "here", "tile .*'ragged_span'"),
])
def test_broken_walker(bench, tiny, signal, expression, message):
    bench.fails(Tiles(tiny), "walker", f"layer_walker.{signal}", expression, message)
