"""Tiles, the layer's loops walked ahead."""

import re

import pytest
from amaranth.lib import data

from hw.paths.walker import Tile, Tiles

SWEEP_ENDS, LAST_TILE, LAST_GROUP = (
    f"tile[{data.Layout.cast(Tile)[name].offset}]" for name in ("sweep_ends", "last_tile", "last_group"))


def test_walker(bench, tiny):
    bench(Tiles(tiny), "walker")


@pytest.mark.parametrize("signal, expression, message", [
    (re.escape(SWEEP_ENDS), LAST_TILE, "tile 1 of .*'sweep_ends': True"),
    ("running", "{} | running", "running goes on"),
    (re.escape(LAST_GROUP), "{} ^ (block == 1)", "tile .*'last_group'"),
    ("block_start", "here", "tile .*'ragged_span'"),
])
def test_broken_walker(bench, tiny, signal, expression, message):
    bench.fails(Tiles(tiny), "walker", f"layer_walker.{signal}", expression, message)
