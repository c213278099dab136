"""8-bit layers against onnxruntime's kernels, and against arithmetic of exact numbers.

EYERISS_RANDOM_INT8_LAYERS says how many random layers; 300 by default.
"""

import os
import re
from fractions import Fraction

import numpy as np
import pytest
from onnx import helper

from golden.int8 import Format, conv_int8, requantize, sums_int8
from golden.int8_host import add_int8, average_int8, concat_int8, global_average_int8
from golden.layer import LayerShape
from tests.golden.int8_layers import Int8Layer, format_feeds, ort_conv, ort_run, random_format, saturates

COUNT = int(os.environ.get("EYERISS_RANDOM_INT8_LAYERS", 300))


def computed(layer):
    return conv_int8(layer.ifmap, layer.weights, layer.bias, layer.shape, layer.formats)


@pytest.fixture(scope="module")
def layers():
    most_weight = 63 if saturates() else 127
    return [Int8Layer.random(seed, most_weight=most_weight) for seed in range(COUNT)]


def test_random_layers_equal_onnxruntime(layers):
    for seed, layer in enumerate(layers):
        np.testing.assert_array_equal(computed(layer), ort_conv(layer), err_msg=f"seed {seed}: {layer.shape}")


def test_random_layers_use_their_range(layers):
    """Outputs saturate on both sides, most do not, and many lie half way between two integers."""
    low = high = ties = total = 0
    for layer in layers[:100]:
        y, form = computed(layer), layer.formats.ofmap
        sums = sums_int8(layer.ifmap, layer.weights, layer.bias, layer.shape, layer.formats.ifmap)
        factor = layer.formats.factors
        ties += np.count_nonzero(sums * factor[:, None, None].astype(float) % 1 == 0.5)
        low, high, total = low + (y == form.least).sum(), high + (y == form.most).sum(), total + y.size
    assert 0.01 * total < low < 0.4 * total
    assert 0.01 * total < high < 0.4 * total
    assert ties > 0.001 * total


@pytest.mark.parametrize("wrong", [
    lambda sums, factor, form: np.floor(sums * factor + 0.5) + form.zero,  # half up
    lambda sums, factor, form: np.rint(sums * factor + form.zero),  # an odd zero turns ties
    lambda sums, factor, form: np.trunc(sums * factor) + form.zero,
])
def test_another_rounding_is_noticed(layers, wrong):
    differs = 0
    for layer in layers[:100]:
        form = layer.formats.ofmap
        sums = sums_int8(layer.ifmap, layer.weights, layer.bias, layer.shape, layer.formats.ifmap).astype(np.float32)
        factor = layer.formats.factors[:, None, None]
        differs += np.count_nonzero(np.clip(wrong(sums, factor, form), form.least, form.most) != ort_conv(layer))
    assert differs


def float32(value):
    """The float32 nearest to a Fraction, ties to the even one, by integers alone."""
    if value < 0:
        return -float32(-value)
    if value == 0:
        return Fraction(0)
    unit = Fraction(1)
    while value / unit >= 2 ** 24:
        unit *= 2
    while value / unit < 2 ** 23:
        unit /= 2
    return round(value / unit) * unit


def test_requantization_by_fractions():
    """Sums of all sizes with factors of all sizes, by exact numbers that are rounded where float32 rounds."""
    chance = np.random.default_rng(1)
    sums = (chance.integers(-1 << 31, 1 << 31, (1, 500, 1, 4)) >> chance.integers(0, 31, (1, 500, 1, 4)))
    sums = sums.astype(np.int32)
    factor = (chance.uniform(64, 512, 500) / np.abs(sums).max(axis=(0, 2, 3)).clip(1)).astype(np.float32)
    form = Format(np.float32(1), 7, signed=True)
    expected = [[min(127, max(-128, round(float32(float32(Fraction(int(value))) * Fraction(float(k)))) + 7))
                 for value in row] for row, k in zip(sums[0, :, 0], factor, strict=True)]
    np.testing.assert_array_equal(requantize(sums, factor, form)[0, :, 0], expected)


def test_sums_wrap_at_32_bits():
    shape = LayerShape.parse("M=1,C=1,H=1,W=1,R=1")
    one = np.ones((1, 1, 1, 1))
    sums = sums_int8(one.astype(np.uint8), one.astype(np.int8), np.array([2 ** 31 - 1], np.int32), shape,
                     Format(np.float32(1)))
    assert sums.item() == -2 ** 31


def pairs(count):
    """Two tensors of random formats, and a format; half of all with powers of two for scales."""
    for seed in range(count):
        chance = np.random.default_rng(seed)
        tie, signed = bool(chance.integers(2)), bool(chance.integers(2))
        forms = [random_format(chance, tie, signed) for _ in range(3)]
        dims = chance.integers(1, 12, 4)
        a, b = (chance.integers(form.least, form.most + 1, dims).astype(form.dtype) for form in forms[:2])
        yield chance, a, b, *forms


