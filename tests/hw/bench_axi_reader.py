"""AxiReader: bursts out, words in order, errors seen, and no word left behind by a discard."""

import random

import cocotb
from axi_words import answer, burst, read_word
from glb_model import Watch, each_cycle

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

OUTSTANDING = 8


class Bench:
    def __init__(self, dut, *, idle="never", pressure="never", bad=()):
        self.dut, self.idle, self.pressure, self.bad = dut, idle, pressure, bad
        self.most, self.open = 0, 0

    async def begin(self):
        dut = self.dut
        clk = self.clk = await start(dut, i__valid=0, r__valid=0, ar__ready=0, words__ready=0, discard=0)
        for name in ("i", "ar", "r"):
            ProtocolChecker(dut, name, clk, dut.rst)
        self.source = Source(dut, "i", clk, idle=self.idle, seed=1)
        self.ar = Sink(dut, "ar", clk, pressure=self.pressure, seed=2)
        self.r = Source(dut, "r", clk, idle=self.idle, seed=3)
        self.words = Sink(dut, "words", clk, pressure=self.pressure, seed=4)
        self.errors = Watch(clk, dut.error)
        answer(clk, self.ar, self.r, self._memory)
        each_cycle(clk, self._count)

    def _memory(self, asked):
        address, words = asked & (1 << 64) - 1, (asked >> 64) + 1
        return [read_word(address + 8 * word, word == words - 1, 2 if address + 8 * word in self.bad else 0)
                for word in range(words)]

    def _count(self):
        dut = self.dut
        self.open += int(dut.i__valid.value) & int(dut.i__ready.value)
        if int(dut.r__valid.value) and int(dut.r__ready.value):
            self.open -= int(dut.r__payload.value) >> 66
        self.most = max(self.most, self.open)
        assert self.open <= OUTSTANDING, "too many outstanding"

    async def at_rest(self):
        await cycles(self.clk, 4)
        assert int(self.dut.idle.value) and not self.open, "idle"


def bursts():
    chance = random.Random(5)
    return [(chance.getrandbits(50) << 3, chance.choice((1, 2, 16, 64))) for _ in range(30)]


@cocotb.test()
@cocotb.parametrize(cross())
async def reads(dut, idle, pressure):
    asked = bursts()
    bench = Bench(dut, idle=idle, pressure=pressure, bad={asked[3][0], asked[20][0]})
    await bench.begin()
    bench.source.send([burst(*each) for each in asked])
    expected = [address + 8 * word for address, words in asked for word in range(words)]
    await bench.words.wait(1)
    assert not int(dut.idle.value), "idle"
    await bench.words.wait(len(expected))
    assert bench.words.received == expected, "words"
    assert bench.ar.received == [burst(*each) for each in asked], "bursts"
    assert bench.errors.count == 2, "errors"
    assert bench.most > 1, "several outstanding"
    await bench.at_rest()
    if idle == pressure == "never":
        times = bench.words.transfers
        # the bench's memory takes a cycle from a burst to its first word, once
        assert times[-1] - times[0] == len(expected) - 1, "a word a cycle"


@cocotb.test()
@cocotb.parametrize(("after", [0, 5, 90]), ("idle", ["never", "some"]))
async def discards(dut, after, idle):
    """All bursts come to their end though nobody takes a word."""
    bench = Bench(dut, idle=idle)
    await bench.begin()
    bench.source.send([burst(*each) for each in bursts()[:8]])
    await bench.source.drain()
    await bench.words.wait(after)
    bench.words.task.cancel()
    dut.words__ready.value = 0
    dut.discard.value = 1
    await bench.r.drain()
    await cycles(bench.clk, 3)
    taken = len(bench.words.received)
    await bench.at_rest()
    assert len(bench.words.received) == taken and not int(dut.words__valid.value), "words of a discard"
