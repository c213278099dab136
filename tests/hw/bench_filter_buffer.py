"""FilterBuffer: a queue of two single-port banks."""

import cocotb
from glb_model import Watch, words
from layer_model import CHIP

from sim.bench.streams import Source, cross, cycles, run_io_check, start

WORDS = words(150)


@cocotb.test()
@cocotb.parametrize(cross())
async def passes_all(dut, idle, pressure):
    freed = Watch(dut.clk, dut.freed)
    sources, sinks = await run_io_check(dut, {"i": WORDS}, {"o": WORDS}, idle=idle, pressure=pressure, seed=3)
    given = sinks["o"].transfers
    assert freed.count == len(WORDS), "credits"
    if idle == pressure == "never":
        assert given[-1] - given[0] == len(WORDS) - 1, "one word a cycle"
        # a write steps back once, and from then on meets the reads no more
        taken = sources["i"].transfers
        assert taken[-1] - taken[0] <= len(WORDS), "one word a cycle while it is read"


@cocotb.test()
async def fills_up(dut):
    clk = await start(dut, o__ready=0)
    freed = Watch(clk, dut.freed)
    source = Source(dut, "i", clk)
    assert int(dut.starved.value) == 1
    source.send(WORDS)
    await cycles(clk, 60)
    assert len(source.transfers) == 2 * CHIP.filter_bank_words + freed.count, "capacity"
    assert freed.count == 4
    assert int(dut.starved.value) == 0