def test_add_equals_onnxruntime():
    for seed, (_, a, b, a_format, b_format, form) in enumerate(pairs(COUNT)):
        feeds = {"a": a, **format_feeds("a", a_format), "b": b, **format_feeds("b", b_format),
                 **format_feeds("y", form)}
        node = helper.make_node("QLinearAdd", list(feeds), ["y"], domain="com.microsoft")
        np.testing.assert_array_equal(add_int8(a, a_format, b, b_format, form), ort_run(node, feeds), f"seed {seed}")


def test_add_rounds_once_for_each_tensor():
    """A tie that is none if the product is rounded before it is added; random tensors have one in a million."""
    differs = 0
    for seed in range(100):
        chance = np.random.default_rng(seed)
        a_format, b_format, form = (random_format(chance, tie=False, signed=False) for _ in range(3))
        a, b = chance.integers(0, 256, (2, 1, 20000)).astype(np.uint8)
        feeds = {"a": a, **format_feeds("a", a_format), "b": b, **format_feeds("b", b_format),
                 **format_feeds("y", form)}
        found = ort_run(helper.make_node("QLinearAdd", list(feeds), ["y"], domain="com.microsoft"), feeds)
        np.testing.assert_array_equal(add_int8(a, a_format, b, b_format, form), found, f"seed {seed}")
        of_a, of_b = a_format.scale / form.scale, b_format.scale / form.scale
        twice = a * of_a + (b * of_b + (form.zero - (of_a * a_format.zero + of_b * b_format.zero)))
        differs += np.count_nonzero(np.clip(np.rint(twice), 0, 255) != found)
    assert differs


def test_average_equals_onnxruntime():
    for seed, (chance, x, _, x_format, _, form) in enumerate(pairs(COUNT)):
        kernel = tuple(int(chance.integers(1, min(4, size + 1))) for size in x.shape[2:])
        kernel = x.shape[2:] if seed % 5 == 0 else kernel
        strides = tuple(map(int, chance.integers(1, 4, 2)))
        pads = tuple(int(chance.integers(0, window)) for window in 2 * kernel) if seed % 3 else (0, 0, 0, 0)
        count_pads = bool(chance.integers(2))
        feeds = {"x": x, **format_feeds("x", x_format), **format_feeds("y", form)}
        node = helper.make_node("QLinearAveragePool", list(feeds), ["y"], domain="com.microsoft", kernel_shape=kernel,
                                strides=strides, pads=pads, count_include_pad=int(count_pads))
        found = average_int8(x, x_format, form, kernel, strides=strides, pads=pads, count_pads=count_pads)
        np.testing.assert_array_equal(found, ort_run(node, feeds), f"seed {seed}")


def test_global_average_equals_onnxruntime():
    for seed, (_, x, _, x_format, _, form) in enumerate(pairs(COUNT)):
        feeds = {"x": x, **format_feeds("x", x_format), **format_feeds("y", form)}
        node = helper.make_node("QLinearGlobalAveragePool", list(feeds), ["y"], domain="com.microsoft")
        np.testing.assert_array_equal(global_average_int8(x, x_format, form), ort_run(node, feeds), f"seed {seed}")


def test_concat_equals_onnxruntime():
    for seed, (_, a, b, a_format, b_format, form) in enumerate(pairs(COUNT)):
        form = b_format if seed % 3 == 0 else form
        feeds = {**format_feeds("y", form), "a": a, **format_feeds("a", a_format), "b": b,
                 **format_feeds("b", b_format)}
        node = helper.make_node("QLinearConcat", list(feeds), ["y"], domain="com.microsoft", axis=1)
        found = concat_int8([(a, a_format), (b, b_format)], form)
        np.testing.assert_array_equal(found, ort_run(node, feeds), f"seed {seed}")


ONE = Format(np.float32(1))
SHAPE = LayerShape.parse("M=4,C=6,H=7,W=9,R=3,S=5,G=2")
TENSORS = {"ifmap": np.zeros(SHAPE.ifmap_shape, np.uint8), "weights": np.zeros(SHAPE.weights_shape, np.int8),
           "bias": np.zeros(SHAPE.bias_shape, np.int32)}


@pytest.mark.parametrize(("change", "error", "message"), [
    ({"ifmap": np.zeros(SHAPE.ifmap_shape, np.int8)}, TypeError, "ifmap must be an array of uint8, not int8"),
    ({"ifmap": [0]}, TypeError, "ifmap must be an array of uint8, not list"),
    ({"weights": np.zeros(SHAPE.weights_shape, np.uint8)}, TypeError, "weights must be an array of int8, not uint8"),
    ({"bias": np.zeros(3, np.int32)}, ValueError, "bias must be of shape (4,), not (3,)"),
])
def test_refused_tensors(change, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        sums_int8(**TENSORS | change, shape=SHAPE, ifmap_format=ONE)


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ((1.0,), TypeError, "scale must be a float32, not 1.0"),
    ((np.float32(0),), ValueError, "scale must be positive and finite, not np.float32(0.0)"),
    ((np.float32(1), 128, True), ValueError, "zero must be -128 to 127, not 128"),
    ((np.float32(1), -1), ValueError, "zero must be 0 to 255, not -1"),
])
def test_refused_formats(arguments, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        Format(*arguments)
