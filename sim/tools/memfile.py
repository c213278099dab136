"""The files of ``$readmemh`` and ``$writememh``: numpy's 64-bit words, quickly."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .find import SimulatorError

__all__ = ["MemoryFileError", "read_hex", "write_bits", "write_hex"]

DIGITS = 16
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
#: Value of each character as a hexadecimal digit; 255 where it is none.
_VALUE = np.full(256, 255, dtype=np.uint8)
_VALUE[_HEX] = _VALUE[np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)] = np.arange(16)


class MemoryFileError(SimulatorError):
    """A dump that does not say what every word is."""


def write_hex(path: Path | str, words: NDArray[np.uint64]) -> None:
    """Write words for ``$readmemh``, one a line.

    Parameters
    ----------
    path : Path
    words : numpy.ndarray of uint64
    """
    words = np.ascontiguousarray(words)
    if words.dtype != np.uint64 or words.ndim != 1:
        raise TypeError(f"words must be one row of uint64, not {words.ndim} of {words.dtype}")
    nibbles = words.astype(">u8").view(np.uint8).reshape(-1, 8)
    text = np.empty((len(words), DIGITS + 1), dtype=np.uint8)
    text[:, 0:DIGITS:2] = _HEX[nibbles >> 4]
    text[:, 1:DIGITS:2] = _HEX[nibbles & 15]
    text[:, DIGITS] = ord("\n")
    Path(path).write_bytes(text.tobytes())


def write_bits(path: Path | str, bits: Sequence[int]) -> None:
    """Write single bits for ``$readmemb``, one a line.

    Parameters
    ----------
    path : Path
    bits : sequence of int
    """
    values = np.asarray(bits, dtype=np.int64)
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise ValueError("bits must be one row of 0 and 1")
    text = np.full((len(values), 2), ord("\n"), dtype=np.uint8)
    text[:, 0] = values + ord("0")
    Path(path).write_bytes(text.tobytes())


def read_hex(path: Path | str, count: int, first: int = 0) -> NDArray[np.uint64]:
    """Read what ``$writememh`` wrote.

    Parameters
    ----------
    path : Path
    count : int
        Words that must be there.
    first : int
        Address of the first, for messages.

    Returns
    -------
    numpy.ndarray of uint64

    Raises
    ------
    MemoryFileError
        A word with an X or Z in it, or too few words.
    """
    data = _without_comments(Path(path).read_bytes())
    text = np.frombuffer(data, dtype=np.uint8)
    # Both simulators write whole words, Icarus with comments and addresses
    # between: what is left once white space is gone is a table of digits.
    text = text[text > ord(" ")]
    if len(text) != count * DIGITS:
        raise MemoryFileError(f"{path}: {len(text) / DIGITS:g} words, not {count}")
    digits = _VALUE[text].reshape(count, DIGITS)
    unknown = (digits == 255).any(axis=1)
    if unknown.any():
        index = int(unknown.argmax())
        word = text.reshape(count, DIGITS)[index].tobytes().decode()
        raise MemoryFileError(
            f"{path}: word {first + index:#x} is {word}, "
            f"and {int(unknown.sum())} of {count} words are unknown"
        )
    octets = (digits[:, 0::2] << 4) | digits[:, 1::2]
    return np.ascontiguousarray(octets).view(">u8").reshape(count).astype(np.uint64)


def _without_comments(data: bytes) -> bytes:
    if b"//" not in data and b"@" not in data:
        return data
    lines = data.split(b"\n")
    return b"\n".join(line.split(b"//")[0] for line in lines if not line.startswith(b"@"))
