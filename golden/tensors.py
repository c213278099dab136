"""The tensors of a layer: checked, drawn at random, compared."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .layer import LayerShape

__all__ = ["Difference", "Tensors", "check_tensors", "first_difference", "place_zeros", "random_tensors"]

MOST = 32767  # largest 16-bit number


class Tensors(NamedTuple):
    """The inputs of a layer, here of one of 16 bits; of 8-bit ones they are as `golden.int8.sums_int8` has them.

    Attributes
    ----------
    ifmap : ndarray of int16, shape (N, C, H, W)
    weights : ndarray of int16, shape (M, C/G, R, S)
    bias : ndarray of int16, shape (M,)
        In the format of the ofmap, that is, after the shift of the products.
    """

    ifmap: np.ndarray
    weights: np.ndarray
    bias: np.ndarray


def _check_tensor(name: str, tensor: object, letters: str, shape: tuple[int, ...],
                  kind: type = np.int16) -> None:
    if not isinstance(tensor, np.ndarray) or tensor.dtype != kind:
        found = tensor.dtype if isinstance(tensor, np.ndarray) else type(tensor).__name__
        raise TypeError(f"{name} must be an array of {kind.__name__}, not {found}")
    if tensor.shape != shape:
        raise ValueError(f"{name} must be of shape {letters} = {shape}, not {tensor.shape}")


def check_tensors(ifmap: np.ndarray, weights: np.ndarray, bias: np.ndarray, shape: LayerShape) -> None:
    """Refuse tensors that are not those of a layer.

    Parameters
    ----------
    ifmap, weights, bias : ndarray of int16
        See `Tensors`.
    shape : LayerShape
        The layer whose shapes they must have.

    Raises
    ------
    TypeError
        If one is not a numpy array of int16.
    ValueError
        If one has another shape.
    """
    _check_tensor("ifmap", ifmap, "(N, C, H, W)", shape.ifmap_shape)
    _check_tensor("weights", weights, "(M, C/G, R, S)", shape.weights_shape)
    _check_tensor("bias", bias, "(M,)", shape.bias_shape)


def random_tensors(shape: LayerShape, *, seed: int, zeros: float = 0.0, shift: int = 0,
                   full_range: bool = False, weight_zeros: float = 0.0) -> Tensors:
    """Tensors to try a layer with, the same ones for the same arguments.

    Values are uniform, and as large as lets an ofmap, after `shift`, have a standard deviation of about
    2**12: it uses most of its 16 bits and hardly ever wraps. `full_range` draws from all of int16 instead, so
    that every bit of every operand matters and nearly every sum wraps.

    Parameters
    ----------
    shape : LayerShape
        The layer.
    seed : int
        Seed of the generator.
    zeros : float
        Fraction of the ifmap's values that are zero, in 0..1. It is met exactly, to the nearest value: no
        other value of the ifmap is zero.
    shift : int
        The shift that the layer will be computed with, in bits.
    full_range : bool
        Draw from -32768..32767.
    weight_zeros : float
        Fraction of the weights that become zero, in 0..1; all other values stay what they are without it.

    Returns
    -------
    Tensors
    """
    rng = np.random.default_rng(seed)
    if full_range:
        low, high, bias_limit = -1 - MOST, MOST, 1 << 15
    else:
        # A sum of K products of two uniform values in -a..a has the deviation a**2 / 3 * sqrt(K).
        products = (shape.C // shape.G) * shape.R * shape.S
        high = int(np.clip((3 * 2.0 ** (12 + shift) / products ** 0.5) ** 0.5, 1, MOST))
        low, bias_limit = -high, 1 << 10

    # One integer fewer than low..high, closed up over the zero that is left out.
    ifmap = rng.integers(low, high, shape.ifmap_shape)
    ifmap[ifmap >= 0] += 1
    place_zeros(ifmap, zeros, rng)
    weights = rng.integers(low, high + 1, shape.weights_shape)
    bias = rng.integers(-bias_limit, bias_limit, shape.bias_shape)
    place_zeros(weights, weight_zeros, rng)
    return Tensors(*(tensor.astype(np.int16) for tensor in (ifmap, weights, bias)))


def place_zeros(values: np.ndarray, share: float, rng: np.random.Generator) -> None:
    """Make a share of the values 0, to the nearest value, in places drawn at random.

    Raises
    ------
    ValueError
        A share that is not in 0..1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"zeros must be a fraction in 0..1, not {share!r}")
    values.reshape(-1)[rng.permutation(values.size)[:round(share * values.size)]] = 0


@dataclass(frozen=True)
class Difference:
    """Where two tensors differ.

    Attributes
    ----------
    count : int
        How many values differ.
    index : tuple of int
        Index of the first that does, in row-major order.
    expected, found : int
        Both values there.
    """

    count: int
    index: tuple[int, ...]
    expected: int
    found: int


def first_difference(expected: np.ndarray, found: np.ndarray) -> Difference | None:
    """Compare two tensors bit for bit; ``None`` when they are equal.

    Raises
    ------
    TypeError
        If they are not arrays of one type, int16, int8 or uint8 (a conversion here might hide the difference).
    ValueError
        If their shapes differ.
    """
    own = next((kind for kind in (np.int8, np.uint8) if getattr(expected, "dtype", None) == kind), np.int16)
    _check_tensor("expected", expected, "any", getattr(expected, "shape", ()), own)
    _check_tensor("found", found, "expected", expected.shape, own)
    places = np.flatnonzero(expected != found)
    if not places.size:
        return None
    index = tuple(int(i) for i in np.unravel_index(places[0], expected.shape))
    return Difference(int(places.size), index, int(expected[index]), int(found[index]))
