"""AsyncQueue between two unrelated clocks."""

import cocotb
from cocotb.triggers import RisingEdge
from glb_model import words

from sim.bench.streams import cross, cycles, run_io_check

WORDS = words(60)
RATIOS = {"equal": (5, 5), "fast_to_slow": (5, 16.666), "slow_to_fast": (17, 5), "nearly": (5, 5.002),
          "far": (3, 47)}


@cocotb.test()
@cocotb.parametrize(("ratio", list(RATIOS)), cross(["never", "some"], ["never", "mostly"]))
async def passes_all(dut, ratio, idle, pressure):
    write, read = RATIOS[ratio]
    _, sinks = await run_io_check(
        dut, {"i": WORDS}, {"o": WORDS}, idle=idle, pressure=pressure,
        periods={"write_clk": write, "read_clk": read}, clocks={"i": "write_clk", "o": "read_clk"})
    assert int(dut.empty.value), "empty"
    given = sinks["o"].transfers
    if idle == pressure == "never" and write < read:
        assert given[-1] - given[0] == len(WORDS) - 1, "one word a cycle of the slower clock"


@cocotb.test()
async def empty_is_late_never_early(dut):
    cocotb.start_soon(watch(dut))
    await run_io_check(
        dut, {"i": WORDS}, {"o": WORDS}, pressure="mostly",
        periods={"write_clk": 5, "read_clk": 7}, clocks={"i": "write_clk", "o": "read_clk"})


async def watch(dut):
    """Words in less words out, by their handshakes."""
    held = 0

    async def leave():
        nonlocal held
        while True:
            await RisingEdge(dut.read_clk)
            held -= str(dut.o__valid.value) == "1" and str(dut.o__ready.value) == "1"

    cocotb.start_soon(leave())
    await cycles(dut.write_clk, 6)
    while True:
        await RisingEdge(dut.write_clk)
        assert not (int(dut.empty.value) and held > 0), "empty while words are held"
        held += int(dut.i__valid.value) and int(dut.i__ready.value)
