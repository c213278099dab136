"""What a network is fed: arrays and pictures from files, checked against the model's inputs."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compiler.onnx.file import Port
from scripts.terminal.console import BadInput
from scripts.terminal.pictures import middle, open_picture, pixels

__all__ = ["Preparation", "load_calibration", "load_classes", "load_inputs", "load_picture", "parse_sizes", "sized"]

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
BATCH = 32  # calibration samples that are run at once


@dataclass(frozen=True)
class Preparation:
    """What becomes of a picture.

    Parameters
    ----------
    pixels : str
        A key of `scripts.terminal.pictures.PIXELS`.
    crop : float
        The share of its width and height, in the middle, that is taken: more than 0, at most 1.

    Raises
    ------
    BadInput
        Another share.
    """

    pixels: str = "imagenet"
    crop: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise BadInput(f"--crop must be more than 0 and at most 1, not {self.crop:g}")


def load_picture(path, port: Port, preparation: Preparation) -> np.ndarray:
    """A picture as (1, C, H, W): the middle of it, of the input's proportions, scaled to its size."""
    if port.dims is None or len(port.dims) != 4 or port.dims[1] not in (1, 3) or None in port.dims[2:]:
        raise BadInput(f"input {port} must be Nx3xHxW or Nx1xHxW to take the picture {path}: give a .npy file, or "
                       "--shape where sizes are open")
    _, channels, height, width = (size or 0 for size in port.dims)  # only the first is open
    image = open_picture(path).convert("RGB" if channels == 3 else "L")
    return pixels(middle(image, width, height, preparation.crop), preparation.pixels).astype(port.dtype)


def _load(path, port, preparation):
    if Path(path).suffix.lower() in PICTURES:
        return load_picture(path, port, preparation)
    try:
        value = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path} must be a readable .npy file or a picture: {error}") from None
    if not isinstance(value, np.ndarray):
        raise BadInput(f"{path} must hold one array, as .npy files do")
    return _checked(value, port, path)


def _checked(value, port, source):
    if value.dtype != port.dtype:
        raise BadInput(f"input {port.name} must be {port.dtype}, not {value.dtype} ({source})")
    if not port.accepts(value.shape):
        raise BadInput(f"input {port} must not be of shape {'x'.join(map(str, value.shape))} ({source})")
    if not value.size:
        raise BadInput(f"input {port.name} must not be empty ({source})")
    if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
        bad = int(np.count_nonzero(~np.isfinite(value)))
        raise BadInput(f"input {port.name} must be finite numbers; {bad} of {value.size} are NaN or infinite "
                       f"({source})")
    return value


def _named(items, ports, option):
    """{input: text} of [NAME=]TEXT items; the name may be left out where there is one input only."""
    found = {}
    for item in items:
        fitting = [name for name in ports if item.startswith(f"{name}=")]  # a name may have a = in it
        name = max(fitting, key=len, default=item.partition("=")[0])
        equals, text = item[len(name):len(name) + 1], item[len(name) + 1:]
        if not equals or name not in ports and len(ports) == 1 and Path(item).exists():
            if len(ports) != 1:
                raise BadInput(f"{option} must be NAME={item}, as the model has the inputs {', '.join(ports)}")
            name, text = next(iter(ports)), item
        if name not in ports:
            known = ", ".join(map(str, ports.values()))
            raise BadInput(f"{option}: the model has no input {name}; its inputs are {known}")
        if name in found:
            raise BadInput(f"{option}: input {name} must be given once")
        found[name] = text
    return found


def load_inputs(items, ports: dict[str, Port], preparation: Preparation) -> dict[str, np.ndarray]:
    """Tensors of --input [NAME=]FILE options, all of the model's inputs."""
    files = _named(items, ports, "--input")
    for name, port in ports.items():
        if name not in files:
            raise BadInput(f"input {port} is missing: give --input {name}=FILE.npy")
    return {name: _load(path, ports[name], preparation) for name, path in files.items()}


