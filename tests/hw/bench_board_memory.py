"""BoardMemory: bursts of the chip, with a host's accesses in between."""

import random

import cocotb
from cocotb.triggers import RisingEdge
from glb_model import words

from sim.bench.run import setting
from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

WORDS = setting("words")


async def begin(dut, idle, pressure):
    clk = await start(dut, dram__bursts__valid=0, dram__write_words__valid=0, dram__read_words__ready=0,
                      host__enable=0, host__write=0, host__address=0, host__write_data=0)
    ProtocolChecker(dut, "dram__read_words", clk, dut.rst)
    return (clk, Source(dut, "dram__bursts", clk, idle=idle, seed=1),
            Source(dut, "dram__write_words", clk, idle=idle, seed=2),
            Sink(dut, "dram__read_words", clk, pressure=pressure, seed=3))


def command(write, address, length):
    return write | address << 1 | length - 1 << 29


async def access(dut, clk, address, data=None):
    """The host's; the word read."""
    dut.host__enable.value, dut.host__address.value, dut.host__write.value = 1, address, int(data is not None)
    dut.host__write_data.value = data or 0
    await RisingEdge(clk)
    dut.host__enable.value = 0
    await RisingEdge(clk)
    return int(dut.host__read_data.value)


@cocotb.test()
@cocotb.parametrize(cross(["never", "some"], ["never", "some", "mostly"]), ("host", [False, True]))
async def bursts(dut, idle, pressure, host):
    """Chip: the lower half is written, then read; host: the upper half, all the time."""
    clk, commands, given, taken = await begin(dut, idle, pressure)
    chance, half = random.Random(f"{idle} {pressure} {host}"), WORDS // 2
    data = [chance.getrandbits(64) for _ in range(half)]  # not what the test before left in the memory
    cuts, at = [], 0
    while at < half:
        length = min(half - at, chance.randint(1, 16))
        cuts.append((at, length))
        at += length
    commands.send([command(1, *cut) for cut in cuts])
    given.send(data)
    commands.send([command(0, *cut) for cut in cuts])
    seen = {}

    async def meddle():
        while True:
            address = half + chance.randrange(half)
            if address in seen and chance.random() < 0.5:
                assert await access(dut, clk, address) == seen[address], "the host's word"
            else:
                seen[address] = chance.getrandbits(64)
                await access(dut, clk, address, seen[address])

    if host:
        cocotb.start_soon(meddle())
    await taken.wait(half)
    assert taken.received == data, "words"
    assert not int(dut.out_of_range.value), "range"
    if idle == pressure == "never" and not host:
        assert taken.transfers[-1] - taken.transfers[0] <= half + 3 * len(cuts), "a word a cycle in a burst"


@cocotb.test()
@cocotb.parametrize(("write", [0, 1]), ("first", [WORDS - 3, WORDS]))
async def out_of_range(dut, write, first):
    clk, commands, given, taken = await begin(dut, "never", "never")
    commands.send([command(write, WORDS - 4, 4)])
    given.send(words(4 * write))
    await cycles(clk, 30)
    assert not int(dut.out_of_range.value), "within range"
    commands.send([command(write, first, 4)])
    given.send(words(4 * write))
    await cycles(clk, 30)
    assert int(dut.out_of_range.value), "range"
