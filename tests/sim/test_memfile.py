"""Files of $readmemh and $writememh."""

import re
import time

import numpy as np
import pytest

from sim.tools.memfile import MemoryFileError, read_hex, write_bits, write_hex

WORDS = np.random.default_rng(2).integers(0, 1 << 64, 1000, dtype=np.uint64)


def test_round_trip(tmp_path):
    write_hex(tmp_path / "words", WORDS)
    assert (tmp_path / "words").read_text().splitlines()[7] == f"{WORDS[7]:016x}"
    np.testing.assert_array_equal(read_hex(tmp_path / "words", 1000), WORDS)


def test_comments_addresses_and_capitals(tmp_path):
    lines = ["// 0x00000000", "@0", *(f"{word:016X}  // note" for word in WORDS[:5]), ""]
    (tmp_path / "words").write_text("\n".join(lines))
    np.testing.assert_array_equal(read_hex(tmp_path / "words", 5), WORDS[:5])


def test_unknown_word_is_named(tmp_path):
    path = tmp_path / "words"
    path.write_text("0000000000000000\nxxxxxxxxxxxxxxxx\n00000000000000zz\n")
    message = f"{path}: word 0x101 is xxxxxxxxxxxxxxxx, and 2 of 3 words are unknown"
    with pytest.raises(MemoryFileError, match=f"^{re.escape(message)}$"):
        read_hex(path, 3, first=0x100)


def test_short_file_is_refused(tmp_path):
    write_hex(tmp_path / "words", WORDS[:3])
    with pytest.raises(MemoryFileError, match="words: 3 words, not 4$"):
        read_hex(tmp_path / "words", 4)


def test_bits(tmp_path):
    write_bits(tmp_path / "bits", [1, 0, 0, 1])
    assert (tmp_path / "bits").read_text() == "1\n0\n0\n1\n"
    with pytest.raises(ValueError, match="^bits must be one row of 0 and 1$"):
        write_bits(tmp_path / "bits", [0, 2])


def test_only_words_are_written(tmp_path):
    with pytest.raises(TypeError, match="^words must be one row of uint64, not 1 of int64$"):
        write_hex(tmp_path / "words", np.zeros(3, dtype=np.int64))


def test_a_million_words_take_a_moment(tmp_path):
    words = np.arange(1 << 20, dtype=np.uint64)
    started = time.process_time()
    write_hex(tmp_path / "words", words)
    assert (read_hex(tmp_path / "words", 1 << 20) == words).all()
    assert time.process_time() - started < 5
