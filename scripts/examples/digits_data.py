"""scikit-learn's handwritten digits, cut into those to train and calibrate with and those held out."""

from typing import NamedTuple

import numpy as np

from scripts.terminal.console import BadInput

__all__ = ["HELD_OUT", "DigitsData", "load_digits"]

HELD_OUT = 360


class DigitsData(NamedTuple):
    """Pictures float32 (N, 1, 8, 8), 0 to 1, and the digits that they show (N,)."""

    train: np.ndarray
    train_labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray


def load_digits() -> DigitsData:
    """1,437 digits to train with and 360 held out, always the same.

    Raises
    ------
    BadInput
        scikit-learn, which brings them along, is not there.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError:
        raise BadInput("the digits come with scikit-learn: pip install 'eyeriss-generator[examples]'") from None
    bunch = load()
    order = np.random.default_rng(360).permutation(len(bunch.target))
    images = (bunch.images[order, None] / 16).astype(np.float32)
    labels = bunch.target[order]
    return DigitsData(images[HELD_OUT:], labels[HELD_OUT:], images[:HELD_OUT], labels[:HELD_OUT])
