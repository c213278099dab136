"""Pictures from files, as a viewer shows them and as networks take them.

Upright, in colour, on white where they are transparent; of the size and in the numbers that a network wants.
"""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from scripts.terminal.console import BadInput

__all__ = ["LARGEST", "PIXELS", "middle", "open_picture", "pixels"]

#: What a pixel's 0..255 becomes: (subtracted, divided by), for red, green, blue; grey pictures take the mean.
PIXELS = {
    "imagenet": (np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255),
    "unit": (np.zeros(3), np.full(3, 255.0)),
    "byte": (np.zeros(3), np.ones(3)),
    "lite": (np.full(3, 127.0), np.full(3, 128.0)),
}
LARGEST = 100_000_000  # pixels: 0.3 GB in memory


def open_picture(path: Path | str) -> Image.Image:
    """The first picture of a file, in RGB.

    Raises
    ------
    BadInput
        The file cannot be read as a picture, or the picture is too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours
            with Image.open(path) as file:
                if file.width * file.height > LARGEST:
                    raise BadInput(f"{path} must have at most {LARGEST // 1_000_000} million pixels, "
                                   f"not {file.width} x {file.height}")
                return _in_colour(ImageOps.exif_transpose(file))
    except BadInput:
        raise
    except Image.DecompressionBombError:
        raise BadInput(f"{path} must have at most {LARGEST // 1_000_000} million pixels; it has far more") from None
    except UnidentifiedImageError:
        raise BadInput(f"{path} must be a readable picture: it is of no kind that Pillow knows") from None
    except Exception as error:  # the decoders' errors have no common base
        raise BadInput(f"{path} must be a readable picture: {_reason(error, path)}") from None


def middle(image: Image.Image, width: int, height: int, share: float = 1.0,
           resample: Image.Resampling = Image.Resampling.LANCZOS) -> Image.Image:
    """The middle of a picture, of these proportions, scaled to this size: the largest there is, or a share of it."""
    scale = share * min(image.width / width, image.height / height)
    left, top = (image.width - scale * width) / 2, (image.height - scale * height) / 2
    return image.resize((width, height), resample, box=(left, top, left + scale * width, top + scale * height))


def pixels(image: Image.Image, name: str) -> np.ndarray:
    """A picture in RGB or grey as (1, 3 or 1, H, W) in float64; `name` is a key of PIXELS."""
    values = np.atleast_3d(np.asarray(image, np.float64))
    offset, divisor = (found if values.shape[2] == 3 else found.mean() for found in PIXELS[name])
    return ((values - offset) / divisor).transpose(2, 0, 1)[None]


def _reason(error: Exception, path: Path | str) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).replace(repr(str(path)), "it").split()) or type(error).__name__


def _in_colour(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):  # a grey of 16 bits, which convert() would clip
        values = np.asarray(image)
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 65535:
            raise ValueError("its greys are no numbers of 8 or 16 bits")
        image = Image.fromarray((values // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
