"""IfmapAligner: runs of values from anywhere in words of them, padding dropped."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.patterns import pattern
from sim.bench.run import setting
from sim.bench.streams import ProtocolChecker, Source, cross, start
from tests.hw.passes import packed, quads

MOST, BITS = setting("most"), setting("bits", 16)
# the values wanted in turn, and after how many turns the rest of a word is dropped
CASES = {
    "full": ([MOST], 7), "ones": ([1], 11), "uneven": ([MOST, 1], 9), "one_turn": ([MOST - 1], 1),
    "random": ([random.Random(MOST).randint(1, MOST) for _ in range(97)], 13),
}
TURNS = 200


def turns(counts, tile, chance):
    """(words, [(values of a turn, whether a drop goes with it, or is it)])."""
    words, steps, values = [], [], []
    for turn in range(TURNS):
        values.append([chance.getrandbits(BITS) for _ in range(counts[turn % len(counts)])])
        if len(values) == tile or turn == TURNS - 1:
            together = turn == TURNS - 1 or chance.random() < 0.5
            steps += [(taken, together and taken is values[-1]) for taken in values]
            steps += [] if together else [([], True)]
            words += quads(sum(values, []), 64 // BITS, BITS)
            values = []
    return words, steps


@cocotb.test()
@cocotb.parametrize(("case", list(CASES)), cross())
async def aligns(dut, case, idle, pressure):
    words, steps = turns(*CASES[case], random.Random(case))
    clk = await start(dut, i__valid=0, last=0, take=0, drop=0)
    ProtocolChecker(dut, "i", clk, dut.rst)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    source.send(words if idle == "some" else [*words, 0])  # one word more stays, and is not waited for
    busy, at, cycle, first = pattern(pressure, 2), 0, 0, None
    while at < len(steps):
        values, drop = steps[at]
        go = not next(busy)
        dut.last.value = max(0, len(values) - 1)
        dut.take.value, dut.drop.value = int(go and bool(values)), int(go and drop)
        await RisingEdge(clk)
        cycle += 1
        assert cycle < 50 * len(steps), f"step {at} of {len(steps)}, then none"
        if go and dut.available.value == 1:
            first = first or cycle
            if values:
                seen, meant = int(dut["values"].value), packed(values, BITS)
                assert seen == meant, f"step {at}: {seen:x}, not {meant:x}"
            at += 1
    dut.take.value = dut.drop.value = 0
    await RisingEdge(clk)
    await RisingEdge(clk)
    assert len(source.transfers) == len(words), f"{len(source.transfers)} words taken of {len(words)}"
    if idle == pressure == "never":
        assert cycle - first == len(steps) - 1, "a step a cycle"
