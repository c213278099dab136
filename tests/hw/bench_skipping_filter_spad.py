"""SkippingFilterSpad: positions take some of a pass's weights, while the next pass's come in."""

import random
from collections import deque

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.patterns import pattern
from sim.bench.run import setting
from sim.bench.streams import ProtocolChecker, Source, cross, start
from tests.hw.passes import quads

DEPTH = setting("depth")


def accesses(p, values, positions, kept, passes, chance):
    """(weights of each pass, [(weight or None for a marker, index, address, retire, upto)]).

    Each position takes the p weights of some of its values: those `kept`, a fraction. If it is not the last,
    a marker ends the position, which is all that the PE hands on of the zeros before it.
    """
    weights = [[chance.getrandbits(16) for _ in range(p * values)] for _ in range(passes)]
    steps, base = [], 0
    for each in weights:
        for position in range(positions):
            dies = position == positions - 1
            taken = [value for value in range(values) if chance.random() < kept] or [values - 1]
            for value in taken:
                for index in range(value * p, value * p + p):
                    ends = index == value * p + p - 1
                    upto = len(each) if index == len(each) - 1 else index + 1
                    steps.append((each[index], index, (base + index) % DEPTH, dies and ends, upto))
            if taken[-1] != values - 1:
                index = (values - 1) * p
                steps.append((None, index, (base + index) % DEPTH, dies, len(each)))
        base = (base + len(each)) % DEPTH
    return weights, steps


@cocotb.test()
@cocotb.parametrize(("p, values, positions".split(", "), setting("passes")), ("kept", [0.0, 0.2, 0.6, 1.0]), cross())
async def reads_passes(dut, p, values, positions, kept, idle, pressure):
    weights, steps = accesses(p, values, positions, kept, 6, random.Random(f"{p} {values} {positions} {kept}"))
    clk = await start(dut, i__valid=0, words=p * values, index=0, address=0, read=0, retire=0, upto=0, marker=0)
    ProtocolChecker(dut, "i", clk, dut.rst)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    source.send(word for each in weights for word in quads(each))
    busy, taken, due = pattern(pressure, 2), [], deque()
    for cycle in range(50 * len(steps)):
        if len(taken) == len(steps):
            break
        weight, index, address, retire, upto = steps[len(taken)]
        go = not next(busy)
        marker = weight is None
        dut.index.value, dut.address.value, dut.upto.value = index, address, upto
        dut.read.value, dut.retire.value, dut.marker.value = go and not marker, go and retire, marker
        await RisingEdge(clk)
        if due:
            expected, data = due.popleft(), int(dut.data.value.to_unsigned())
            assert data == expected, f"step {len(taken) - 1}: weight {data:x}, not {expected:x}"
        if go and (marker or dut.available.value == 1):
            due += [] if marker else [weight]
            taken.append(cycle)
    assert len(taken) == len(steps), f"stopped after {len(taken)} of {len(steps)} steps"
    if kept == 1.0 and idle == pressure == "never":
        assert taken[-1] - taken[0] == len(steps) - 1, "a weight a cycle"