def _given_sizes(items, ports):
    """{input: sizes} of --shape [NAME=]1x3x224x224 options."""
    sizes = {}
    for name, text in _named(items, ports, "--shape").items():
        try:
            sizes[name] = tuple(int(size) for size in text.split("x"))
        except ValueError:
            raise BadInput(f"--shape must be sizes such as 1x3x224x224, not {text!r}") from None
        if min(sizes[name], default=1) < 1 or not ports[name].accepts(sizes[name]):
            raise BadInput(f"--shape {text} must fit the input {ports[name]}")
    return sizes


def sized(items, ports: dict[str, Port]) -> dict[str, Port]:
    """The inputs, those that --shape [NAME=]1x3x224x224 options name with these sizes."""
    return ports | {name: replace(ports[name], dims=sizes) for name, sizes in _given_sizes(items, ports).items()}


def parse_sizes(items, ports: dict[str, Port]) -> dict[str, tuple]:
    """Sizes of every input, open ones from --shape [NAME=]1x3x224x224 options; an open first size is 1 otherwise."""
    sizes = _given_sizes(items, ports)
    for name, port in ports.items():
        if name not in sizes:
            if port.dims is None or None in port.dims[1:]:
                raise BadInput(f"input {port} leaves sizes open: give --shape {name}={_example(port)} or the like")
            sizes[name] = tuple(size or 1 for size in port.dims)
    return sizes


def _example(port):
    """Sizes that an input could have."""
    if port.dims is None:
        return "1x3x224x224"
    first, *others = port.dims
    return "x".join(map(str, (first or 1, *(size or 224 for size in others))))


def load_calibration(source, ports: dict[str, Port], preparation: Preparation,
                     option="--calibrate") -> list[dict]:
    """Batches to calibrate with: a directory of .npy files and pictures, or a .npz file of arrays by input name."""
    source = Path(source)
    if source.is_dir():
        if len(ports) != 1:
            raise BadInput(f"{option} must be a .npz file, as the model has the inputs {', '.join(ports)}")
        (name, port), = ports.items()
        files = sorted(path for path in source.iterdir() if path.suffix.lower() in (".npy", *PICTURES))
        if not files:
            raise BadInput(f"{option} {source} must hold .npy files or pictures")
        return [batch for path in files for batch in _cut({name: _load(path, port, preparation)}, ports)]
    try:
        with np.load(source) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, TypeError) as error:
        raise BadInput(f"{option} {source} must be a directory or a readable .npz file: {error}") from None
    if set(arrays) != set(ports):
        raise BadInput(f"{option} {source} must have the arrays {', '.join(ports)}, not {', '.join(arrays)}")
    return _cut({name: _batched(arrays[name], port, source) for name, port in ports.items()}, ports)


def load_classes(path) -> list[str]:
    """Names of classes, a line each, from class 0 on."""
    try:
        names = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"--classes {path} must be a readable text file: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"--classes {path} must be a text file in UTF-8") from None
    if not names:
        raise BadInput(f"--classes {path} must have a name a line, from class 0 on; it is empty")
    return names


def _batched(value, port, source):
    """Checked, where a fixed first size is that of one batch and there may be many."""
    if port.dims and port.dims[0] is not None and value.ndim == len(port.dims) and value.shape[0] % port.dims[0] == 0:
        _checked(value[:port.dims[0]], port, source)
        return _checked(value, Port(port.name, port.dtype, (None, *port.dims[1:])), source)
    return _checked(value, port, source)


def _cut(feeds, ports):
    """Batches of what the model takes at once: its own first size, or up to BATCH where that is open."""
    if any(not value.ndim for value in feeds.values()):
        return [feeds]
    sizes = {len(value) for value in feeds.values()}
    if len(sizes) != 1:
        return [feeds]
    own = {port.dims[0] for port in ports.values() if port.dims}
    step = next(iter(own)) if len(own) == 1 and None not in own else BATCH
    return [{name: value[first:first + step] for name, value in feeds.items()}
            for first in range(0, sizes.pop(), step)]
