"""IfmapSpad: windows slide over rows; each word meets its flags and its zero bit."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.patterns import pattern
from sim.bench.run import setting
from sim.bench.streams import Source, cross, start
from tests.hw.passes import Pass, bus_words, window_steps

CASES = {
    "whole": Pass(q=1, S=12, V=1, f=4),
    "conv1": Pass(q=1, S=11, V=4, f=5),
    "channels": Pass(q=4, S=3, V=1, f=6),
    "disjoint": Pass(q=2, S=3, V=3, f=4),
    "one_word": Pass(q=1, S=1, V=1, f=9),
    "one_window": Pass(q=3, S=2, V=1, f=1),
    "pointwise": Pass(q=11, S=1, V=1, f=4),
}


@cocotb.test()
@cocotb.parametrize(("case", list(CASES)), cross())
async def windows_slide(dut, case, idle, pressure):
    shape, chance = CASES[case], random.Random(case)
    rows = [shape.random_row(chance) for _ in range(3 * shape.rows)]
    expected = list(window_steps(shape, rows))
    names = ("step", "retire", "rewind")
    clk = await start(dut, i__valid=0, **dict.fromkeys(names, 0))
    source = Source(dut, "i", clk, idle=idle, seed=1)
    source.send(bus_words(shape, rows, setting("values", 1)))
    busy, stepped, cycle = pattern(pressure, 2), [], 0
    while len(stepped) < len(expected):
        word = expected[len(stepped)]
        dut.step.value = int(not next(busy))
        dut.retire.value, dut.rewind.value = int(word.retire), int(word.rewind)
        await RisingEdge(clk)
        cycle += 1
        assert cycle < 50 * len(expected), f"stopped after {len(stepped)} of {len(expected)} steps"
        if dut.step.value & dut.available.value:
            seen = (dut.value.value.to_signed(), int(dut.zero.value), int(dut.row_ends.value),
                    int(dut.pass_ends.value))
            assert seen == word.seen, f"step {len(stepped)}: {seen}, not {word.seen}"
            stepped.append(cycle)
    if idle == pressure == "never":
        assert stepped[-1] - stepped[0] == len(expected) - 1, "a step a cycle"
