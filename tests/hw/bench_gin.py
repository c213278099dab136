"""Gin: each word to all and only the PEs that match, in one cycle."""

import math
import random

import cocotb

from hw.config import ChipConfig
from sim.bench.run import setting
from sim.bench.streams import cross, run_io_check
from tests.hw.passes import packed

WORDS = 40
CHIP = ChipConfig(**setting("chip"))
PES = [(y, x) for y in range(CHIP.rows) for x in range(CHIP.columns)]


def diagonal():
    """Row IDs and col IDs of Fig. 11: ifmap rows pass in diagonals."""
    return [0] * CHIP.rows, {(y, x): x + y for y, x in PES}


def strided():
    """Stride 2: rows of odd and even IDs, col IDs that need all 5 bits."""
    return [y % 2 for y in range(CHIP.rows)], {(y, x): 26 + x + y // 2 for y, x in PES}


def rows_alike():
    """Filters: every PE of a row takes the same word."""
    return [5 + y for y in range(CHIP.rows)], {pe: 9 for pe in PES}


def scattered():
    chance = random.Random(4)
    return [chance.choice([3, 11]) for _ in range(CHIP.rows)], {pe: chance.choice([1, 9, 17]) for pe in PES}


MAPS = {function.__name__: function for function in (diagonal, strided, rows_alike, scattered)}


@cocotb.test()
@cocotb.parametrize(("mapping", list(MAPS)), cross())
async def multicasts(dut, mapping, idle, pressure):
    row_ids, col_ids = MAPS[mapping]()
    chance = random.Random(mapping)
    enabled = {pe for pe in PES if chance.random() < 0.8}
    tags = [(row_ids[y], col_ids[y, x]) for y, x in PES]
    # also what no PE is meant to take: tags that differ in one bit, or only in the row or the column
    tags += [(row ^ 8, col) for row, col in tags] + [(row, col ^ 16) for row, col in tags]
    words = [(chance.getrandbits(18), *chance.choice(tags)) for _ in range(WORDS)]
    targets = [
        [pe for pe in PES if pe in enabled and (row_ids[pe[0]], col_ids[pe]) == (row, col)]
        for _, row, col in words
    ]
    sources, sinks = await run_io_check(
        dut, {"i": [data | row << 18 | col << 22 for data, row, col in words]},
        {
            f"pe__{y}__{x}": [word[0] for word, pes in zip(words, targets, strict=True) if (y, x) in pes]
            for y, x in PES
        },
        idle=idle, pressure=pressure, seed=2,
        ports={
            "row_ids": packed(row_ids, 4), "col_ids": packed([col_ids[pe] for pe in PES], 5),
            "enables": packed([pe in enabled for pe in PES], 1),
        },
    )
    taken = sources["i"].transfers
    arrivals = {(y, x): iter(sinks[f"pe__{y}__{x}"].transfers) for y, x in PES}
    for number, (cycle, pes) in enumerate(zip(taken, targets, strict=True)):
        cycles = {next(arrivals[pe]) for pe in pes}
        assert len(cycles) <= 1, f"word {number}: not all PEs take it in one cycle"
        following = taken[number + 1] if number + 1 < len(taken) else math.inf
        assert all(cycle < arrival <= following for arrival in cycles), f"word {number}: overtaken"
        assert pressure != "never" or cycles <= {cycle + 1}, f"word {number}: latency is 1"
    assert dut.unclaimed.value == sum(not pes for pes in targets), "unclaimed"
    if idle == pressure == "never":
        assert taken[-1] - taken[0] == WORDS - 1, "a word a cycle"

