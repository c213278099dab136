"""LevelSync: two cycles late, no others."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.streams import start


@cocotb.test()
async def two_cycles(dut):
    clk, chance, given = await start(dut, i=0), random.Random(1), []
    for cycle in range(200):
        await RisingEdge(clk)
        if cycle > 2:
            assert int(dut.o.value) == given[-3], "late"
        given.append(chance.getrandbits(1))
        dut.i.value = given[-1]
