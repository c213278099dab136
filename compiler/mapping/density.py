"""Zeros in fmaps, and how run-length coding (RLC) shrinks them."""

from dataclasses import dataclass

import numpy as np

from golden.layer import LayerShape
from golden.rlc import MOST_RUN, PAIRS_OF_WORD, VALUES_OF_WORD

from .lowering import NativeLayer

__all__ = ["Density", "density_of", "inside", "most_coded_words", "unpadded"]

# Above this density the model counts ifmaps as raw: a code would take more than 0.96 of their words, and from 0.75
# on more than all of them.
WORTH_CODING = 0.72
PAIR_VALUES = MOST_RUN + 1  # values that a pair stands for at most
DEVIATIONS = 4  # standard deviations above the mean that banks for coded ifmaps have room for
PARTLY_FILLED = 1 / PAIR_VALUES  # pairs a value more, for zeros at the end of a stream
NO_ZERO_DIVISION = 1e-9


@dataclass(frozen=True)
class Density:
    """Fractions of fmap values that are not zero; RLC, zero gating and zero skipping depend on them.

    `form` says how ofmaps lie in DRAM: "coded", "raw", or "auto", the smaller of both.
    """

    ifmap: float = 1.0
    ofmap: float = 1.0
    form: str = "auto"

    @property
    def ofmap_coded(self) -> bool:
        """Whether ofmaps are run-length coded."""
        return self.form == "coded" or self.form == "auto" and self.coded(self.ofmap) < 1

    @property
    def ofmap_share(self) -> float:
        """64-bit words of DRAM that a word of four ofmap values takes."""
        return self.code(self.ofmap) if self.ofmap_coded else 1.0

    @staticmethod
    def coded(density: float) -> float:
        """64-bit words that a word of four values takes, run-length coded or raw, whichever is less."""
        return min(1.0, Density.code(density)) if density < WORTH_CODING else 1.0

    @staticmethod
    def code(density: float) -> float:
        """The same, run-length coded in any case: a pair for each value that is not zero, and for each run of 32."""
        zeros = 1 - density
        run = zeros**PAIR_VALUES
        pairs = density + density * run / (1 - run) if zeros < 1 else 1 / PAIR_VALUES
        return VALUES_OF_WORD * pairs / PAIRS_OF_WORD


def density_of(values: np.ndarray) -> float:
    """The share of an array's values that is not zero; 1 of an empty one."""
    return float(np.count_nonzero(values) / values.size) if values.size else 1.0


def most_coded_words(values: np.ndarray, density: float) -> np.ndarray:
    """64-bit words that coded values take at most, but for rare cases: DEVIATIONS above the mean.

    Parameters
    ----------
    values : ndarray of int, any shape
        Numbers of values.
    density : float

    Returns
    -------
    ndarray of int, the same shape
    """
    most = np.minimum(1.0, density + DEVIATIONS * np.sqrt(density * (1 - density) / values))
    run = (1 - most)**PAIR_VALUES
    pairs = most + most * run / (1 - run + NO_ZERO_DIVISION) + PARTLY_FILLED
    return np.ceil(values * pairs / PAIRS_OF_WORD + 1).astype(int)


def unpadded(layer: NativeLayer) -> float:
    """Fraction of the plane under all windows that is not padding, which lies in DRAM as zeros that RLC shrinks."""
    shape = layer.shape

    def share(size: int, outputs: int, stride: int, window: int) -> float:
        under = (outputs - 1) * stride + shape.D * (window - 1) + 1
        return min(size, under - min(shape.P, under)) / under

    return share(shape.H, shape.E, shape.U, shape.R) * share(shape.W, shape.F, shape.V, shape.S)


def inside(shape: LayerShape) -> float:
    """Share of a layer's products that meet the ifmap and not its padding."""
    def share(size: int, outputs: int, stride: int, window: int) -> float:
        at = stride * np.arange(outputs)[:, None] + shape.D * np.arange(window) - shape.P
        return float(((at >= 0) & (at < size)).mean())

    return share(shape.H, shape.E, shape.U, shape.R) * share(shape.W, shape.F, shape.V, shape.S)
