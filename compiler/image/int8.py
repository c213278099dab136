"""The tensors of an 8-bit layer as the chip has them: unsigned fmaps, the zero point in the bias, factors as bits."""

from typing import NamedTuple

import numpy as np

from golden.int8 import Format, LayerFormats

__all__ = ["Int8Tensors", "int8_tensors", "moved", "moved_back"]

OFFSET = 128  # from int8 to the chip's unsigned values
MOST = 255  # of those


class Int8Tensors(NamedTuple):
    """What goes to the chip.

    Attributes
    ----------
    ifmap : ndarray of uint8 (N, C, H, W)
    padding : int
        The value of padding.
    weights : ndarray of int8 (M, C/G, R, S)
    bias : ndarray of int32 (M,)
        Less the zero point times the weights.
    factors : ndarray of uint32 (M,)
        float32 without the sign.
    zero : int
        Of the ofmap, unsigned.
    """

    ifmap: np.ndarray
    padding: int
    weights: np.ndarray
    bias: np.ndarray
    factors: np.ndarray
    zero: int


def moved(values: np.ndarray, form: Format) -> np.ndarray:
    """The chip's uint8 of a tensor's integers."""
    return (values.astype(np.int16) + _offset(form)).astype(np.uint8)


def moved_back(values: np.ndarray, form: Format) -> np.ndarray:
    """A tensor's integers, of its own type, from the chip's uint8."""
    return (values.astype(np.int16) - _offset(form)).astype(form.dtype)


def _offset(form: Format) -> int:
    return OFFSET if form.signed else 0


def int8_tensors(ifmap: np.ndarray, weights: np.ndarray, bias: np.ndarray, formats: LayerFormats,
                 psum_bits: int) -> Int8Tensors:
    """The chip's tensors of a layer.

    Parameters
    ----------
    ifmap : ndarray of uint8 or int8 (N, C, H, W)
    weights : ndarray of int8 (M, C/G, R, S)
    bias : ndarray of int32 (M,)
    formats : LayerFormats
    psum_bits : int
        Of the chip.

    Raises
    ------
    ValueError
        Sums of products that `psum_bits` may not hold, or a factor that the chip's floating point does not have.
    """
    each = weights.astype(np.int64).reshape(len(weights), -1)
    largest = np.maximum(MOST * each.clip(0).sum(axis=1), -MOST * each.clip(max=0).sum(axis=1) - 1)
    worst = int(largest.argmax())
    needed = int(largest[worst]).bit_length() + 1
    if needed > psum_bits:
        raise ValueError(f"filter {worst}: its sums may need {needed} bits, the chip's psums have {psum_bits}")
    factors = formats.factors
    odd = np.flatnonzero((factors < np.finfo(np.float32).tiny) | ~np.isfinite(factors))
    if len(odd):
        raise ValueError(f"filter {odd[0]}: its factor must be a normal float32, not {factors[odd[0]]!r}")
    padding = formats.ifmap.zero + _offset(formats.ifmap)
    return Int8Tensors(moved(ifmap, formats.ifmap), padding, weights,
                       (bias - padding * each.sum(axis=1)).astype(np.int32), factors.view(np.uint32),
                       formats.ofmap.zero + _offset(formats.ofmap))
