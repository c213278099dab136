"""FilterSpad: a pass's weights are read again for each position, while the next pass's come in."""

import random
from collections import deque

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.patterns import pattern
from sim.bench.run import setting
from sim.bench.streams import ProtocolChecker, Source, cross, start
from tests.hw.passes import quads

GATED = 0.2


@cocotb.test()
@cocotb.parametrize(("words, positions".split(", "), setting("passes")), cross())
async def reads_passes(dut, words, positions, idle, pressure):
    chance = random.Random(words)
    passes = [[chance.randrange(-1 << 15, 1 << 15) for _ in range(words)] for _ in range(4)]
    steps = [
        (weight, position == positions - 1, index == words - 1)
        for weights in passes for position in range(positions) for index, weight in enumerate(weights)
    ]
    clk = await start(dut, i__valid=0, words=words, step=0, read=0, retire=0, rewind=0)
    ProtocolChecker(dut, "i", clk, dut.rst)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    source.send(word for weights in passes for word in quads(weights))
    busy, stepped, due = pattern(pressure, 2), [], deque()
    for cycle in range(50 * len(steps)):
        if len(stepped) == len(steps):
            break
        weight, retire, rewind = steps[len(stepped)]
        gated = chance.random() < GATED
        dut.step.value = go = int(not next(busy))
        dut.read.value = go and not gated
        dut.retire.value, dut.rewind.value = int(retire), int(rewind)
        await RisingEdge(clk)
        if due:
            expected = due.popleft()
            data = dut.data.value.to_signed()
            assert data == expected, f"weight {len(stepped) - 1}: {data}, not {expected}"
        if dut.step.value & dut.available.value:
            if not gated:
                due.append(weight)
            stepped.append(cycle)
    assert len(stepped) == len(steps), f"stopped after {len(stepped)} of {len(steps)} weights"
    if idle == pressure == "never":
        assert stepped[-1] - stepped[0] == len(steps) - 1, "a weight a cycle"
