"""Networks of the onnx package with random weights."""

import numpy as np
import onnx
from onnx import numpy_helper

from compiler.onnx.file import model_inputs
from compiler.onnx.float_nodes import run_float
from scripts.examples.random_weights import LIGHT, with_random_weights


def test_weights_are_random_and_shapes_the_same():
    light = onnx.load(LIGHT / "light_squeezenet.onnx")
    model = with_random_weights(light)
    given = {each.name: numpy_helper.to_array(each) for each in light.graph.initializer}
    made = {node.output[0]: tuple(given[node.input[0]]) for node in light.graph.node
            if node.op_type == "ConstantOfShape"}
    found = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    assert len(made) == 39
    for name, shape in made.items():
        assert found[name].shape == shape
        assert np.unique(found[name]).size > 0.99 * found[name].size
    assert [node.op_type for node in model.graph.node] == [
        node.op_type for node in light.graph.node if node.op_type != "ConstantOfShape"]
    (name, port), = model_inputs(model).items()
    scores, = run_float(model, {name: np.random.default_rng(1).normal(size=port.dims).astype(np.float32)}).values()
    assert scores.shape == (1, 1000, 1, 1) and np.unique(scores).size > 100  # many are 0 before the softmax
