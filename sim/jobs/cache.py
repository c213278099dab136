"""Results that are kept, each under a name that says all that it depends on."""

import functools
import hashlib
import importlib.metadata
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.tools.files import BUILD, ROOT, write_file

__all__ = ["Cache", "code_digest", "key"]

#: What computes results: these folders' sources, the HDL of the memory model and the benches included, ...
SOURCES = ("hw", "golden", "compiler", "host", "sim")
#: ... and these packages.
PACKAGES = ("amaranth", "cocotb", "numpy")


@functools.cache
def code_digest(root: Path = ROOT) -> str:
    """A SHA-256 of everything that computes a result."""
    digest = hashlib.sha256(repr([importlib.metadata.version(name) for name in PACKAGES]).encode())
    for package in SOURCES:
        for path in sorted((Path(root) / package).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def key(*subject: Any) -> str:
    """Names a result: what it is of, arrays by their values and all else by its `repr`, and the code."""
    digest = hashlib.sha256(code_digest().encode())
    for part in subject:
        is_array = isinstance(part, np.ndarray)
        digest.update(f"\0{part.dtype}{part.shape}" .encode() if is_array else f"\0{part!r}".encode())
        if is_array:
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()[:24]


class Cache:
    """Results of one kind on disk: each an object that JSON can hold, and arrays.

    Parameters
    ----------
    kind : str
        A folder in `build/kept`.
    build : Path
    """

    key = staticmethod(key)

    def __init__(self, kind: str, build: Path = BUILD) -> None:
        self._directory = Path(build) / "kept" / kind

    def get(self, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        """(object, arrays by name) that `put` kept under this name; None where there is nothing to be read."""
        try:
            with np.load(self._directory / f"{name}.npz") as kept:
                arrays = {array: kept[array] for array in kept.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return json.loads(bytes(arrays.pop("json"))), arrays

    def put(self, name: str, table: dict[str, Any], **arrays: NDArray[Any]) -> None:
        """Keep a result; who reads meanwhile finds the one before or this one."""
        buffer = io.BytesIO()
        everything: dict[str, Any] = {"json": np.frombuffer(json.dumps(table).encode(), np.uint8), **arrays}
        np.savez(buffer, **everything)
        write_file(self._directory / f"{name}.npz", buffer.getvalue())
