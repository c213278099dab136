"""The layer controller."""

import pytest

from hw.controller import LayerController


def test_controller(bench):
    bench(LayerController(3), "layer_controller")


@pytest.mark.parametrize("signal, expression, message, testcase", [
    ("settled", "1'h1", "glimpse", "glimpse"),
    ("flush", "busy & ~draining", "waits", "done"),
    ("go", "begins", "waits", "done"),
    ("ends", "{} & ~leftover", "ends|done", "leftover"),
    ("long_on_link", "1'h1", "slow link", "slow_link"),
    ("idle", "1'h0", "not stuck", "stuck"),
    ("ramp", "1'h0", "cause of", "cause"),
])
def test_broken(bench, signal, expression, message, testcase):
    bench.fails(LayerController(3), "layer_controller", f"layer_controller.{signal}", expression, message,
                testcase=testcase)
