"""Queue: every word once and in order, a cycle later."""

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.run import setting
from sim.bench.streams import Source, cross, cycles, run_io_check, start
from tests.hw.glb_model import words

WORDS = words(150, width=8)


@cocotb.test()
@cocotb.parametrize(cross())
async def passes_all(dut, idle, pressure):
    cocotb.start_soon(check_level(dut))
    sources, sinks = await run_io_check(dut, {"i": WORDS}, {"o": WORDS}, idle=idle, pressure=pressure)
    pairs = list(zip(sources["i"].transfers, sinks["o"].transfers, strict=True))
    assert min(given - taken for taken, given in pairs) >= 1
    if pressure == "never":
        assert all(given - taken == 1 for taken, given in pairs), "latency is 1 where nothing holds a word up"
    if idle == pressure == "never":
        interval = 2 if setting("depth") == 1 else 1
        assert pairs[-1][1] - pairs[0][1] == interval * (len(WORDS) - 1)


async def check_level(dut):
    """`level` is the number of words taken and not yet given."""
    level = 0
    while True:
        await RisingEdge(dut.clk)
        if dut.rst.value != 0:
            level = 0
            continue
        assert int(dut.level.value) == level, f"level is {int(dut.level.value)}, not {level}"
        level += int(dut.i__valid.value & dut.i__ready.value) - int(dut.o__valid.value & dut.o__ready.value)


@cocotb.test()
async def holds_depth_words(dut):
    clk = await start(dut, o__ready=0)
    source = Source(dut, "i", clk)
    source.send(WORDS)
    await cycles(clk, 20)
    assert len(source.transfers) == int(dut.level.value) == setting("depth")
