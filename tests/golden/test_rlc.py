"""The run-length code against a value-by-value one, its errors, and its size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.rlc import CODE8, LAST, MalformedStream, decode, encode, pairs


def plain_pairs(values):
    """Fig. 8, a value at a time."""
    found, run = [], 0
    for value in values:
        if value == 0:
            run += 1
            if run == 32:
                found.append((31, 0))
                run = 0
        else:
            found.append((run, int(value)))
            run = 0
    return found + ([(run - 1, 0)] if run else [])


@st.composite
def streams(draw):
    length = 4 * draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.integers(-(1 << 15), 1 << 15, length).astype(np.int16)
    values[rng.random(length) < draw(st.sampled_from((0, 0.3, 0.8, 0.97, 1)))] = 0
    return values


@settings(deadline=None)
@given(streams())
def test_pairs(values):
    runs, levels = pairs(values)
    assert list(zip(runs.tolist(), levels.tolist(), strict=True)) == plain_pairs(values)


@settings(deadline=None)
@given(streams(), streams())
def test_round_trip_of_one_stream_before_another(first, second):
    words = np.concatenate([encode(first), encode(second)])
    values, used = decode(words, len(first))
    assert (values == first).all() and used == len(encode(first))
    assert (decode(words[used:], len(second))[0] == second).all()


def test_format():
    """Runs below levels, the first pair lowest, the last word marked."""
    word, = encode([0, 0, -1, 5])
    assert int(word) == LAST | 2 | 0xFFFF << 5 | (5 << 5) << 21


@settings(deadline=None)
@given(streams(), st.integers(0, 2**32 - 1))
def test_malformed(values, seed):
    """Another length, a lost last word: noticed. A changed bit is, unless it only changes a level."""
    words = encode(values)
    for count in (len(values) + 4, len(values) - 4):
        if count > 0:
            with pytest.raises(MalformedStream):
                decode(words, count)
    lost = words.copy()
    lost[-1] &= np.uint64(LAST - 1)
    with pytest.raises(MalformedStream):
        decode(lost, len(values))


@pytest.mark.parametrize("values", [[], [1, 2, 3]])
def test_length(values):
    with pytest.raises(ValueError, match=r"^values must be a positive multiple of 4, not \d$"):
        encode(values)


@pytest.mark.parametrize("zeros", [0.4, 0.5, 0.6, 0.7, 0.8])
@pytest.mark.parametrize("side, channels", [(13, 64), (27, 16), (55, 4)])
def test_size(zeros, side, channels):
    """What the format must cost for such a source, and no more than half a per cent above that."""
    rng = np.random.default_rng(1)
    values = rng.integers(1, 1 << 15, side * side * channels).astype(np.int16)[:side * side * channels // 4 * 4]
    values[rng.random(len(values)) < zeros] = 0
    found = len(pairs(values)[0])
    assert 64 * len(encode(values)) <= 1.005 * found * 64 / 3
    expected = len(values) * (1 - zeros) / (1 - zeros**32)
    assert abs(found / expected - 1) < 0.02


@settings(deadline=None)
@given(streams(), st.integers(0, 2**32 - 1))
def test_8_bit_values(values, seed):
    """Five pairs of 4 and 8 bits: the same round trip; another length is noticed."""
    values = np.resize(values, -(-len(values) // 8) * 8).astype(np.uint8)
    words = encode(values, CODE8)
    assert len(words) == -(-len(pairs(values, CODE8)[0]) // 5)
    assert pairs(values, CODE8)[0].max() <= 15
    found, used = decode(np.concatenate([words, words]), len(values), CODE8)
    assert (found == values).all() and used == len(words)
    with pytest.raises(MalformedStream):
        decode(words, len(values) + 8, CODE8)


def test_format_of_8_bit_values():
    word, = encode([0, 0, 255, 5, 0, 0, 0, 0], CODE8)
    assert int(word) == LAST | 2 | 0xFF << 4 | (5 << 4) << 12 | 3 << 24
