"""The RLC codec against its golden twin: streams long and short, dense and sparse, one after another."""

import random

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from layer_model import CHIP, pack, stream_word

from golden import rlc
from sim.bench.streams import Source, cross, cycles, run_io_check, start

END, BAD = 1 << 64, 1 << 65
CODE = rlc.CODE8 if CHIP.data_width == 8 else rlc.CODE16
VALUES, RUN = CODE.values, CODE.most_run
MASK = (1 << CODE.level_bits) - 1


def streams(zeros, count, seed):
    """Streams of whole words, with a fraction of zeros."""
    chance = np.random.default_rng(seed)
    for _ in range(count):
        values = chance.integers(-(1 << 15), 1 << 15, VALUES * chance.integers(1, 40))
        yield np.where(chance.random(len(values)) < zeros, 0, values).astype(CODE.dtype)


# runs that end at, before and after the longest; a level alone; nothing but zeros
LONG = RUN + 1
EDGES = [np.pad(np.array([7], CODE.dtype), (run, -(run + 1) % VALUES))
         for run in (*range(9), *range(LONG - 3, LONG + 6), *range(2 * LONG - 1, 2 * LONG + 2))]
EDGES += [np.zeros(count, CODE.dtype)
          for count in (VALUES, LONG - VALUES, LONG, LONG + VALUES, 2 * LONG, 2 * LONG + VALUES, 4 * LONG)]
EDGES += [np.arange(1, count + 1, dtype=CODE.dtype) for count in range(VALUES, 8 * VALUES, VALUES)]
random.Random(1).shuffle(EDGES)

CASES = {f"zeros{zeros}": list(streams(zeros, 8, 1)) for zeros in (0, 0.5, 0.9, 0.99, 1)} | {"edges": EDGES}


def coded(case):
    return [int(word) for values in CASES[case] for word in rlc.encode(values, CODE)]


def plain(values):
    return [pack((int(value) & MASK for value in values[at:at + VALUES]), CODE.level_bits)
            for at in range(0, len(values), VALUES)]


class Decoded(int):
    """What must come: of a mark only its flags count, of a word only its values."""

    def __ne__(self, other):
        return other >> 64 != 1 if self & END else other & ~BAD != int(self)

    def __eq__(self, other):
        return not self != other

    __hash__ = int.__hash__


async def decode(dut, case, idle="never", pressure="never"):
    expected = [Decoded(word) for values in CASES[case] for word in (*plain(values), END)]
    return await run_io_check(dut, {"i": coded(case)}, {"o": expected}, idle=idle, pressure=pressure,
                              ports={"raw": 0}, seed=1)


async def encode(dut, case, idle="never", pressure="never"):
    words = [stream_word(word, index == len(values) // VALUES - 1, CODE.level_bits)
             for values in CASES[case] for index, word in enumerate(plain(values))]
    result = await run_io_check(dut, {"i": words}, {"o": coded(case)}, idle=idle, pressure=pressure,
                                ports={"raw": 0}, seed=1)
    assert not int(dut.running.value), "running after the end"
    return result


STALLS = cross(["never", "some", "burst"], ["never", "some", "burst"])


@cocotb.test()
@cocotb.parametrize(("case", ["zeros0.5", "edges"]), STALLS)
async def decoder_stalls(dut, case, idle, pressure):
    await decode(dut, case, idle, pressure)


@cocotb.test()
@cocotb.parametrize(("case", list(CASES)))
async def decoder_rate(dut, case):
    """A pair a cycle, a word of zeros a cycle, and one cycle for the mark."""
    sources, _ = await decode(dut, case)
    steps = len(CASES[case])
    for values in CASES[case]:
        lane, (runs, _) = 0, rlc.pairs(values, CODE)
        for run in [*runs, *[0] * (-len(runs) % CODE.pairs)]:
            steps += (lane + int(run)) // VALUES + 1
            lane = (lane + int(run) + 1) % VALUES
        # a pair that ends a word begins the next one at its first lane
    taken = sources["i"].transfers
    assert taken[-1] - taken[0] <= steps, "a pair a cycle"


@cocotb.test()
async def decoder_keeps_up(dut):
    """A taker that needs a cycle for each value of a word, as the ifmap sender behind the GLB does, never waits."""
    clk = await start(dut, raw=0, i__valid=0, o__ready=0)
    values = CASES["zeros0"][0]
    Source(dut, "i", clk).send(int(word) for word in rlc.encode(values, CODE))
    while not int(dut.o__valid.value):
        await RisingEdge(clk)
    for _ in range(len(values) // VALUES - 1):
        await cycles(clk, VALUES - 1)
        dut.o__ready.value = 1
        await RisingEdge(clk)
        dut.o__ready.value = 0
        await FallingEdge(clk)
        assert int(dut.o__valid.value), "the next word is there"


@cocotb.test()
@cocotb.parametrize(("case", ["zeros0.5", "edges"]), STALLS)
async def encoder_stalls(dut, case, idle, pressure):
    await encode(dut, case, idle, pressure)


@cocotb.test()
@cocotb.parametrize(("case", list(CASES)))
async def encoder_rate(dut, case):
    """A pair a cycle or a word of zeros a cycle; a stream's end costs at most two more."""
    sources, _ = await encode(dut, case)
    steps = sum(len(rlc.pairs(values, CODE)[0]) + len(values) // VALUES + 2 for values in CASES[case])
    taken = sources["i"].transfers
    assert taken[-1] - taken[0] <= steps, "a pair a cycle"


@cocotb.test()
@cocotb.parametrize(STALLS)
async def raw(dut, idle, pressure):
    chance = random.Random(3)
    words = [chance.getrandbits(64) for _ in range(100)]
    _, sinks = await run_io_check(dut, {"i": words}, {"o": [Decoded(word) for word in words]}, idle=idle,
                                  pressure=pressure, ports={"raw": 1})
    if idle == pressure == "never":
        assert sinks["o"].transfers[-1] - sinks["o"].transfers[0] == 99, "one word a cycle"
