"""The fixed point that comes with the project: it is that of the trained network, which keeps its answers in it."""

import json

import numpy as np
import pytest
from PIL import Image

from compiler.onnx.file import load_model
from compiler.onnx.float_nodes import run_float
from compiler.onnx.graph import execute, import_graph
from compiler.onnx.quantize import calibrate, quantize, sqnr_db
from compiler.onnx.rounding import chip_shape
from golden.conv import conv_layer
from scripts.imagenet import formats
from scripts.imagenet.efficientnet import efficientnet, write_model
from scripts.imagenet.names import best, class_names, probabilities
from scripts.imagenet.photographs import as_input, crop, packaged, views
from scripts.imagenet.weights import SHA256, find_weights, load_weights


def test_formats_of_a_file_are_those_that_were_chosen(small, photos, tmp_path):
    squares = list(map(crop, photos))
    (tmp_path / "formats.json").write_text(json.dumps(formats.choose(small, squares)))
    found, ranges = formats.quantized(small, tmp_path / "formats.json")
    seen_as = [views(square) for square in squares]
    seen, expected = calibrate(small, [{"x": np.concatenate([as_input(one), as_input(two)])}
                                       for one, two in zip(*seen_as, strict=True)])
    assert ranges == expected
    for index, layer in quantize(small, seen).items():
        own = found[index]
        np.testing.assert_array_equal(own.weights, layer.weights)
        np.testing.assert_array_equal(own.bias, layer.bias)
        assert (own.ifmap_bits, own.weight_bits, own.ofmap_bits, own.shift) == (
            layer.ifmap_bits, layer.weight_bits, layer.ofmap_bits, layer.shift)


def test_views():
    """As seen, mirrored, and four quarters."""
    square = Image.fromarray(np.random.default_rng(2).integers(0, 256, (8, 8, 3)).astype(np.uint8))
    found = views(square)
    assert len(found) == 6 and all(view.size == (8, 8) for view in found)
    np.testing.assert_array_equal(np.asarray(found[1])[:, ::-1], np.asarray(square))
    quarter = square.crop((4, 0, 8, 4)).resize((8, 8), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(found[3], int) - np.asarray(quarter, int)).mean() < 20


@pytest.mark.slow
def test_the_trained_network(tmp_path):
    """In the model's integers a flower is a daisy, as it is in float."""
    write_model(efficientnet(load_weights(find_weights())), tmp_path / "model.onnx")
    model = load_model(tmp_path / "model.onnx")
    network = import_graph(model)
    table = json.loads(formats.FILE.read_text())
    assert table["weights"] == SHA256
    assert list(table["layers"]) == [layer.name for layer in network.layers]
    integers, ranges = formats.quantized(network)
    feeds = {"x": as_input(crop(packaged()["flower"]))}
    assert ranges["x"][0] <= feeds["x"].min() and feeds["x"].max() <= ranges["x"][1]

    def chip(layer, x):
        own, shape = integers[layer.index], chip_shape(layer, layer.shape(x.shape))
        tensors, saturated = own.tensors(layer.ifmap(x))
        assert not saturated
        ofmap = conv_layer(*tensors, shape, shift=own.shift, relu=layer.relu)
        return layer.output_tensor(own.real_ofmap(ofmap), x.shape).astype(x.dtype)

    scores, exact = execute(network, feeds, chip)["y"][0], run_float(model, feeds)["y"][0]
    assert sqnr_db(exact, scores) > 33
    assert best(scores)[0] == best(exact)[0] == 985
    assert set(best(scores)) == set(best(exact))
    assert class_names()[985] == "daisy"
    np.testing.assert_allclose(probabilities(scores), probabilities(exact), atol=0.01)
    assert probabilities(exact)[985] == pytest.approx(0.358, abs=0.001)
