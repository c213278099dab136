"""The demo's data: a photograph, 96 filters that a visual cortex would know, and pictures of the result.

Fixed point: pixels are integers (8 bits less a mean), weights have 15 fractional bits, and `SHIFT` takes
8 bits off each product, so ofmaps have 7: an ofmap value of 128 is one grey level. Every filter's weights
add up to at most 1 in magnitude, so no response exceeds the largest pixel, and no psum overflows in
whatever order it is summed.
"""

import io
from pathlib import Path

import numpy as np
from matplotlib.cbook import get_sample_data
from matplotlib.figure import Figure
from PIL import Image

from sim.tools.files import write_file

__all__ = ["MEAN", "SHIFT", "bias_bank", "filter_bank", "filter_names", "load_photo", "save_pictures"]

#: What is subtracted from red, green and blue: ImageNet's mean, as AlexNet does.
MEAN = (124, 117, 104)
#: Bits taken off each product.
SHIFT = 8
WEIGHT_BITS = 15

#: Colour axes: what red, green and blue count.
AXES = {
    "grey": (1, 1, 1),
    "red-green": (1, -1, 0),
    "blue-yellow": (-0.5, -0.5, 1),
    "magenta-green": (0.5, -1, 0.5),
}

#: The filters whose ofmaps `save_pictures` shows.
SHOWN = (
    "grey edge 0°, 9 px", "grey edge 45°, 9 px", "grey edge 90°, 9 px", "grey edge 135°, 9 px",
    "grey line 0°, 6 px", "grey line 90°, 4 px", "grey spot on, 1.2 px", "grey spot off, 2.2 px",
    "red-green edge 90°, 10 px", "red-green spot on, 2.2 px", "blue-yellow edge 0°, 10 px",
    "blue-yellow spot off, 2.2 px",
)


def load_photo(size: int = 227) -> np.ndarray:
    """Grace Hopper's portrait, which ships with matplotlib, as a layer's ifmap.

    Parameters
    ----------
    size : int
        Height and width, in pixels.

    Returns
    -------
    ndarray of int16, shape (1, 3, size, size)
        Red, green, blue, each less its `MEAN`.
    """
    with Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))) as image:
        side = min(image.size)  # a portrait: the square at its top holds the face
        square = image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS, box=(0, 0, side, side))
    return (np.asarray(square, np.int16) - np.array(MEAN, np.int16)).transpose(2, 0, 1)[None].copy()


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (y, x) of a plane's weights, in pixels from its middle; y points down."""
    half = (size - 1) / 2
    y, x = np.mgrid[-half:half + 1, -half:half + 1]
    return y, x


def _gabor(size: int, angle: float, wavelength: float, phase: float) -> np.ndarray:
    """A plane wave under a Gaussian: answers to edges and lines along `angle` (radians from horizontal)."""
    y, x = _grid(size)
    across = y * np.cos(angle) + x * np.sin(angle)
    along = x * np.cos(angle) - y * np.sin(angle)
    sigma = 0.45 * wavelength
    envelope = np.exp(-(across ** 2 + (along / 1.5) ** 2) / (2 * sigma ** 2))
    wave = envelope * np.cos(2 * np.pi * across / wavelength + phase)
    return wave - envelope * wave.sum() / envelope.sum()  # blind to even areas


def _centre_surround(size: int, radius: float) -> np.ndarray:
    """A difference of two Gaussians of equal volume: answers to spots of about `radius` pixels."""
    y, x = _grid(size)
    centre, surround = (np.exp(-(y ** 2 + x ** 2) / (2 * sigma ** 2)) for sigma in (radius, 1.8 * radius))
    return centre / centre.sum() - surround / surround.sum()


def _real_filters(size: int) -> dict[str, np.ndarray]:
    """Name -> plane of weights for each colour, (3, size, size), not yet scaled."""
    def coloured(axis, plane):
        return np.multiply.outer(AXES[axis], plane)

    def gabors(axis, directions, wavelengths):
        return {
            f"{axis} {kind} {round(180 * k / directions)}°, {wavelength:g} px":
                coloured(axis, _gabor(size, np.pi * k / directions, wavelength, phase))
            for wavelength in wavelengths for k in range(directions)
            for kind, phase in (("line", 0), ("edge", -np.pi / 2))
        }

    spots = {
        f"{axis} spot {sign}, {radius:g} px": coloured(axis, polarity * _centre_surround(size, radius))
        for axis in AXES for radius in (1.2, 2.2) for sign, polarity in (("on", 1), ("off", -1))
    }
    return {
        **gabors("grey", 8, (4, 6, 9)),
        **gabors("red-green", 4, (6, 10)),
        **gabors("blue-yellow", 4, (6, 10)),
        **spots,
    }


