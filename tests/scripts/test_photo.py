import numpy as np
import pytest
from PIL import Image

from compiler.paper.layers import lookup
from golden.conv import conv_layer
from scripts.examples import photo

CONV1 = lookup("alexnet/CONV1")


@pytest.fixture(scope="module")
def tensors():
    return photo.load_photo(), photo.filter_bank(), photo.bias_bank()


@pytest.fixture(scope="module")
def ofmap(tensors):
    return conv_layer(*tensors, CONV1, shift=photo.SHIFT)


def test_photo_is_conv1s_ifmap(tensors):
    pixels = tensors[0][0] + np.array(photo.MEAN)[:, None, None]
    assert tensors[0].shape == CONV1.ifmap_shape
    assert tensors[0].dtype == np.int16
    assert 0 <= pixels.min() < 10 and 245 < pixels.max() <= 255
    assert 40 < pixels.std()


def test_photo_of_another_size():
    assert photo.load_photo(64).shape == (1, 3, 64, 64)


def test_filters_are_conv1s_weights(tensors):
    _, filters, bias = tensors
    assert filters.shape == CONV1.weights_shape
    assert bias.shape == CONV1.bias_shape
    assert filters.dtype == bias.dtype == np.int16


def test_filters_differ_and_have_names(tensors):
    filters, names = tensors[1], photo.filter_names()
    assert len(names) == len(set(names)) == 96
    assert len({weights.tobytes() for weights in filters}) == 96


def test_filters_are_blind_to_an_even_area(tensors):
    assert np.abs(tensors[1].sum(axis=(2, 3), dtype=int)).max() < 0.001 * 2 ** photo.WEIGHT_BITS


def test_no_psum_can_overflow_in_any_order(tensors):
    pixels, filters, bias = (tensor.astype(int) for tensor in tensors)
    # Truncation adds at most 1 to the magnitude of each product.
    largest = np.abs(pixels).max() * np.abs(filters) / 2 ** photo.SHIFT + 1
    assert (largest.sum(axis=(1, 2, 3)) + np.abs(bias)).max() < 2 ** 15


def test_ofmap_is_the_real_convolution(tensors, ofmap):
    pixels, filters, _ = tensors
    real = np.empty(CONV1.ofmap_shape)
    windows = np.lib.stride_tricks.sliding_window_view(pixels[0], (11, 11), axis=(1, 2))[:, ::4, ::4]
    real[0] = np.einsum("cefrs,mcrs->mef", windows, filters / 2 ** photo.WEIGHT_BITS, optimize=True)
    grey_levels = ofmap / 2 ** (photo.WEIGHT_BITS - photo.SHIFT)
    assert np.abs(grey_levels - real).max() < 0.5
    assert abs((grey_levels - real).mean()) < 0.02


def test_every_filter_finds_something(ofmap):
    assert (np.abs(ofmap.astype(int)).max(axis=(0, 2, 3)) > 2 * 2 ** 7).all()


@pytest.mark.slow
def test_pictures(tensors, ofmap, tmp_path):
    files = photo.save_pictures(tensors[0], ofmap, tmp_path / "new")
    assert [path.name for path in files] == ["photo.png", "filters.png", "ofmaps.png"]
    for path in files:
        with Image.open(path) as image:
            assert np.asarray(image.convert("L")).std() > 10
