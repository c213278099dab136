"""The golden model against scipy, plane by plane in int64, and against a float convolution."""

import re
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from tests.golden.strategies import shapes


def correlate_planes(ifmap, weights, shape, correlate_plane, dtype):
    """Sum of `correlate_plane(plane, filter)` over channels, with scipy's help for all else."""
    per_group = shape.M // shape.G, shape.C // shape.G
    ofmap = np.zeros(shape.ofmap_shape, dtype)
    for n, m, c in np.ndindex(shape.N, shape.M, per_group[1]):
        plane = np.pad(ifmap[n, m // per_group[0] * per_group[1] + c].astype(dtype), shape.P)
        dilated = np.zeros((shape.D * (shape.R - 1) + 1, shape.D * (shape.S - 1) + 1), dtype)
        dilated[::shape.D, ::shape.D] = weights[m, c]
        ofmap[n, m] += correlate_plane(plane, dilated)[::shape.U, ::shape.V]
    return ofmap


def reference(ifmap, weights, bias, shape, shift, relu):
    """The definition in int64. Shift and wrap act on single products: one correlation for each weight."""
    def plane_psums(plane, dilated):
        if shift == 0:
            return correlate(plane, dilated, mode="valid", method="direct")
        psums = correlate(plane, np.zeros_like(dilated), mode="valid", method="direct")  # of a filter of zeros
        for index in zip(*np.nonzero(dilated), strict=True):
            only = np.zeros_like(dilated)
            only[index] = dilated[index]
            product = correlate(plane, only, mode="valid", method="direct") // 2 ** shift
            psums = psums + (product + 2 ** 15) % 2 ** 16 - 2 ** 15
        return psums

    sums = correlate_planes(ifmap, weights, shape, plane_psums, np.int64)
    sums += bias.astype(np.int64)[:, None, None]
    wrapped = (sums + 2 ** 15) % 2 ** 16 - 2 ** 15
    return np.where(wrapped < 0, 0, wrapped) if relu else wrapped


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(shapes(), st.integers(0, 16), st.booleans(), st.booleans(), st.integers(0, 2 ** 32))
def test_equals_int64_reference(shape, shift, relu, full_range, seed):
    tensors = random_tensors(shape, seed=seed, shift=shift, full_range=full_range)
    ofmap = conv_layer(*tensors, shape, shift=shift, relu=relu)
    assert ofmap.dtype == np.int16
    np.testing.assert_array_equal(ofmap, reference(*tensors, shape, shift, relu))


@pytest.mark.parametrize("shift", [0, 5])
def test_more_filters_than_a_block_holds(shift):
    shape = LayerShape.parse("M=5,C=2,H=160,W=170,R=2")
    tensors = random_tensors(shape, seed=1, shift=shift, full_range=True)
    np.testing.assert_array_equal(conv_layer(*tensors, shape, shift=shift),
                                  reference(*tensors, shape, shift, relu=False))


@pytest.mark.parametrize("text", [
    "N=2,M=6,C=4,H=12,W=15,R=3,S=5,U=2,V=3,P=2,G=2,D=2",
    "M=8,C=64,H=10,W=10,R=3,P=1",
])
def test_small_values_equal_float_convolution(text):
    shape = LayerShape.parse(text)
    ifmap, weights, bias = random_tensors(shape, seed=2)
    expected = correlate_planes(
        ifmap, weights, shape, lambda plane, dilated: correlate(plane, dilated, "valid", "fft"), float)
    expected += bias[:, None, None]
    assert np.abs(expected).max() < 2 ** 15, "this case is meant not to wrap"
    np.testing.assert_allclose(conv_layer(ifmap, weights, bias, shape), expected, atol=1e-6)


def single_mac(ifmap, weight, bias=0, **options):
    def tensor(value):
        return np.full((1, 1, 1, 1), value, np.int16)

    shape = LayerShape.parse("M=1,C=1,H=1,W=1,R=1")
    return int(conv_layer(tensor(ifmap), tensor(weight), tensor(bias).reshape(1), shape, **options).item())


@pytest.mark.parametrize(("ifmap", "weight", "bias", "shift", "expected"), [
    (3, 5, 7, 0, 22),
    (3, -5, 0, 1, -8),              # -7.5 is rounded down
    (-1, 1, 0, 16, -1),
    (256, 256, 0, 0, 0),            # only the low 16 bits of a product stay
    (256, 128, 0, 0, -32768),       # its bit 15 is the sign
    (-32768, -32768, 0, 16, 16384),
    (-32768, -32768, 0, 15, -32768),
    (1, 1, 32767, 0, -32768),       # the sum wraps
    (-1, 1, -32768, 0, 32767),
])
def test_single_mac(ifmap, weight, bias, shift, expected):
    assert single_mac(ifmap, weight, bias, shift=shift) == expected


@pytest.mark.parametrize(("value", "expected"), [(-5, 0), (0, 0), (5, 5)])
def test_relu(value, expected):
    assert single_mac(value, 1, relu=True) == expected


def test_relu_sees_the_wrapped_sum():
    assert single_mac(256, 128, relu=True) == 0
    assert single_mac(-256, 129, relu=True) == 32512


@pytest.mark.parametrize("shift", [0, 4])
def test_accumulation_wraps_many_times(shift):
    shape = LayerShape.parse("M=1,C=512,H=3,W=3,R=3")
    ifmap = np.full(shape.ifmap_shape, -32768, np.int16)
    weights = np.full(shape.weights_shape, -32768, np.int16)
    weights[0, :, 0, 0] = 32767
    tensors = ifmap, weights, np.array([5], np.int16)
    np.testing.assert_array_equal(conv_layer(*tensors, shape, shift=shift),
                                  reference(*tensors, shape, shift, relu=False))


@pytest.mark.parametrize("shift", [0, 8])
def test_conv1_takes_seconds(shift):
    shape = LayerShape.parse("M=96,C=3,H=227,W=227,R=11,U=4")
    tensors = random_tensors(shape, seed=3, shift=shift)
    start = time.perf_counter()
    assert conv_layer(*tensors, shape, shift=shift).shape == (1, 96, 55, 55)
    assert time.perf_counter() - start < 10


SHAPE = LayerShape.parse("M=4,C=6,H=7,W=9,R=3,S=5,G=2")
TENSORS = random_tensors(SHAPE, seed=4)


@pytest.mark.parametrize(("change", "error", "message"), [
    (dict(weights=TENSORS.weights.astype(float)), TypeError,
     "weights must be an array of int16, not float64"),
    (dict(ifmap=TENSORS.ifmap.astype(np.uint16)), TypeError, "ifmap must be an array of int16, not uint16"),
    (dict(bias=[1, 2, 3, 4]), TypeError, "bias must be an array of int16, not list"),
    (dict(weights=np.zeros((4, 6, 3, 5), np.int16)), ValueError,
     "weights must be of shape (M, C/G, R, S) = (4, 3, 3, 5), not (4, 6, 3, 5)"),
    (dict(ifmap=TENSORS.ifmap[0]), ValueError,
     "ifmap must be of shape (N, C, H, W) = (1, 6, 7, 9), not (6, 7, 9)"),
    (dict(bias=TENSORS.bias[:3]), ValueError, "bias must be of shape (M,) = (4,), not (3,)"),
    (dict(shift=17), ValueError, "shift must be an integer in 0..16, not 17"),
    (dict(shift=1.0), ValueError, "shift must be an integer in 0..16, not 1.0"),
])
def test_refused(change, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        conv_layer(**{**TENSORS._asdict(), "shape": SHAPE, **change})
