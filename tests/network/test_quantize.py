"""Fixed point chosen from a calibration batch: nothing overflows on it, and the noise stays small."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.onnx.float_nodes import FloatConv, run_float
from compiler.onnx.graph import execute, import_graph
from compiler.onnx.quantize import calibrate, quantize, sqnr_db
from compiler.onnx.rounding import chip_shape, rounding_ifmap, rounding_loss, rounding_share
from golden.conv import conv_layer
from tests.network import models


def in_integers(network, quantized, feeds):
    """Outputs in the chip's integers, and how many ifmap values and sums did not fit."""
    run, lost = FloatConv(), {"saturated": 0, "overflowed": 0}

    def chip(layer, x):
        own, shape = quantized[layer.index], layer.shape(x.shape)
        tensors, saturated = own.tensors(layer.ifmap(x))
        assert max(np.abs(values.astype(int)).max() for values in (tensors.ifmap, tensors.weights)) <= 32767
        lost["saturated"] += saturated
        lost["overflowed"] += own.overflows(run(layer.ifmap(x), layer.filters(), layer.bias, shape))
        ofmap = conv_layer(*tensors, chip_shape(layer, shape), shift=own.shift, relu=layer.relu)
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
    shape = chip_shape(network.layers[0], network.layers[0].shape(feeds["x"].shape))
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


def one_layer(channels, kernel, *, size=14, pad=0, groups=1, seed=12, relu=False):
    """SQNR in dB of a convolution of 8 filters, calibrated with its own input."""
    model = models.conv((8, channels, kernel, kernel), data=("N", channels * groups, size, size), bias=False,
                        pads=4 * [pad], group=groups)
    network, x = import_graph(model), models.features(1, channels * groups, size, size, seed=seed)
    feeds = {"x": np.maximum(x, 0) if relu else x}
    quantized = quantize(network, calibrate(network, [feeds])[0])
    found, lost = in_integers(network, quantized, feeds)
    assert lost == {"saturated": 0, "overflowed": 0}
    return sqnr_db(models.in_float(network, feeds)["y"], found["y"])


@pytest.mark.parametrize("channels", [3, 8, 12, 17])
@pytest.mark.parametrize("kernel", [5, 7])
@pytest.mark.parametrize("relu", [False, True])
def test_padding_is_not_charged_for_rounding(channels, kernel, relu):
    """A padded layer is as good as one without padding, whether its channels are few, even or odd."""
    assert min(one_layer(channels, kernel, pad=pad, relu=relu) for pad in (kernel // 2, 0)) >= 53


def test_padded_depthwise_layers_are_charged_what_they_lose_on_average():
    assert one_layer(1, 7, size=7, pad=3, groups=8) >= 60


@pytest.mark.parametrize("shift", range(7))
def test_rounding_loss_over_all_products(shift):
    """What is dropped of the product of any number with any other, by its definition."""
    numbers = np.arange(1 << shift)
    dropped = numbers[:, None] * numbers % (1 << shift) / (1 << shift)
    np.testing.assert_allclose(rounding_loss(numbers, shift), dropped.mean(axis=1))
    if shift:
        np.testing.assert_allclose(rounding_share(numbers, shift), dropped.mean(axis=0) / dropped.mean())


@pytest.mark.parametrize("count", [1, 3])
def test_rounding_channels_hold_all_that_is_lost(count):
    ifmap = models.rng().integers(-127, 128, (2, 2, 17, 5, 7)).astype(np.int16)
    ifmap[0, 1, :, 2] = 0
    held = rounding_ifmap(ifmap, 7, count)
    assert held.shape == (2, 2, count, 5, 7)
    assert not held[0, 1, :, 2].any()
    given = (held.astype(int) * 64 >> 7).sum(axis=(2, 3, 4))
    lost = rounding_loss(ifmap, 7).sum(axis=(2, 3, 4))
    assert np.abs(given - lost).max() <= 0.5


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
