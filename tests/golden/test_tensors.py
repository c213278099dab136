import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import Difference, first_difference, random_tensors

SHAPE = LayerShape.parse("N=2,M=8,C=16,H=20,W=24,R=3,P=1")


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("zeros", [0, 0.25, 1])
def test_fraction_of_zeros_is_exact(zeros, full_range):
    ifmap = random_tensors(SHAPE, seed=1, zeros=zeros, full_range=full_range).ifmap
    assert np.count_nonzero(ifmap == 0) == round(zeros * ifmap.size)


def test_same_seed_same_tensors():
    again, other = random_tensors(SHAPE, seed=1), random_tensors(SHAPE, seed=2)
    for tensor, same, different in zip(random_tensors(SHAPE, seed=1), again, other, strict=True):
        np.testing.assert_array_equal(tensor, same)
        assert (tensor != different).any()


@pytest.mark.parametrize("shift", [0, 8, 16])
def test_ofmap_uses_its_bits_without_wrapping(shift):
    tensors = random_tensors(SHAPE, seed=3, shift=shift)
    exact = conv_layer(*tensors, SHAPE, shift=shift)
    assert 2 ** 13 < np.abs(exact.astype(int)).max() < 2 ** 15
    assert np.abs(exact.astype(int)).mean() < 2 ** 13


def test_full_range_reaches_both_ends():
    ifmap = random_tensors(LayerShape.parse("M=1,C=8,H=512,W=512,R=1"), seed=4, full_range=True).ifmap
    assert (ifmap.min(), ifmap.max()) == (-32768, 32767)


def test_zeros_refused():
    with pytest.raises(ValueError, match=r"^zeros must be a fraction in 0\.\.1, not 1\.5$"):
        random_tensors(SHAPE, seed=1, zeros=1.5)


def test_equal_tensors_have_no_difference():
    weights = random_tensors(SHAPE, seed=5).weights
    assert first_difference(weights, weights.copy()) is None


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_single_flipped_bit_is_found(data):
    ofmap = conv_layer(*random_tensors(SHAPE, seed=6), SHAPE)
    index = tuple(data.draw(st.integers(0, size - 1)) for size in ofmap.shape)
    mutated = ofmap.copy()
    mutated[index] ^= np.int16(-1 << 15 if (bit := data.draw(st.integers(0, 15))) == 15 else 1 << bit)
    assert first_difference(ofmap, mutated) == Difference(1, index, int(ofmap[index]), int(mutated[index]))


def test_first_of_several_differences():
    expected = np.zeros((2, 3, 4), np.int16)
    found = expected.copy()
    found[1, 0, 2], found[0, 2, 3] = 7, -8
    assert first_difference(expected, found) == Difference(2, (0, 2, 3), 0, -8)


@pytest.mark.parametrize(("found", "error", "message"), [
    (np.zeros((2, 3), np.int32), TypeError, "found must be an array of int16, not int32"),
    (np.zeros((3, 2), np.int16), ValueError, "found must be of shape expected = (2, 3), not (3, 2)"),
])
def test_comparison_refused(found, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        first_difference(np.zeros((2, 3), np.int16), found)
