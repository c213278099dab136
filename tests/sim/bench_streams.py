"""cocotb tests of the bench kit itself: on a FIFO, and on streams that are broken."""

import random

import cocotb
import pytest

from sim.bench.run import setting
from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, run_io_check, start

DEPTH = 4
WORDS = list(random.Random(5).randbytes(100))


@cocotb.test()
@cocotb.parametrize(cross())
async def fifo_passes_all(dut, idle, pressure):
    sources, sinks = await run_io_check(
        dut, {"i": WORDS}, {"o": WORDS}, idle=idle, pressure=pressure, seed=3
    )
    taken, given = sources["i"].transfers, sinks["o"].transfers
    assert len(taken) == len(given) == len(WORDS)
    if idle == pressure == "never":
        assert given[-1] - given[0] == len(WORDS) - 1, "one word a cycle"


@cocotb.test()
async def fifo_fills_up(dut):
    clk = await start(dut, o__ready=0)
    source = Source(dut, "i", clk)
    source.send(WORDS)
    await cycles(clk, 20)
    assert len(source.transfers) == DEPTH


@cocotb.test()
async def sink_names_a_wrong_word(dut):
    clk = await start(dut)
    Source(dut, "i", clk).send([1, 2, 3])
    sink = Sink(dut, "o", clk)
    await sink.wait(3)
    with pytest.raises(AssertionError, match=r"^o: word 3 is 0x7, not 0x4, at \d+ ns"):
        sink._expected = [1, 2, 3, 4]
        sink._take(7, 0)


@cocotb.test()
async def broken_stream(dut):
    """Fails, unless the stream of broken.sv is told to behave."""
    clk = await start(dut, fault=setting("fault"), o__ready=0)
    ProtocolChecker(dut, "o", clk, dut.rst)
    sink = Sink(dut, "o", clk, pressure="mostly", seed=1, expect=range(1, 41))
    await sink.wait()


@cocotb.test()
async def fields_and_signs(dut):
    """struct.sv swaps two fields and drops an empty stream's word."""
    words = [(number & 15, number - 8) for number in range(16)]
    await run_io_check(
        dut,
        {"i": [{"small": small, "large": large} for small, large in words], "token": [None] * 5},
        {"o": [{"small": large % 16, "large": small} for small, large in words]},
        fields={"i": ["small", "large"], "o": ["small", "large"]}, pressure="some", idle="some",
    )


@cocotb.test()
@cocotb.parametrize(("link_ns", [3, 10, 17]), cross(["never", "some"], ["never", "some"]))
async def crossing_passes_all(dut, link_ns, idle, pressure):
    await run_io_check(
        dut, {"i": WORDS}, {"o": WORDS}, idle=idle, pressure=pressure,
        periods={"clk": 5, "link_clk": link_ns}, clocks={"i": "link_clk"},
    )
