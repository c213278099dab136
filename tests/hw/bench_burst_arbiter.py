"""BurstArbiter: no one starves, every word goes back to whom it belongs."""

import collections
import random

import cocotb
from glb_model import each_cycle

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

READERS = ("bias", "filter", "ifmap")
SOURCES = (*READERS, "ofmap")


def burst(source, number, chance):
    """A command; its address tells whose it is."""
    return (source == "ofmap") | (SOURCES.index(source) << 20 | number << 8) << 1 | chance.randrange(6) << 29


class Dram:
    """Answers read commands in order."""

    def __init__(self, clk, commands, source):
        self._commands, self._source, self._seen = commands, source, 0
        each_cycle(clk, self._cycle)

    def _cycle(self):
        while self._seen < len(self._commands.received):
            command = self._commands.received[self._seen]
            self._seen += 1
            if not command & 1:
                self._source.send(data(command))


def data(command):
    """The words that a read command asks for."""
    address = command >> 1 & 0xFFFFFFF
    return [(address + index) * 0x1000_0000_1 for index in range((command >> 29) + 1)]


async def run(dut, *, idle="never", pressure="never", slow=(), each=12):
    chance = random.Random(9)
    streams = [*SOURCES, "bursts", "words", *(f"{name}_words" for name in READERS)]
    clk = await start(dut, **{f"{name}__valid": 0 for name in (*SOURCES, "words")},
                      **{f"{name}_words__ready": 0 for name in READERS}, bursts__ready=0)
    for name in streams:
        ProtocolChecker(dut, name, clk, dut.rst)
    asked = {name: [burst(name, number, chance) for number in range(each)] for name in SOURCES}
    sources, sinks = {}, {}
    for seed, name in enumerate(SOURCES):
        sources[name] = Source(dut, name, clk, idle=idle, seed=seed)
        sources[name].send(asked[name])
    commands = Sink(dut, "bursts", clk, pressure=pressure, seed=8)
    Dram(clk, commands, Source(dut, "words", clk, idle=idle, seed=7))
    for seed, name in enumerate(READERS):
        expected = [word for command in asked[name] for word in data(command)]
        sinks[name] = Sink(dut, f"{name}_words", clk, pressure="mostly" if name in slow else pressure,
                           seed=20 + seed, expect=expected)
    await commands.wait(4 * each)
    for sink in sinks.values():
        await sink.wait()
    await cycles(clk, 20)
    assert len(commands.received) == 4 * each, "commands"
    for name, own in asked.items():
        got = [command for command in commands.received if SOURCES[command >> 21 & 3] == name]
        assert got == own, f"commands of {name}"
    return commands


@cocotb.test()
@cocotb.parametrize(cross())
async def stalls(dut, idle, pressure):
    await run(dut, idle=idle, pressure=pressure)


@cocotb.test()
@cocotb.parametrize(("name", READERS))
async def one_slow_reader(dut, name):
    await run(dut, slow=(name,))


@cocotb.test()
@cocotb.parametrize(("pressure", ["never", "mostly"]))
async def fair(dut, pressure):
    """While all four ask, each is served once in four."""
    commands = await run(dut, pressure=pressure)
    served = [command >> 21 & 3 for command in commands.received]
    for first in range(len(served) - 4):
        assert len(set(served[first:first + 4])) == 4, "starved"


@cocotb.test()
async def remembers_owners(dut):
    """Eight reads and no answer: the ninth waits."""
    clk = await start(dut, **{f"{name}__valid": 0 for name in (*SOURCES, "words")}, words__payload=0,
                      **{f"{name}_words__ready": 1 for name in READERS}, bursts__ready=1)
    source, commands = Source(dut, "filter", clk), collections.deque(burst("filter", n, random) for n in range(20))
    source.send(commands)
    await cycles(clk, 40)
    assert len(source.transfers) == 8, "outstanding"
