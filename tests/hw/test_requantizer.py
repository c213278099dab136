"""Requantization in hardware."""

import pytest

from hw.paths.requantize import Requantizer


def test_requantizer(bench, simulator):
    bench(Requantizer(2), "requantizer", simulator, lanes=2)


@pytest.mark.parametrize("signal, expression", [
    ("significand", "{} ^ 24'h1"), ("float_value", "{} | 25'h1"),
])
def test_broken(bench, signal, expression):
    bench.fails(Requantizer(2), "requantizer", f"requantizer_lane.{signal}", expression, "word .* is .*, not",
                testcase="all_zero_points", lanes=2)
