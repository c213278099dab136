"""Layers of 8-bit networks, bit for bit as ONNX's QLinearConv defines them and onnxruntime computes them.

An integer v of a tensor stands for scale (v - zero). Sums of products are exact. They become 8-bit integers again by
a float32 factor for each filter, rounding half to even, and saturation. There is no ReLU: where `zero` is the least
integer, saturation is one.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .conv import exact_sums
from .layer import LayerShape
from .tensors import Tensors, place_zeros

__all__ = ["Format", "LayerFormats", "check_int8", "conv_int8", "fitting_formats", "random_int8", "requantize",
           "rounded", "sums_int8"]


@dataclass(frozen=True)
class Format:
    """How the integers of a tensor stand for numbers: v for scale (v - zero).

    Parameters
    ----------
    scale : float32
        Positive.
    zero : int
        Within the integers' range.
    signed : bool
        int8, or else uint8.

    Raises
    ------
    TypeError
        `scale` is no float32, which might round it in another way than the network's.
    ValueError
        A parameter outside its range.
    """

    scale: np.float32
    zero: int = 0
    signed: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.scale, np.float32):
            raise TypeError(f"scale must be a float32, not {self.scale!r}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale must be positive and finite, not {self.scale!r}")
        if not self.least <= self.zero <= self.most:
            raise ValueError(f"zero must be {self.least} to {self.most}, not {self.zero!r}")

    @property
    def dtype(self) -> np.dtype:
        """int8 or uint8."""
        return np.dtype(np.int8 if self.signed else np.uint8)

    @property
    def least(self) -> int:
        """The least integer."""
        return -128 if self.signed else 0

    @property
    def most(self) -> int:
        """The largest integer."""
        return self.least + 255

    def check(self, name: str, values: np.ndarray) -> None:
        """Refuse an array of another type."""
        if not isinstance(values, np.ndarray) or values.dtype != self.dtype:
            found = values.dtype if isinstance(values, np.ndarray) else type(values).__name__
            raise TypeError(f"{name} must be an array of {self.dtype}, not {found}")


class LayerFormats(NamedTuple):
    """What the integers of a layer stand for.

    Attributes
    ----------
    ifmap, ofmap : Format
    weight_scales : ndarray of float32, shape (M,)
        Of each filter; where the whole tensor has one, that for each filter.
    """

    ifmap: Format
    weight_scales: np.ndarray
    ofmap: Format

    @property
    def factors(self) -> np.ndarray:
        """By what the sums of each filter are multiplied: float32 (M,), rounded after each operation."""
        return self.ifmap.scale * self.weight_scales / self.ofmap.scale


def check_int8(ifmap: np.ndarray, weights: np.ndarray, bias: np.ndarray, shape: LayerShape,
               ifmap_format: Format) -> None:
    """Refuse tensors of another type or shape than `sums_int8` takes."""
    ifmap_format.check("ifmap", ifmap)
    for name, tensor, dtype, expected in (("ifmap", ifmap, ifmap_format.dtype, shape.ifmap_shape),
                                          ("weights", weights, np.dtype(np.int8), shape.weights_shape),
                                          ("bias", bias, np.dtype(np.int32), shape.bias_shape)):
        if tensor.dtype != dtype:
            raise TypeError(f"{name} must be an array of {dtype}, not {tensor.dtype}")
        if tensor.shape != expected:
            raise ValueError(f"{name} must be of shape {expected}, not {tensor.shape}")


def sums_int8(ifmap: np.ndarray, weights: np.ndarray, bias: np.ndarray, shape: LayerShape,
              ifmap_format: Format) -> np.ndarray:
    """Sums of a layer before they become 8-bit integers: of w (x - zero) and the bias, modulo 2**32.

    Padding is `zero`, so it adds nothing.

    Parameters
    ----------
    ifmap : ndarray of uint8 or int8, shape (N, C, H, W)
        Without padding.
    weights : ndarray of int8, shape (M, C/G, R, S)
    bias : ndarray of int32, shape (M,)
        In units of the ifmap's scale times the weights'.
    shape : LayerShape
    ifmap_format : Format

    Returns
    -------
    ndarray of int32, shape (N, M, E, F)

    Raises
    ------
    TypeError
        An array of another type.
    ValueError
        An array of another shape.
    """
    check_int8(ifmap, weights, bias, shape, ifmap_format)
    pads = (0, 0), (0, 0), (shape.P, shape.P), (shape.P, shape.P)
    planes = np.pad(ifmap.astype(np.int16) - np.int16(ifmap_format.zero), pads)
    M, C = shape.M // shape.G, shape.C // shape.G
    wide = weights.astype(np.int16)
    sums = np.empty(shape.ofmap_shape, np.int64)
    for g in range(shape.G):
        filters, channels = slice(g * M, (g + 1) * M), slice(g * C, (g + 1) * C)
        for n in range(shape.N):
            sums[n, filters] = exact_sums(planes[n, channels], wide[filters], shape)
    return (sums + bias[:, None, None]).astype(np.int32)


def rounded(values: np.ndarray, form: Format) -> np.ndarray:
    """The integers nearest to float32 `values` (in units of the scale), ties to even, plus `zero`; saturated."""
    inside = np.clip(values, form.least - form.zero, form.most - form.zero)
    return (np.rint(inside).astype(np.int32) + form.zero).astype(form.dtype)


def requantize(sums: np.ndarray, factor: np.ndarray, ofmap_format: Format) -> np.ndarray:
    """8-bit integers of sums.

    A sum becomes a float32 (above 2**24 it is rounded), and its product with the factor is another one, `rounded`.

    Parameters
    ----------
    sums : ndarray of int32, shape (N, M, E, F)
    factor : ndarray of float32, shape (M,)
    ofmap_format : Format

    Returns
    -------
    ndarray of uint8 or int8, shape (N, M, E, F)
    """
    return rounded(sums.astype(np.float32) * factor[:, None, None], ofmap_format)


def conv_int8(ifmap: np.ndarray, weights: np.ndarray, bias: np.ndarray, shape: LayerShape,
              formats: LayerFormats) -> np.ndarray:
    """One layer: `sums_int8`, then `requantize` with its factors.

    Parameters
    ----------
    ifmap, weights, bias, shape
        As of `sums_int8`.
    formats : LayerFormats

    Returns
    -------
    ndarray of uint8 or int8, shape (N, M, E, F)
    """
    return requantize(sums_int8(ifmap, weights, bias, shape, formats.ifmap), formats.factors, formats.ofmap)


def random_int8(shape: LayerShape, *, seed: int, zeros: float = 0.0, weight_zeros: float = 0.0) -> Tensors:
    """Tensors to try a layer with, the same ones for the same arguments: uint8 ifmaps, int8 weights, int32 biases.

    Values are uniform, biases as large as sums of products are.

    Parameters
    ----------
    shape : LayerShape
    seed : int
    zeros : float
        Fraction of the ifmap's values that are 0, in 0..1; met exactly, to the nearest value.
    weight_zeros : float
        Fraction of the weights that become zero; all other values stay what they are without it.
    """
    rng = np.random.default_rng(seed)
    ifmap = rng.integers(1, 256, shape.ifmap_shape).astype(np.uint8)
    place_zeros(ifmap, zeros, rng)
    weights = rng.integers(-128, 128, shape.weights_shape).astype(np.int8)
    limit = int(128 * 128 * (shape.C // shape.G * shape.R * shape.S) ** 0.5)
    bias = rng.integers(-limit, limit + 1, shape.M).astype(np.int32)
    place_zeros(weights, weight_zeros, rng)
    return Tensors(ifmap, weights, bias)


def fitting_formats(tensors: Tensors, shape: LayerShape, *, relu: bool) -> LayerFormats:
    """Formats of a layer by which its ofmaps use the 8 bits that they have: the ifmap's zero point is 0.

    Parameters
    ----------
    tensors : Tensors
        Of uint8, int8 and int32.
    shape : LayerShape
    relu : bool
        The ofmap's zero point is 0, so that saturation is a ReLU; else it is 128.

    Raises
    ------
    TypeError, ValueError
        As `sums_int8`.
    """
    one = np.float32(1)
    sums = sums_int8(*tensors, shape, Format(one)).astype(np.float64)
    size = np.sqrt(np.mean(sums ** 2, axis=(0, 2, 3)))  # of each filter's sums; it becomes 64 units of the ofmap
    scales = (1 / np.where(size > 0, size, 1)).astype(np.float32)
    return LayerFormats(Format(one), scales, Format(np.float32(1 / 64), 0 if relu else 128))
