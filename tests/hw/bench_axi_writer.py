"""AxiWriter: bursts with their words and WLAST, answers counted, and bursts filled up by a discard."""

import random

import cocotb
from axi_words import burst, write_word
from cocotb.triggers import RisingEdge
from glb_model import Watch, words

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

LENGTHS = [random.Random(6).choice((1, 2, 3, 16, 64)) for _ in range(30)]


class Bench:
    def __init__(self, dut, *, idle="never", pressure="never", bad=()):
        self.dut, self.idle, self.pressure, self.bad = dut, idle, pressure, bad

    async def begin(self):
        dut = self.dut
        clk = self.clk = await start(dut, i__valid=0, words__valid=0, b__valid=0, aw__ready=0, w__ready=0, discard=0)
        for name in ("i", "words", "aw", "w", "b"):
            ProtocolChecker(dut, name, clk, dut.rst)
        self.source = Source(dut, "i", clk, idle=self.idle, seed=1)
        self.words = Source(dut, "words", clk, idle=self.idle, seed=2)
        self.aw = Sink(dut, "aw", clk, pressure=self.pressure, seed=3)
        self.w = Sink(dut, "w", clk, pressure=self.pressure, seed=4)
        self.b = Source(dut, "b", clk, idle=self.idle, seed=5)
        self.errors = Watch(clk, dut.error)
        cocotb.start_soon(self._answer())

    async def _answer(self):
        """An answer for each burst whose address and words have all come."""
        ends, seen = 0, 0
        while True:
            await RisingEdge(self.clk)
            while seen < len(self.w.received):
                ends += self.w.received[seen] >> 72
                seen += 1
            given = getattr(self, "answers", 0)
            while given < min(ends, len(self.aw.received)):
                self.b.send([2 if given in self.bad else 0])
                given = self.answers = given + 1

    async def at_rest(self, bursts):
        await self.b.drain()
        await cycles(self.clk, 4)
        assert self.answers == bursts, "answers"
        assert int(self.dut.idle.value), "idle"


def expected(data, lengths):
    words_, at = [], 0
    for length in lengths:
        words_ += [write_word(word, at + place == at + length - 1)
                   for place, word in enumerate(data[at:at + length])]
        at += length
    return words_


@cocotb.test()
@cocotb.parametrize(cross())
async def writes(dut, idle, pressure):
    bench = Bench(dut, idle=idle, pressure=pressure, bad={2, 17})
    await bench.begin()
    data = words(sum(LENGTHS), seed=8)
    asked = [burst(place << 12, length) for place, length in enumerate(LENGTHS)]
    bench.source.send(asked)
    bench.words.send(data)
    await bench.w.wait(1)
    assert not int(dut.idle.value), "idle"
    await bench.w.wait(len(data))
    await bench.aw.wait(len(asked))
    assert bench.w.received == expected(data, LENGTHS), "words"
    assert bench.aw.received == asked, "bursts"
    await bench.at_rest(len(LENGTHS))
    assert bench.errors.count == 2, "errors"
    if idle == pressure == "never":
        assert bench.w.transfers[-1] - bench.w.transfers[0] == len(data) - 1, "a word a cycle"


@cocotb.test()
async def waits_for_the_last_answer(dut):
    bench = Bench(dut)
    await bench.begin()
    bench.b.task.cancel()
    bench.source.send([burst(0, 4)])
    bench.words.send(words(4))
    await bench.w.wait(4)
    await cycles(bench.clk, 20)
    assert not int(dut.idle.value), "idle before the answer"


@cocotb.test()
@cocotb.parametrize(("given", [0, 1, 7, 16, 30]), ("pressure", ["never", "some"]))
async def discards(dut, given, pressure):
    """Bursts that were begun get their words, of which the memory takes none."""
    bench = Bench(dut, pressure=pressure)
    await bench.begin()
    bench.source.send([burst(place << 12, 16) for place in range(3)])
    data = words(given)
    bench.words.send(data)
    await bench.source.drain()
    await bench.words.drain()
    await cycles(bench.clk, 4)
    dut.discard.value = 1
    bench.words.send(words(4))
    await bench.w.wait(48)
    assert len(bench.words.transfers) == given, "words taken by a discard"
    got = bench.w.received
    assert [word >> 72 for word in got] == ([0] * 15 + [1]) * 3, "WLAST"
    assert got[:given] == expected(data + words(48 - given), [16] * 3)[:given], "words"
    assert all((word >> 64 & 0xFF) == 0 for word in got[given:]), "strobes after the discard"
    await bench.at_rest(3)
