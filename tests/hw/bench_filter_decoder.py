"""FilterDecoder: weights of several m groups, each with words behind its end that stand for nothing."""

import cocotb
from bench_rlc import CASES, CODE, plain

from golden import rlc
from sim.bench.streams import cross, run_io_check

FILL = 3  # words behind every other stream


async def decode(dut, case, idle="never", pressure="never"):
    coded, expected = [], []
    for index, values in enumerate(CASES[case]):
        coded += [*map(int, rlc.encode(values, CODE)), *[rlc.LAST] * (FILL * (index % 2))]
        expected += plain(values)
    sources, _ = await run_io_check(dut, {"i": coded}, {"o": expected}, idle=idle, pressure=pressure,
                                    ports={"filter_raw": 0})
    return len(coded), len(expected), sources["i"].transfers


@cocotb.test()
@cocotb.parametrize(("case", ["zeros0", "zeros0.5", "edges"]), cross())
async def stalls(dut, case, idle, pressure):
    await decode(dut, case, idle, pressure)


@cocotb.test()
@cocotb.parametrize(("case", list(CASES)))
async def rate(dut, case):
    """A cycle for a word of weights, and one for a coded word that does not end with it."""
    coded, words, taken = await decode(dut, case)
    assert taken[-1] - taken[0] <= words + coded, "a word a cycle"


@cocotb.test()
@cocotb.parametrize(cross())
async def passes_raw_words(dut, idle, pressure):
    words = [word for values in CASES["zeros0.5"] for word in plain(values)]
    await run_io_check(dut, {"i": words}, {"o": words}, idle=idle, pressure=pressure, ports={"filter_raw": 1})
