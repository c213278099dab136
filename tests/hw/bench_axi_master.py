"""AxiMaster: reads and writes side by side with a memory, and a halt at any moment."""

import random

import cocotb
from axi_words import answer, bursts_of, command, read_word
from cocotb.triggers import RisingEdge
from glb_model import words

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

BASE = 0x8_0000_0F90


class Bench:
    """Word addresses below 1,000 are read, and hold what `content` makes of them; above are written."""

    def __init__(self, dut, idle, pressure):
        self.dut, self.idle, self.pressure = dut, idle, pressure
        self.written = {}

    async def begin(self):
        dut = self.dut
        clk = self.clk = await start(
            dut, dram__bursts__valid=0, dram__write_words__valid=0, dram__read_words__ready=0, base=BASE, halt=0,
            aw__ready=0, w__ready=0, b__valid=0, ar__ready=0, r__valid=0)
        for name in ("aw", "w", "ar"):
            ProtocolChecker(dut, name, clk, dut.rst)
        self.commands, self.write_words, self.b, self.r = (
            Source(dut, name, clk, idle=self.idle, seed=seed)
            for seed, name in enumerate(("dram__bursts", "dram__write_words", "b", "r")))
        self.read_words, self.aw, self.w, self.ar = (
            Sink(dut, name, clk, pressure=self.pressure, seed=seed)
            for seed, name in enumerate(("dram__read_words", "aw", "w", "ar")))
        answer(clk, self.ar, self.r, self._read)
        cocotb.start_soon(self._write())

    def _read(self, asked):
        address, length = asked & (1 << 64) - 1, (asked >> 64) + 1
        assert (address & 0xFFF) + 8 * length <= 4096, "4 KB"
        return [read_word(content((address - BASE >> 3) + word), word == length - 1) for word in range(length)]

    async def _write(self):
        done = 0
        for number in range(1 << 30):
            while number >= len(self.aw.received):
                await RisingEdge(self.clk)
            asked = self.aw.received[number]
            address, length = asked & (1 << 64) - 1, (asked >> 64) + 1
            assert (address & 0xFFF) + 8 * length <= 4096, "4 KB"
            for place in range(length):
                while done >= len(self.w.received):
                    await RisingEdge(self.clk)
                word = self.w.received[done]
                assert word >> 72 == (place == length - 1), "WLAST"
                if word >> 64 & 0xFF:
                    self.written[(address - BASE >> 3) + place] = word & (1 << 64) - 1
                done += 1
            self.b.send([0])

    async def at_rest(self):
        for _ in range(4_000):
            await RisingEdge(self.clk)
            if int(self.dut.idle.value):
                return
        raise AssertionError("never idle")


def content(word):
    return word * 0x9E37_79B9_7F4A_7C15 & (1 << 64) - 1


def commands(count, seed):
    chance, at = random.Random(seed), 1_000
    for _ in range(count):
        length = chance.randint(1, 16)
        if chance.random() < 0.5:
            yield 0, chance.randrange(900), length
        else:
            yield 1, at, length
            at += length


@cocotb.test()
@cocotb.parametrize(cross(["never", "some", "burst"], ["never", "some", "mostly"]))
async def reads_and_writes(dut, idle, pressure):
    bench, given = Bench(dut, idle, pressure), list(commands(60, 3))
    await bench.begin()
    data = words(sum(length for write, _, length in given if write), seed=2)
    bench.commands.send([command(*each) for each in given])
    bench.write_words.send(data)
    expected = [content(address + word) for write, address, length in given if not write for word in range(length)]
    await bench.read_words.wait(len(expected))
    assert bench.read_words.received == expected, "words read"
    await bench.w.wait(len(data))
    await bench.at_rest()
    assert bench.written == dict(enumerate(data, start=1_000)), "words written"
    bursts = [sum(len(bursts_of(BASE, address, length)) for write, address, length in given if write == way)
              for way in (0, 1)]
    assert [len(bench.ar.received), len(bench.aw.received)] == bursts, "bursts"


@cocotb.test()
@cocotb.parametrize(("after", [5, 18, 37, 71]), ("pressure", ["never", "some"]))
async def halts(dut, after, pressure):
    """Whatever the chip does then: idle after a while, nothing wrong written, and no burst any more."""
    bench, given = Bench(dut, "some", pressure), list(commands(60, after))
    await bench.begin()
    data = words(sum(length for write, _, length in given if write), seed=2)
    bench.commands.send([command(*each) for each in given])
    bench.write_words.send(data)
    await cycles(bench.clk, after)
    dut.halt.value = 1
    bench.read_words.task.cancel()
    dut.dram__read_words__ready.value = 0
    await bench.at_rest()
    begun = len(bench.ar.received), len(bench.aw.received)
    await cycles(bench.clk, 60)
    assert int(dut.idle.value) and begun == (len(bench.ar.received), len(bench.aw.received)), "bursts after the halt"
    right = dict(enumerate(data, start=1_000))
    assert all(right[word] == value for word, value in bench.written.items()), "words written"
