"""Photographs: those that packages bring along, and what EfficientNet-Lite makes of one."""

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.terminal.pictures import middle, open_picture, pixels

from .efficientnet import SIZE

__all__ = ["PACKAGED", "as_input", "crop", "packaged", "views"]

CROP = 0.875  # of the shorter side
#: (name, package that is imported by this name, file in it), the default first.
PACKAGED = (("flower", "sklearn", "datasets/images/flower.jpg"), ("china", "sklearn", "datasets/images/china.jpg"),
            ("grace_hopper", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
            ("chelsea", "skimage", "data/chelsea.png"), ("coffee", "skimage", "data/coffee.png"),
            ("rocket", "skimage", "data/rocket.jpg"), ("astronaut", "skimage", "data/astronaut.png"))


def packaged() -> dict[str, Path]:
    """The photographs of the packages that are installed, by name; nothing is imported for it."""
    found = {}
    for name, package, file in PACKAGED:
        spec = importlib.util.find_spec(package)
        if spec and spec.origin and (path := Path(spec.origin).parent / file).is_file():
            found[name] = path
    return found


def crop(path: Path | str) -> Image.Image:
    """What the network sees of a file: the square in the middle, 0.875 of the shorter side, at 224 x 224 pixels."""
    return middle(open_picture(path), SIZE, SIZE, CROP, Image.Resampling.BICUBIC)


def views(square: Image.Image) -> list[Image.Image]:
    """A photograph as the network sees it, mirrored, and its four quarters enlarged."""
    size, half = square.size, square.width // 2
    corners = [(left, top, left + half, top + half) for top in (0, half) for left in (0, half)]
    return [square, square.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            *(square.resize(size, Image.Resampling.BICUBIC, box=box) for box in corners)]


def as_input(square: Image.Image) -> np.ndarray:
    """The network's input, float32 (1, 3, H, W): less 127, over 128."""
    return pixels(square, "lite").astype(np.float32)
