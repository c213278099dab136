"""What stands between the layers of 8-bit networks, bit for bit as onnxruntime computes it: add, average, join.

Each operation rounds where its kernel rounds, in float32. Largest values are taken of the integers as they are.
"""

from collections.abc import Sequence

import numpy as np

from .int8 import Format, requantize, rounded

__all__ = ["add_int8", "average_int8", "concat_int8", "global_average_int8"]

F = np.float32


def _with_zero(values: np.ndarray, form: Format) -> np.ndarray:
    """The integers nearest to float32 values that `zero` is already part of: an odd `zero` turns ties."""
    return np.clip(np.rint(values), form.least, form.most).astype(form.dtype)


def _fused(values: np.ndarray | np.float32, factor: np.float32, others: np.ndarray | np.float32) -> np.ndarray:
    """Products plus `others`, rounded to float32 once: in float64 a product with 8 bits is exact."""
    return np.asarray(np.multiply(values, factor, dtype=np.float64) + others, F)


def _centred(values: np.ndarray, form: Format) -> np.ndarray:
    return values.astype(F) - F(form.zero)


def add_int8(a: np.ndarray, a_format: Format, b: np.ndarray, b_format: Format, form: Format) -> np.ndarray:
    """The sum of two tensors that numpy can broadcast, as QLinearAdd has it on a processor with fused multiply-add.

    The formats' zeros become one constant, to which both tensors are added, the second one first.

    Parameters
    ----------
    a, b : ndarray of uint8 or int8
    a_format, b_format, form : Format
        Of the two, and of the sum.

    Returns
    -------
    ndarray of uint8 or int8
    """
    a_format.check("a", a)
    b_format.check("b", b)
    of_a, of_b = a_format.scale / form.scale, b_format.scale / form.scale
    constant = F(form.zero) - _fused(F(a_format.zero), of_a, of_b * F(b_format.zero))
    return _with_zero(_fused(a, of_a, _fused(b, of_b, constant)), form)


def average_int8(x: np.ndarray, x_format: Format, form: Format, kernel: tuple[int, int], *,
                 strides: tuple[int, int] = (1, 1), pads: tuple[int, int, int, int] = (0, 0, 0, 0),
                 count_pads: bool = False) -> np.ndarray:
    """Means of windows, as QLinearAveragePool has them: of float32 values, added row by row.

    A window as large as a plane without padding is `global_average_int8`.

    Parameters
    ----------
    x : ndarray of uint8 or int8, shape (N, C, H, W)
    x_format, form : Format
        Of `x`, and of the means.
    kernel, strides : tuple of int
        Vertical, horizontal.
    pads : tuple of int
        Top, left, bottom, right.
    count_pads : bool
        Divide by all pixels of the window, padding included.

    Returns
    -------
    ndarray of uint8 or int8, shape (N, C, E, F)
    """
    x_format.check("x", x)
    if kernel == x.shape[2:] and not any(pads):
        return global_average_int8(x, x_format, form)
    (R, S), (U, V), (top, left, bottom, right) = kernel, strides, pads
    around = (0, 0), (0, 0), (top, bottom), (left, right)
    values = np.pad(x_format.scale * _centred(x, x_format), around)
    counted = np.pad(np.ones(x.shape, F), around, constant_values=1 if count_pads else 0)
    rows, columns = ((size - window) // stride + 1 for size, window, stride in (
        (values.shape[2], R, U), (values.shape[3], S, V)))
    total, count = np.zeros((2, *x.shape[:2], rows, columns), F)
    for r in range(R):
        for s in range(S):
            window = np.s_[:, :, r:r + U * (rows - 1) + 1:U, s:s + V * (columns - 1) + 1:V]
            total, count = total + values[window], count + counted[window]
    return _with_zero(total / count / form.scale + F(form.zero), form)


def global_average_int8(x: np.ndarray, x_format: Format, form: Format) -> np.ndarray:
    """Means of planes, as QLinearGlobalAveragePool has them: integer sums, then `requantize`.

    Parameters
    ----------
    x : ndarray of uint8 or int8, shape (N, C, H, W)
    x_format, form : Format
        Of `x`, and of the means.

    Returns
    -------
    ndarray of uint8 or int8, shape (N, C, 1, 1)
    """
    x_format.check("x", x)
    sums = (x.astype(np.int32) - x_format.zero).sum(axis=(2, 3), keepdims=True, dtype=np.int32)
    factor = x_format.scale / (form.scale * F(x.shape[2] * x.shape[3]))
    return requantize(sums, np.full(x.shape[1], factor), form)


def concat_int8(parts: Sequence[tuple[np.ndarray, Format]], form: Format, axis: int = 1) -> np.ndarray:
    """Tensors joined along an axis, as QLinearConcat has it: values of another format become those of `form`.

    Parameters
    ----------
    parts : sequence of (ndarray of uint8 or int8, Format)
    form : Format
        Of the result.
    axis : int

    Returns
    -------
    ndarray of uint8 or int8
    """
    joined = []
    for values, own in parts:
        own.check("a part", values)
        joined.append(values if own == form else rounded(_centred(values, own) * own.scale / form.scale, form))
    return np.concatenate(joined, axis)
