"""Prefetch in front of a memory: nothing lost, a word a cycle."""

import random

import cocotb
from cocotb.triggers import RisingEdge, Timer
from glb_model import words

from sim.bench.patterns import pattern
from sim.bench.streams import ProtocolChecker, Sink, cross, cycles, start

WORDS = words(150)


async def run(dut, idle, pressure):
    clk = await start(dut, requested=0, data=0, o__ready=0)
    ProtocolChecker(dut, "o", clk, dut.rst)
    sink = Sink(dut, "o", clk, pressure=pressure, seed=2, expect=WORDS)
    cocotb.start_soon(ask(dut, clk, pattern(idle, 1)))
    await sink.wait()
    await cycles(clk, 20)
    return sink


async def ask(dut, clk, idle):
    """A requester that looks at `room`, which is a register's, in the cycle of its request."""
    chance, supply = random.Random(5), iter(WORDS)
    want = False
    word = next(supply)
    while word is not None:
        dut.requested.value = int(want)
        await RisingEdge(clk)
        dut.data.value = word if want else chance.getrandbits(64)
        word = next(supply, None) if want else word
        # `room` belongs to the cycle that has begun
        await Timer(1, "ns")
        want = bool(int(dut.room.value)) and not next(idle)
    dut.requested.value = 0


@cocotb.test()
@cocotb.parametrize(cross())
async def stalls(dut, idle, pressure):
    sink = await run(dut, idle, pressure)
    if idle == pressure == "never":
        assert sink.transfers[-1] - sink.transfers[0] == len(WORDS) - 1, "one word a cycle"


@cocotb.test()
async def reads_ahead(dut):
    """With no one to take them, as many words as its queue holds."""
    clk = await start(dut, requested=0, data=0, o__ready=0)
    cocotb.start_soon(ask(dut, clk, pattern("never")))
    asked = 0
    for _ in range(20):
        await RisingEdge(clk)
        asked += int(dut.requested.value)
    assert asked == 4
