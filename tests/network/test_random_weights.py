"""Networks with random weights: those of the onnx package, and MobileNet."""

import numpy as np
import onnx
from onnx import numpy_helper

from compiler.onnx.file import model_inputs
from compiler.onnx.float_nodes import run_float
from scripts.examples.mobilenet import build_mobilenet
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


def test_mobilenet_is_that_of_the_paper():
    """28 layers of 49.2 M MACs (Howard et al. 2017: 49 M); what comes out is of one scale, and all of it differs."""
    model = build_mobilenet()
    sizes = {each.name: [dim.dim_value for dim in each.type.tensor_type.shape.dim]
             for each in [*onnx.shape_inference.infer_shapes(model).graph.value_info, *model.graph.output]}
    weights = {each.name: numpy_helper.to_array(each).shape for each in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    assert len(layers) == 28
    assert sum(np.prod(weights[node.input[1]]) * np.prod(sizes[node.output[0]][2:], dtype=int)
               for node in layers) == 49_160_192
    x = np.random.default_rng(1).normal(size=(1, 3, 128, 128)).astype(np.float32)
    logits, = run_float(model, {"data": x}).values()
    assert logits.shape == (1, 1000) and np.unique(logits).size == 1000 and 0.1 < logits.std() < 10
