"""Ring against lists: which word stands where, how many are held, how many are unread."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.run import setting
from sim.bench.streams import start

CYCLES = 2_000
STROBES = ("push", "step", "retire", "rewind")


@cocotb.test()
@cocotb.parametrize(("push", [0.2, 0.5, 1.0]), ("step", [0.2, 0.5, 1.0]))
async def keeps_words(dut, push, step):
    """Words are numbered as they come; the memory is a dict from address to number."""
    limit = setting("limit")
    chance = random.Random(f"{push} {step}")
    ports = dict.fromkeys(STROBES, 0) | ({"words": limit} if hasattr(dut, "words") else {})
    clk = await start(dut, **ports)
    memory, tail, read, write = {}, 0, 0, 0
    for _ in range(CYCLES):
        odds = {"push": push, "step": step, "retire": 0.4, "rewind": 0.1}
        for name in STROBES:
            getattr(dut, name).value = int(chance.random() < odds[name])
        await RisingEdge(clk)
        assert dut.ready.value == (write - tail < limit), "ready"
        assert dut.available.value == (read < write), "available"
        stepped = dut.step.value & dut.available.value
        pushed = dut.push.value & dut.ready.value
        if stepped:
            assert memory[int(dut.read_address.value)] == read, "read_address"
            read += 1
            tail += int(dut.retire.value)
        if pushed:
            assert int(dut.write_address.value) < limit, "write_address"
            memory[int(dut.write_address.value)] = write
            write += 1
        if stepped and dut.rewind.value:
            read = tail
