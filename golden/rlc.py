"""Run-length compression of fmaps (Section IV-B, Fig. 8), bit for bit as the chip does it.

A 64-bit word holds pairs of a run of zeros and the level after it, the first pair in the low bits (run below level),
and in bit 63 whether it is the last word of its stream. Of 16-bit values these are three pairs of 5 and 16 bits, of
8-bit values five of 4 and 8. Zeros in a row, one more than the longest run, become the pair (longest run, 0), and k
zeros at the end the pair (k - 1, 0). Unused pairs of the last word are zero: a stream's values come in whole 64-bit
words, so the zeros that they decode to, fewer than a word has values, never fill one and are dropped.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["CODE8", "CODE16", "LAST", "MOST_RUN", "PAIRS_OF_WORD", "VALUES_OF_WORD", "Code", "MalformedStream",
           "decode", "encode", "pairs"]

LAST = 1 << 63


@dataclass(frozen=True)
class Code:
    """How values are coded.

    Attributes
    ----------
    run_bits, level_bits : int
        Of a pair; `level_bits` are those of a value.
    pairs : int
        Of a word.
    dtype : dtype
        Of the values.
    """

    run_bits: int
    level_bits: int
    pairs: int
    dtype: np.dtype

    @property
    def pair_bits(self) -> int:
        """Bits of a pair."""
        return self.run_bits + self.level_bits

    @property
    def most_run(self) -> int:
        """The longest run of a pair."""
        return (1 << self.run_bits) - 1

    @property
    def values(self) -> int:
        """Values of a word that is not coded."""
        return 64 // self.level_bits


CODE16 = Code(run_bits=5, level_bits=16, pairs=3, dtype=np.dtype(np.int16))
CODE8 = Code(run_bits=4, level_bits=8, pairs=5, dtype=np.dtype(np.uint8))
MOST_RUN, PAIRS_OF_WORD, VALUES_OF_WORD = CODE16.most_run, CODE16.pairs, CODE16.values


class MalformedStream(ValueError):
    """Words that are no stream of the expected length."""


def pairs(values: np.ndarray, code: Code = CODE16) -> tuple[np.ndarray, np.ndarray]:
    """(runs, levels) of a stream.

    Parameters
    ----------
    values : ndarray of the code's type, any shape, taken in C order

    Returns
    -------
    runs, levels : ndarrays of int64, a pair an element
    """
    values = np.asarray(values, code.dtype).ravel()
    places = np.flatnonzero(values)
    ends = np.append(places, len(values))  # where each run of zeros ends
    zeros = np.diff(ends, prepend=-1) - 1
    full, runs = np.divmod(zeros, code.most_run + 1)  # (longest run, 0) pairs before each level
    levels = np.append(values[places].astype(np.int64), 0)
    if runs[-1]:
        runs[-1] -= 1  # the last of the zeros at the end is a level of 0
        final = 1
    else:
        final = 0
    counts = full + 1
    counts[-1] += final - 1
    own = np.cumsum(counts) - 1  # index of each run's own pair
    all_runs = np.full(counts.sum(), code.most_run, np.int64)
    all_levels = np.zeros(counts.sum(), np.int64)
    kept = slice(None) if final else slice(-1)
    all_runs[own[kept]], all_levels[own[kept]] = runs[kept], levels[kept]
    return all_runs, all_levels


def encode(values: np.ndarray, code: Code = CODE16) -> np.ndarray:
    """Words of a stream.

    Parameters
    ----------
    values : ndarray of the code's type
        Not empty; whole words of them.

    Returns
    -------
    ndarray of uint64
    """
    if np.size(values) == 0 or np.size(values) % code.values:
        raise ValueError(f"values must be a positive multiple of {code.values}, not {np.size(values)}")
    runs, levels = pairs(values, code)
    masked = (levels & (1 << code.level_bits) - 1).astype(np.uint64)
    codes = runs.astype(np.uint64) | masked << np.uint64(code.run_bits)
    codes = np.pad(codes, (0, -len(codes) % code.pairs)).reshape(-1, code.pairs)
    words = np.bitwise_or.reduce(codes << _places(code), axis=1)
    words[-1] |= np.uint64(LAST)
    return words


def _places(code: Code) -> np.ndarray:
    """Lowest bit of each pair of a word."""
    return np.arange(code.pairs, dtype=np.uint64) * np.uint64(code.pair_bits)


def decode(words: np.ndarray, count: int, code: Code = CODE16) -> tuple[np.ndarray, int]:
    """Values of the stream at the start of `words`.

    Parameters
    ----------
    words : ndarray of uint64
    count : int
        Values that the stream should have.

    Returns
    -------
    values : ndarray of the code's type (count,)
    used : int
        Words of the stream.

    Raises
    ------
    MalformedStream
        No last word, or more or fewer values than `count`.
    """
    words = np.asarray(words, np.uint64)
    # A word makes a value of each pair at least, so the last one must be among the first of them.
    most = count // code.pairs + 2
    marks = np.flatnonzero(words[:most] >> np.uint64(63))
    if not len(marks):
        raise MalformedStream(f"a stream of {count} values must have a last word among its first {most}")
    used = int(marks[0]) + 1
    codes = (words[:used, None] >> _places(code)).ravel()
    runs = (codes & np.uint64(code.most_run)).astype(np.int64)
    levels = codes >> np.uint64(code.run_bits) & np.uint64((1 << code.level_bits) - 1)
    places = np.cumsum(runs + 1) - 1
    values = np.zeros(places[-1] + 1, code.dtype)
    values[places] = levels.astype(f"u{code.dtype.itemsize}").view(code.dtype)
    if not 0 <= len(values) - count < code.pairs or values[count:].any():
        raise MalformedStream(f"a stream must have {count} values, not {len(values)}")
    return values[:count], used
