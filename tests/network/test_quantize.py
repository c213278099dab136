"""Fixed point chosen from a calibration batch: nothing overflows on it, and the noise stays small."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.graph import execute, import_graph
from compiler.host import FloatConv, run_float
from compiler.quantize import calibrate, chip_shape, quantize, sqnr_db
from golden.conv import conv_layer
from tests.network import models


def in_integers(network, quantized, feeds):
    """Outputs in the chip's integers, and how many ifmap values and sums did not fit."""
    run, lost = FloatConv(), {"saturated": 0, "overflowed": 0}

    def chip(layer, x):
        own, shape = quantized[layer.index], layer.shape(x.shape)
        tensors, saturated = own.tensors(layer.ifmap(x))
        lost["saturated"] += saturated
        lost["overflowed"] += own.overflows(run(layer.ifmap(x), layer.filters(), layer.bias, shape))
        ofmap = conv_layer(*tensors, chip_shape(shape), shift=own.shift, relu=layer.relu)
        return layer.output_tensor(own.real_ofmap(ofmap), x.shape).astype(x.dtype)

    return execute(network, feeds, chip), lost


def scaled(layer, factor):
    return replace(layer, weights=factor * layer.weights, bias=factor * layer.bias)


@pytest.mark.parametrize("block", [models.resnet_block, models.mobilenet_block])
def test_blocks(block):
    model, feeds = block(), {"x": models.features(4, 8, 8, 8)}
    network = import_graph(model)
    found, lost = in_integers(network, quantize(network, calibrate(network, [feeds])[0]), feeds)
    assert lost == {"saturated": 0, "overflowed": 0}
    assert sqnr_db(run_float(model, feeds)["y"], found["y"]) >= 50


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("weight", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("channels", [4, 40])
def test_any_scale_of_ifmap_and_weights(size, weight, channels):
    model = models.conv((6, channels, 3, 3), data=("N", channels, 9, 11), bias=False)
    network = import_graph(model)
    network.steps[0] = scaled(network.steps[0], weight)
    feeds = {"x": np.float32(size) * models.features(2, channels, 9, 11)}
    found, lost = in_integers(network, quantize(network, calibrate(network, [feeds])[0]), feeds)
    assert lost == {"saturated": 0, "overflowed": 0}
    assert sqnr_db(models.in_float(network, feeds)["y"], found["y"]) >= 50


def test_sums_fit_16_bits_before_they_wrap():
    """The integers' sums without the wrap: of the same products, in 64 bits."""
    network = import_graph(models.conv((6, 40, 1, 1), data=("N", 40, 9, 11)))
    feeds = {"x": models.features(2, 40, 9, 11)}
    own = quantize(network, calibrate(network, [feeds])[0])[0]
    tensors, _ = own.tensors(feeds["x"])
    products = tensors.weights[None, :, :, 0, 0, None, None].astype(np.int64) * tensors.ifmap[:, None]
    sums = (products >> own.shift).sum(axis=2) + own.bias.astype(np.int64)[:, None, None]
    assert np.abs(sums).max() <= 32767
    assert np.abs(sums).max() > 8192  # nor are bits left unused
    shape = chip_shape(network.layers[0].shape(feeds["x"].shape))
    np.testing.assert_array_equal(conv_layer(*tensors, shape, shift=own.shift), sums)


def test_the_rounding_channel_is_worth_its_work():
    network = import_graph(models.conv((6, 40, 3, 3), data=("N", 40, 9, 11)))
    feeds = {"x": np.maximum(models.features(2, 40, 9, 11), 0)}
    quantized = quantize(network, calibrate(network, [feeds])[0])
    own = quantized[0]
    assert own.weights.shape == (6, 41, 3, 3)
    without = own.weights.copy()
    without[:, -1] = 0
    exact = models.in_float(network, feeds)["y"]
    noise = [sqnr_db(exact, in_integers(network, {0: layer}, feeds)[0]["y"])
             for layer in (own, replace(own, weights=without))]
    assert noise[0] > noise[1] + 10


def test_input_beyond_the_calibrated_range_is_counted():
    network = import_graph(models.conv((6, 4, 3, 3)))
    feeds = {"x": models.features(1, 4, 9, 11)}
    quantized = quantize(network, calibrate(network, [feeds])[0])
    _, lost = in_integers(network, quantized, {"x": 10 * feeds["x"]})
    assert lost["saturated"] > 0
    assert lost["overflowed"] > 0


def test_an_ifmap_and_weights_of_zeros():
    network = import_graph(models.conv((6, 4, 3, 3), bias=False))
    network.steps[0] = scaled(network.steps[0], 0.0)
    feeds = {"x": np.zeros((1, 4, 9, 11), np.float32)}
    found, lost = in_integers(network, quantize(network, calibrate(network, [feeds])[0]), feeds)
    assert not found["y"].any()
    assert lost == {"saturated": 0, "overflowed": 0}


def test_sqnr():
    assert sqnr_db([1.0, 2.0], [1.0, 2.0]) == float("inf")
    assert sqnr_db([10.0, 0.0], [10.0, 1.0]) == pytest.approx(20)
