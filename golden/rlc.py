"""Run-length compression of fmaps (Section IV-B, Fig. 8), bit for bit as the chip does it.

A 64-bit word holds three pairs of a 5-bit run of zeros and the 16-bit level after it, the first pair in
the low bits (run below level), and in bit 63 whether it is the last word of its stream. 32 zeros in a
row become the pair (31, 0), and k zeros at the end the pair (k - 1, 0). Unused pairs of the last word are zero:
a stream's values come in whole 64-bit words of four, so the one or two zeros that they decode to never fill a word
and are dropped.
"""

import numpy as np

__all__ = ["LAST", "MOST_RUN", "PAIRS_OF_WORD", "VALUES_OF_WORD", "MalformedStream", "decode", "encode", "pairs"]

LAST = 1 << 63
MOST_RUN = 31
PAIR_BITS = 21
PAIRS_OF_WORD = 3
VALUES_OF_WORD = 4  # 16-bit values of a 64-bit word that is not coded


class MalformedStream(ValueError):
    """Words that are no stream of the expected length."""


def pairs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(runs, levels) of a stream.

    Parameters
    ----------
    values : ndarray of int16, any shape, taken in C order

    Returns
    -------
    runs, levels : ndarrays of int64, a pair an element
    """
    values = np.asarray(values, np.int16).ravel()
    places = np.flatnonzero(values)
    ends = np.append(places, len(values))  # where each run of zeros ends
    zeros = np.diff(ends, prepend=-1) - 1
    full, runs = np.divmod(zeros, MOST_RUN + 1)  # (31, 0) pairs before each level
    levels = np.append(values[places].astype(np.int64), 0)
    if runs[-1]:
        runs[-1] -= 1  # the last of the zeros at the end is a level of 0
        final = 1
    else:
        final = 0
    counts = full + 1
    counts[-1] += final - 1
    own = np.cumsum(counts) - 1  # index of each run's own pair
    all_runs = np.full(counts.sum(), MOST_RUN, np.int64)
    all_levels = np.zeros(counts.sum(), np.int64)
    kept = slice(None) if final else slice(-1)
    all_runs[own[kept]], all_levels[own[kept]] = runs[kept], levels[kept]
    return all_runs, all_levels


def encode(values: np.ndarray) -> np.ndarray:
    """Words of a stream.

    Parameters
    ----------
    values : ndarray of int16
        Not empty; a multiple of four of them.

    Returns
    -------
    ndarray of uint64
    """
    if np.size(values) == 0 or np.size(values) % VALUES_OF_WORD:
        raise ValueError(f"values must be a positive multiple of four, not {np.size(values)}")
    runs, levels = pairs(values)
    codes = runs.astype(np.uint64) | (levels & 0xFFFF).astype(np.uint64) << np.uint64(5)
    codes = np.pad(codes, (0, -len(codes) % PAIRS_OF_WORD)).reshape(-1, PAIRS_OF_WORD)
    words = codes[:, 0] | codes[:, 1] << np.uint64(PAIR_BITS) | codes[:, 2] << np.uint64(2 * PAIR_BITS)
    words[-1] |= np.uint64(LAST)
    return words


def decode(words: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """Values of the stream at the start of `words`.

    Parameters
    ----------
    words : ndarray of uint64
    count : int
        Values that the stream should have.

    Returns
    -------
    values : ndarray of int16 (count,)
    used : int
        Words of the stream.

    Raises
    ------
    MalformedStream
        No last word, or more or fewer values than `count`.
    """
    words = np.asarray(words, np.uint64)
    # A word makes at least three values, so the last one must be among the first of them.
    most = count // PAIRS_OF_WORD + 2
    marks = np.flatnonzero(words[:most] >> np.uint64(63))
    if not len(marks):
        raise MalformedStream(f"a stream of {count} values must have a last word among its first {most}")
    used = int(marks[0]) + 1
    shifts = np.arange(PAIRS_OF_WORD, dtype=np.uint64) * np.uint64(PAIR_BITS)
    codes = (words[:used, None] >> shifts).ravel()
    runs = (codes & np.uint64(MOST_RUN)).astype(np.int64)
    levels = (codes >> np.uint64(5) & np.uint64(0xFFFF)).astype(np.uint16).view(np.int16)
    places = np.cumsum(runs + 1) - 1
    values = np.zeros(places[-1] + 1, np.int16)
    values[places] = levels
    if not 0 <= len(values) - count < PAIRS_OF_WORD or values[count:].any():
        raise MalformedStream(f"a stream must have {count} values, not {len(values)}")
    return values[:count], used
