"""AxiSplitter: byte addresses, no burst over a 4 KB boundary, none begun after a halt."""

import random

import cocotb
from axi_words import bursts_of, command, request
from cocotb.triggers import RisingEdge

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, run_io_check, start

BASES = {"zero": 0, "in_a_page": 0x1_2345_6FB8, "carry": 0xFFFF_FFFF_F008}


def commands(seed):
    chance = random.Random(seed)
    aimed = [(0, 512, 1), (1, 511, 1), (0, 511, 2), (1, 449, 64), (0, 448, 64), (1, 500, 64), (0, (1 << 28) - 64, 64)]
    return aimed + [(chance.getrandbits(1), chance.getrandbits(28), chance.randint(1, 64)) for _ in range(80)]


@cocotb.test()
@cocotb.parametrize(("base", list(BASES)), cross(["never", "some"], ["never", "some", "mostly"]))
async def splits(dut, base, idle, pressure):
    base = BASES[base]
    given = commands(base)
    expected = [request(write, *burst) for write, address, words in given
                for burst in bursts_of(base, address, words)]
    assert len(expected) > len(given), "some are split"
    _, sinks = await run_io_check(dut, {"bursts": [command(*each) for each in given]}, {"o": expected}, idle=idle,
                                  pressure=pressure, ports={"base": base, "halt": 0})
    assert int(dut.idle.value), "idle"
    if idle == pressure == "never":
        times = sinks["o"].transfers
        assert times[-1] - times[0] == len(given) + len(expected) - 2, "a cycle for each command and each burst"


@cocotb.test()
@cocotb.parametrize(("wait", [0, 1, 2, 3, 4, 5]))
async def halts(dut, wait):
    """What is offered stays until it is taken; then no more comes, though half a command was left."""
    clk = await start(dut, base=0, halt=0, bursts__valid=0, o__ready=0)
    ProtocolChecker(dut, "o", clk, dut.rst)
    source, sink = Source(dut, "bursts", clk), Sink(dut, "o", clk, pressure="burst")
    source.send([command(0, 500, 64)] * 5)
    await cycles(clk, 3 + wait)
    dut.halt.value = 1
    await RisingEdge(clk)
    before = len(sink.received)
    await cycles(clk, 40)
    assert len(sink.received) <= before + 1, "bursts after the halt"
    assert int(dut.idle.value), "idle"
    dut.halt.value = 0
    await sink.wait(before + 3)
