"""Zeros in fmaps and weights, and how run-length coding (RLC) shrinks them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from golden.layer import LayerShape
from hw.config import ChipConfig

from .geometry import choose, least
from .lowering import NativeLayer

__all__ = ["Density", "density_of", "inside", "most_coded_words", "unpadded"]

# The model counts ifmaps and weights as raw where a code would take more than this share of their words.
WORTH_CODING = 0.96
DEVIATIONS = 4  # standard deviations above the mean that banks for coded ifmaps have room for
NO_ZERO_DIVISION = 1e-9


@dataclass(frozen=True)
class Density:
    """Fractions of fmap values and weights that are not zero; RLC, zero gating and zero skipping depend on them.

    `form` says how ofmaps lie in DRAM: "coded", "raw", or "auto", the smaller of both. That of weights counts on a
    chip that has them run-length coded.
    """

    ifmap: float = 1.0
    ofmap: float = 1.0
    form: str = "auto"
    weight: float = 1.0

    def ofmap_coded(self, chip: ChipConfig) -> bool:
        """Whether ofmaps are run-length coded."""
        return self.form == "coded" or self.form == "auto" and self.coded(self.ofmap, chip) < 1

    def ofmap_share(self, chip: ChipConfig) -> float:
        """64-bit words of DRAM that a word of ofmap values takes."""
        return self.code(self.ofmap, chip) if self.ofmap_coded(chip) else 1.0

    @staticmethod
    def coded(density: Any, chip: ChipConfig) -> Any:
        """64-bit words that a word of values takes, run-length coded or raw, whichever is less; elementwise."""
        worth = density < WORTH_CODING * chip.word_pairs / chip.word_values
        return choose(worth, least(1.0, Density.code(density, chip)), 1.0)

    @staticmethod
    def code(density: Any, chip: ChipConfig) -> Any:
        """The same, run-length coded in any case: a pair for each value but zeros, and for each longest run."""
        zeros = 1 - density
        run = zeros**chip.pair_values
        pairs = choose(zeros < 1, density + density * run / (1 - run + (run == 1)), 1 / chip.pair_values)
        return chip.word_values * pairs / chip.word_pairs


def density_of(values: np.ndarray) -> float:
    """The share of an array's values that is not zero; 1 of an empty one."""
    return float(np.count_nonzero(values) / values.size) if values.size else 1.0


def most_coded_words(values: np.ndarray, density: float, chip: ChipConfig) -> np.ndarray:
    """64-bit words that coded values take at most, but for rare cases: DEVIATIONS above the mean.

    Parameters
    ----------
    values : ndarray of int, any shape
        Numbers of values.
    density : float
    chip : ChipConfig

    Returns
    -------
    ndarray of int, the same shape
    """
    most = np.minimum(1.0, density + DEVIATIONS * np.sqrt(density * (1 - density) / values))
    run = (1 - most)**chip.pair_values
    at_end = 1 / chip.pair_values  # pairs a value more, for zeros at the end of a stream
    pairs = most + most * run / (1 - run + NO_ZERO_DIVISION) + at_end
    return np.ceil(values * pairs / chip.word_pairs + 1).astype(int)


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
