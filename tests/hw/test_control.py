"""The layer controller."""

import pytest

from hw.control import LayerController


def test_controller(bench, simulator):
    bench(LayerController(), "layer_controller", simulator)


@pytest.mark.parametrize("signal, expression, message", [
    ("settled", "1'h1", "glimpse"),
    ("flush", "busy & ~draining", "go"),
    ("ramp", "1'h0", "cause of"),
])
def test_broken(bench, signal, expression, message):
    bench.fails(LayerController(), "layer_controller", f"layer_controller.{signal}", expression, message)
