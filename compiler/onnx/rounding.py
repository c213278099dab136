"""The loss by rounding products down, and the channels that correct it.

Rounding down costs half a unit for each product that is not exact: hundreds of units a sum, and fewer where the
ifmap is zero or padded, so no bias can correct it. The mean loss follows from the ifmap, though: so layers get
further channels, the rounding channels, which hold twice the mean loss of all channels of a pixel, with weights that
halve it. (Arithmetic with zero points corrects by sums over the ifmap in the same way.)
Where they would be much of the layer's work, and padding
leaves out few products, the mean loss of the calibration batch goes into the bias instead.
"""

from dataclasses import replace

import numpy as np

from golden.layer import LayerShape

from .chip_layer import ChipLayer

__all__ = ["chip_shape", "rounding_channels", "rounding_ifmap", "rounding_loss", "rounding_share",
           "rounding_weights"]

MOST = 32767  # largest 16-bit number
CHANNELS = 16  # of a group, from which on rounding channels are worth their work
PRODUCTS = 64  # of a sum, from which on they are in a padded layer of fewer channels


def rounding_channels(layer: ChipLayer) -> int:
    """How many rounding channels each group of a layer gets."""
    if layer.int8:
        return 0  # its sums are exact
    _, channels, rows, columns = layer.weights_shape
    if channels < CHANNELS and not (layer.padded and channels * rows * columns >= PRODUCTS):
        return 0
    return -(-channels // (MOST - 2))  # a channel loses half a unit at most, held twice


def chip_shape(layer: ChipLayer, shape: LayerShape) -> LayerShape:
    """A layer's shape as the chip runs it: rounding channels included."""
    return replace(shape, C=shape.C + shape.G * rounding_channels(layer))


def rounding_loss(integers: np.ndarray, shift: int) -> np.ndarray:
    """The loss of a product with each ifmap value, on average over all weights, in units of the sum.

    The bits dropped of a product whose ifmap value has b as its lowest bit set are some multiple of b, all of them
    alike: (1 - b / 2**shift) / 2 on average.
    """
    whole = integers.astype(np.int32)
    return np.where(whole == 0, 0, np.maximum(0, 0.5 - 0.5 * (whole & -whole) / 2**shift))


def rounding_share(weights: np.ndarray, shift: int) -> np.ndarray:
    """The mean loss of products with each weight over all ifmap values, relative to the mean over all weights.

    Of all pairs of numbers (shift + 2) / 2**(shift + 1) have a product without bits to drop; the others lose a half.
    """
    return rounding_loss(weights, shift) / (0.5 - (shift + 2) / 2**(shift + 2)) if shift else np.zeros(weights.shape)


def rounding_ifmap(integers: np.ndarray, shift: int, count: int) -> np.ndarray:
    """The values (N, G, count, H, W) of the rounding channels of an ifmap (N, G, C, H, W), int16.

    Losses are rounded to integers, and the remainder of a pixel carries over to the next one: half a unit in every
    pixel would add up in a sum. Values are odd, so that their products with smaller weights round to the nearest.
    """
    N, G, _, H, W = integers.shape
    so_far = np.rint(rounding_loss(integers, shift).sum(axis=2).reshape(N, G, 1, H * W).cumsum(axis=-1))
    lost = np.diff(so_far, axis=-1, prepend=0).reshape(N, G, 1, H, W)
    each = (lost + np.arange(count)[:, None, None]) // count  # as even as whole numbers go
    return np.where(each == 0, 0, 2 * each + 1).astype(np.int16)


def rounding_weights(weights: np.ndarray, shift: int, count: int) -> np.ndarray:
    """The weights (M, count, R, S) of the rounding channels, int16, from those (M, C, R, S) of all others."""
    giving = np.rint(rounding_share(weights, shift).mean(axis=1, keepdims=True) * (2**shift // 2)).astype(np.int16)
    return np.repeat(giving, count, axis=1)
