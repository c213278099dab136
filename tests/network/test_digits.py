"""The trained digits network in the chip's integers, on all digits that it has never seen."""

import pytest

from compiler.onnx.file import load_model
from compiler.onnx.float_nodes import run_float
from compiler.onnx.graph import import_graph
from scripts.commands.network.digits import CALIBRATED
from scripts.examples.digits_data import HELD_OUT, load_digits
from scripts.examples.train_digits import MODEL
from tests.network.test_quantize import calibrate, in_integers, quantize, sqnr_db

pytestmark = pytest.mark.slow


def test_held_out_digits():
    data, model = load_digits(), load_model(MODEL)
    network, feeds = import_graph(model), {"image": data.held_out}
    seen, _ = calibrate(network, [{"image": data.train[:CALIBRATED]}])
    found, lost = in_integers(network, quantize(network, seen), feeds)
    exact = run_float(model, feeds)
    right, right_in_float = ((scores["scores"].argmax(axis=1) == data.held_out_labels).mean()
                             for scores in (found, exact))
    assert HELD_OUT == len(data.held_out) == 360
    assert right >= 0.97
    assert right >= right_in_float - 0.005
    assert sqnr_db(exact["scores"], found["scores"]) >= 40
    assert lost["overflowed"] == 0


def test_digits_are_told_apart_by_the_weights():
    """With the classes of another order the same count is near chance."""
    data, model = load_digits(), load_model(MODEL)
    scores = run_float(model, {"image": data.held_out})["scores"]
    assert (scores.argmax(axis=1) == (data.held_out_labels + 1) % 10).mean() < 0.1
