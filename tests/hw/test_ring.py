"""Ring, fixed and with a variable number of words."""

import pytest

from hw.kit.ring import Ring
from tests.hw.guarded import Guarded


def guarded(depth, **keywords):
    return Guarded(Ring(depth, **keywords), {"push": "ready", "step": "available"})


@pytest.mark.parametrize("depth", [2, 5, 8])
def test_ring(bench, depth):
    bench(guarded(depth), "ring", limit=depth)


@pytest.mark.parametrize("limit", [1, 4, 7, 9])
def test_variable_ring(bench, limit):
    bench(guarded(9, variable=True), "ring", limit=limit)


@pytest.mark.parametrize("signal, expression, message", [
    ("ready", "{} | (write[2:0] == 3'h0)", "ready|read_address"),
    ("releasing", "step & rewind", "ready"),
    ("read_address", "{0} == 3 ? 0 : {0}", "read_address"),
    ("available", "{} & (read[2:0] != 3'h4)", "available"),
])
def test_broken_ring(bench, signal, expression, message):
    bench.fails(guarded(5), "ring", f"ring_5.{signal}", expression, message, limit=5)