def filter_names() -> list[str]:
    """What each of the 96 filters answers to."""
    return list(_real_filters(11))


def filter_bank() -> np.ndarray:
    """Gabor filters on grey and on two colour axes, and centre-surround spots on four.

    Returns
    -------
    ndarray of int16, shape (96, 3, 11, 11)
        With 15 fractional bits; the magnitudes of a filter's weights add up to 1 - 2**-8 before rounding.
    """
    real = np.stack(list(_real_filters(11).values()))
    real *= (1 - 2 ** -8) / np.abs(real).sum(axis=(1, 2, 3), keepdims=True)
    return np.rint(real * 2 ** WEIGHT_BITS).astype(np.int16)


def bias_bank() -> np.ndarray:
    """Biases that turn the truncation of products into rounding, on average.

    A shifted product is rounded down and so loses half of the last bit on average: with up to 363 products a
    sum, 1.4 grey levels. Products with a weight of 0 are exact.

    Returns
    -------
    ndarray of int16, shape (96,)
        In the ofmap's format, with 7 fractional bits.
    """
    return (np.count_nonzero(filter_bank(), axis=(1, 2, 3)) // 2).astype(np.int16)


def _in_colour(weights: np.ndarray) -> np.ndarray:
    """A filter (3, R, S) as a picture (R, S, 3) around grey, scaled to its largest weight."""
    return 0.5 + 0.5 * weights.transpose(1, 2, 0) / np.abs(weights).max()


def _picture_of_photo(photo: np.ndarray) -> Figure:
    pixels = (photo[0].transpose(1, 2, 0) + np.array(MEAN)).astype(np.uint8)
    figure = Figure(figsize=(4, 4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(pixels)
    axes.set_axis_off()
    return figure


def _picture_of_filters(filters: np.ndarray) -> Figure:
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    for axes, weights in zip(figure.subplots(6, 16).flat, filters, strict=True):
        axes.imshow(_in_colour(weights), interpolation="nearest")
        axes.set_axis_off()
    figure.suptitle(f"The {len(filters)} filters: Gabor on grey, on red-green and blue-yellow; spots")
    return figure


def _picture_of_ofmaps(filters: np.ndarray, names: list[str], ofmap: np.ndarray) -> Figure:
    figure = Figure(figsize=(11, 9), layout="constrained")
    for axes, name in zip(figure.subplots(3, 4).flat, SHOWN, strict=True):
        m = names.index(name)
        strength = np.abs(ofmap[0, m].astype(float))
        axes.imshow(strength, cmap="magma", vmin=0, vmax=max(1, np.percentile(strength, 99)))
        axes.set_title(f"{m}: {name}", fontsize=9)
        axes.set_axis_off()
        corner = axes.inset_axes((0.8, 0.8, 0.19, 0.19))
        corner.imshow(_in_colour(filters[m]), interpolation="nearest")
        corner.set(xticks=[], yticks=[])
    figure.suptitle("Ofmaps (magnitude), each with its filter in the corner")
    return figure


def save_pictures(photo: np.ndarray, ofmap: np.ndarray, directory: Path | str) -> list[Path]:
    """Write photo.png, filters.png and ofmaps.png.

    Parameters
    ----------
    photo : ndarray of int16, shape (1, 3, H, W)
        From `load_photo`.
    ofmap : ndarray of int16, shape (1, 96, E, F)
        The answers of `filter_bank` to it.
    directory : Path or str
        Made if it does not exist.

    Returns
    -------
    list of Path
        The files.
    """
    directory, filters = Path(directory), filter_bank()
    figures = {
        "photo.png": _picture_of_photo(photo),
        "filters.png": _picture_of_filters(filters),
        "ofmaps.png": _picture_of_ofmaps(filters, filter_names(), ofmap),
    }
    for name, figure in figures.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=120, facecolor="white")
        write_file(directory / name, buffer.getvalue())
    return [directory / name for name in figures]
