"""PsumSpad: p psums accumulate while the p before them leave, each with the psum from outside added."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.patterns import pattern
from sim.bench.run import setting
from sim.bench.streams import ProtocolChecker, Sink, Source, cross, start
from tests.hw.passes import quads, random_values

CASES = {  # p, steps, positions
    "usual": (16, 3, 4),
    "whole": (24, 2, 4),
    "one_step": (16, 1, 16),
    "ragged": (5, 3, 8),
    "short": (3, 1, 12),
    "one_psum": (1, 1, 30),
    "lone": (1, 4, 12),
}
AHEAD = 2  # cycles from the reservation of a psum to its first addition


@cocotb.test()
@cocotb.parametrize(("case", list(CASES)), cross())
async def accumulates(dut, case, idle, pressure):
    p, steps, positions = CASES[case]
    chance = random.Random(case)
    values, psums = random_values(chance, positions, steps, p), random_values(chance, positions, p)
    sums = [[sum(column) for column in zip(first, *rows, strict=True)]
            for first, rows in zip(psums, values, strict=True)]
    clk = await start(dut, p_last=p - 1, i__valid=0, o__ready=0, reserve=0, accumulate=0, first=0, last=0,
                      rewind=0, value=0)
    for name in "io":
        ProtocolChecker(dut, name, clk, dut.rst)
    Source(dut, "i", clk, idle=idle, seed=1).send(word for row in psums for word in quads(row))
    sink = Sink(dut, "o", clk, pressure=pressure, seed=2, expect=[word for row in sums for word in quads(row)])
    accumulated = await drive(dut, clk, values, pattern(idle, 3))
    await sink.wait()
    # a queue of one word passes one every second cycle; without one behind it, the gathered word blocks for one
    full_rate = p * steps >= 2 if setting("fifo_depth") > 1 else steps >= 2
    if idle == pressure == "never" and full_rate:
        assert accumulated[-1] - accumulated[0] == p * steps * positions - 1, "a psum a cycle"


async def drive(dut, clk, values, idle):
    """Be the pipeline of a PE; the cycles of all additions."""
    p, steps = len(values[0][0]), len(values[0])
    work = [(step, k, value) for position in values for step, row in enumerate(position)
            for k, value in enumerate(row)]
    issued, flight, accumulated = 0, [None] * AHEAD, []
    for cycle in range(100 * len(work)):
        if len(accumulated) == len(work):
            break
        step = work[issued][0] if issued < len(work) else None
        go = step is not None and not next(idle)
        dut.reserve.value = int(go and step == 0)
        addition = flight[-1]
        dut.accumulate.value = int(addition is not None)
        if addition is not None:
            step, k, value = addition
            dut.first.value, dut.last.value = int(step == 0), int(step == steps - 1)
            dut.rewind.value, dut.value.value = int(k == p - 1), value & 0xFFFF
            accumulated.append(cycle)
        await RisingEdge(clk)
        issue = go and (work[issued][0] != 0 or dut.space.value == 1)
        flight = [work[issued] if issue else None, *flight[:-1]]
        issued += issue
    assert len(accumulated) == len(work), f"stopped after {len(accumulated)} of {len(work)} additions"
    dut.reserve.value = dut.accumulate.value = 0
    return accumulated
