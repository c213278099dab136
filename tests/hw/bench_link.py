"""The link: three streams over two clocks, and when all has been written."""

import cocotb
from glb_model import words

from sim.bench.streams import cross, run_io_check

COMMANDS, WRITES, READS = words(20, 1, 37), words(60, 2), words(60, 3)


@cocotb.test()
@cocotb.parametrize(("link_ns", [3, 5.002, 16.666]), cross(["never", "some"], ["never", "some"]))
async def passes_all(dut, link_ns, idle, pressure):
    await run_io_check(
        dut, {"core__bursts": COMMANDS, "core__write_words": WRITES, "link__read_words": READS},
        {"link__bursts": COMMANDS, "link__write_words": WRITES, "core__read_words": READS},
        idle=idle, pressure=pressure, periods={"clk": 5, "link_clk": link_ns},
        clocks=dict.fromkeys(("link__bursts", "link__write_words", "link__read_words"), "link_clk"))
    assert int(dut.written.value), "written"


@cocotb.test()
@cocotb.parametrize(("kept", ["link__bursts", "link__write_words"]))
async def written_waits(dut, kept):
    """One stream taken, the other not: not yet written."""
    kept_words = {"link__bursts": COMMANDS[:2], "link__write_words": WRITES[:2]}
    streams = {"core__bursts": COMMANDS[:2], "core__write_words": WRITES[:2]}
    other = next(name for name in kept_words if name != kept)
    await run_io_check(
        dut, streams, {other: kept_words[other]}, periods={"clk": 5, "link_clk": 16},
        clocks={other: "link_clk"}, ports={f"{kept}__ready": 0, "link__read_words__valid": 0,
                                           "core__read_words__ready": 0})
    assert not int(dut.written.value), "written"
