"""The convolution that the chip has to reproduce, bit for bit."""

import numpy as np

from .layer import LayerShape
from .tensors import check_tensors

__all__ = ["conv_layer", "exact_sums"]

#: int32 values that a block of psums may have: block and products stay in a level-2 cache.
BLOCK = 1 << 16


def conv_layer(ifmap: np.ndarray, weights: np.ndarray, bias: np.ndarray, shape: LayerShape, *,
               shift: int = 0, relu: bool = False) -> np.ndarray:
    """Compute one layer in the chip's fixed-point arithmetic.

    Each 16 x 16 -> 32 bit product is shifted right by `shift` (arithmetic, so it rounds towards minus
    infinity) and its low 16 bits are kept as a signed number. Bias and products are summed modulo 2**16,
    which makes the order of the sum irrelevant: any mapping of the layer has this one result.

    Parameters
    ----------
    ifmap : ndarray of int16, shape (N, C, H, W)
        Without padding.
    weights : ndarray of int16, shape (M, C/G, R, S)
    bias : ndarray of int16, shape (M,)
        In the format of the ofmap: it is not shifted.
    shape : LayerShape
    shift : int
        In bits, 0..16.
    relu : bool
        Replace negative results by zero.

    Returns
    -------
    ndarray of int16, shape (N, M, E, F)

    Raises
    ------
    TypeError
        If a tensor is not an array of int16.
    ValueError
        If a tensor has another shape, or `shift` is out of range.
    """
    check_tensors(ifmap, weights, bias, shape)
    if not isinstance(shift, int) or isinstance(shift, bool) or not 0 <= shift <= 16:
        raise ValueError(f"shift must be an integer in 0..16, not {shift!r}")

    P, per_group = shape.P, (shape.M // shape.G, shape.C // shape.G)
    padded = np.pad(ifmap, ((0, 0), (0, 0), (P, P), (P, P)))
    ofmap = np.empty(shape.ofmap_shape, np.int16)
    for g in range(shape.G):
        filters = slice(g * per_group[0], (g + 1) * per_group[0])
        channels = slice(g * per_group[1], (g + 1) * per_group[1])
        for n in range(shape.N):
            parts = padded[n, channels], weights[filters], shape
            psums = _psums_shifted(*parts, shift) if shift else exact_sums(*parts)
            # The psums are right modulo 2**16, and so is their sum with the bias; the cast keeps 16 bits.
            ofmap[n, filters] = (psums + bias[filters, None, None]).astype(np.int16)
    return np.maximum(ofmap, 0) if relu else ofmap


def _windows(planes: np.ndarray, shape: LayerShape, r: int, s: int) -> np.ndarray:
    """The pixels of padded `planes` (C, H+2P, W+2P) that meet the weight (r, s): a view, (C, E, F)."""
    top, left = r * shape.D, s * shape.D
    bottom, right = top + shape.U * (shape.E - 1), left + shape.V * (shape.F - 1)
    return planes[:, top:bottom + 1:shape.U, left:right + 1:shape.V]


def exact_sums(planes: np.ndarray, weights: np.ndarray, shape: LayerShape) -> np.ndarray:
    """Sums of products of one group of filters, exact: matrix products.

    They run in float64, where BLAS is; a sum of C/G products of at most 2**30 stays an integer below 2**53 for any
    C/G < 2**23 (2**23 planes of int16 would be more than a machine's memory). The sum over r, s is taken in int64.
    Modulo 2**16 it is the sum of products that wrap one by one.

    Parameters
    ----------
    planes : ndarray of int16, shape (C/G, H+2P, W+2P)
        The group's channels of one ifmap, padded.
    weights : ndarray of int16, shape (M/G, C/G, R, S)
    shape : LayerShape

    Returns
    -------
    ndarray of int64, shape (M/G, E, F)
    """
    M, C, R, S = weights.shape
    psums = np.zeros((M, shape.E * shape.F), np.int64)
    planes, weights = planes.astype(np.float64), weights.astype(np.float64)
    for r in range(R):
        for s in range(S):
            psums += (weights[:, :, r, s] @ _windows(planes, shape, r, s).reshape(C, -1)).astype(np.int64)
    return psums.reshape(M, shape.E, shape.F)


def _psums_shifted(planes: np.ndarray, weights: np.ndarray, shape: LayerShape, shift: int) -> np.ndarray:
    """Psums (M/G, E, F) of one group, right modulo 2**16, for any shift: product by product.

    Products (at most 2**30) are exact in int32. Wrapping each to 16 bits can wait until the end, because
    int32 addition wraps modulo 2**32, a multiple of 2**16.
    """
    M, C, R, S = weights.shape
    psums = np.zeros((M, shape.E, shape.F), np.int32)
    block = max(1, BLOCK // (shape.E * shape.F))
    products = np.empty((min(block, M), shape.E, shape.F), np.int32)
    planes, weights = planes.astype(np.int32), weights.astype(np.int32)
    for r in range(R):
        for s in range(S):
            windows = np.ascontiguousarray(_windows(planes, shape, r, s))
            for m in range(0, M, block):
                total = psums[m:m + block]
                product = products[:len(total)]
                for c in range(C):
                    np.multiply(weights[m:m + block, c, r, s, None, None], windows[c], out=product)
                    np.right_shift(product, shift, out=product)
                    np.add(total, product, out=total)
    return psums
