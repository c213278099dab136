import re

import pytest
from hypothesis import given

from golden.layer import LayerShape
from tests.golden.strategies import shapes

SMALL = dict(N=1, M=4, C=6, H=7, W=9, R=3, S=5, U=1)


def count_windows(size, filter_size, stride, padding, dilation):
    padded = range(size + 2 * padding)
    return sum((start + dilation * (filter_size - 1)) in padded for start in padded[::stride])


@given(shapes())
def test_ofmap_has_one_pixel_per_window(shape):
    assert shape.E == count_windows(shape.H, shape.R, shape.U, shape.P, shape.D)
    assert shape.F == count_windows(shape.W, shape.S, shape.V, shape.P, shape.D)


@given(shapes())
def test_text_round_trip(shape):
    assert LayerShape.parse(str(shape)) == shape


def test_text():
    text = "N=1,M=32,C=16,H=20,W=24,R=3,S=5,U=1,V=2,P=1"
    assert str(LayerShape.parse(text + ",G=1")) == text


def test_parse_defaults():
    shape = LayerShape(N=1, M=4, C=6, H=7, W=9, R=3, S=3, U=1, V=1)
    assert LayerShape.parse(" M=4, C=6, H=7, W=9, R=3 ") == shape


def test_horizontal_stride_is_vertical_stride_when_left_out():
    assert LayerShape(**{**SMALL, "U": 2}).V == 2


def test_tensor_shapes():
    shape = LayerShape(N=2, M=4, C=6, H=7, W=9, R=3, S=5, U=2, V=3, P=1, G=2)
    assert shape.ifmap_shape == (2, 6, 7, 9)
    assert shape.weights_shape == (4, 3, 3, 5)
    assert shape.bias_shape == (4,)
    assert shape.ofmap_shape == (2, 4, 4, 3)
    assert shape.macs == 2 * 4 * 4 * 3 * 3 * 3 * 5


def test_with_batch():
    assert LayerShape(**SMALL).with_batch(3) == LayerShape(**{**SMALL, "N": 3})


def test_is_frozen():
    with pytest.raises(AttributeError):
        LayerShape(**SMALL).N = 2


@pytest.mark.parametrize(("change", "message"), [
    (dict(N=0), "N must be a positive integer, not 0"),
    (dict(M=True), "M must be a positive integer, not True"),
    (dict(H=7.0), "H must be a positive integer, not 7.0"),
    (dict(U=0), "U must be a positive integer, not 0"),
    (dict(V=-1), "V must be a positive integer, not -1"),
    (dict(P=-1), "P must be a non-negative integer, not -1"),
    (dict(D=0), "D must be a positive integer, not 0"),
    (dict(G=4), "C must be a multiple of G=4, not 6"),
    (dict(G=3), "M must be a multiple of G=3, not 4"),
    (dict(R=8), "R must be a filter that spans at most H+2P=7 pixels (it spans 8 with D=1), not 8"),
    (dict(S=6, D=3, P=1),
     "S must be a filter that spans at most W+2P=11 pixels (it spans 16 with D=3), not 6"),
])
def test_refused(change, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LayerShape(**{**SMALL, **change})


@pytest.mark.parametrize(("text", "message"), [
    ("M=4,C=6,H=7,W=9,R=3,X=1", "shape key must be one of N M C H W R S U V P G D, not 'X'"),
    ("M=4,C=6,H=7,W=9,R=3,M=5", "M must be given once, not again as '5'"),
    ("M=4,C=6,H=7,R=3", "W must be given, not left out of 'M=4,C=6,H=7,R=3'"),
    ("M=4,C=6.5,H=7,W=9,R=3", "C must be an integer, not '6.5'"),
    ("M=4,C=,H=7,W=9,R=3", "C must be an integer, not ''"),
    ("M=4,C", "shape item must be KEY=VALUE, not 'C'"),
    ("", "shape item must be KEY=VALUE, not ''"),
    ("M=4,C=0,H=7,W=9,R=3", "C must be a positive integer, not 0"),
])
def test_text_refused(text, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LayerShape.parse(text)
