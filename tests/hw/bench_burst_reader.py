"""BurstReader: addresses, lengths, and never more words on their way than the buffer has room for."""

import random

import cocotb
from glb_model import each_cycle, pulse
from layer_model import CHIP

from sim.bench.streams import ProtocolChecker, Sink, cycles, start

# count, ragged, stretches, repeats
SHAPES = {
    "one_word": (1, 1, 1, 1), "short": (3, 3, 1, 1), "whole": (16, 16, 1, 1), "odd": (13, 13, 1, 2),
    "ragged": (9, 2, 3, 2), "many": (5, 8, 4, 3),
}
BASE = 0x0ABCDE0


def model(count, ragged, stretches, repeats):
    """[(address, words)] of the bursts."""
    bursts, first = [], BASE
    for stretch in range(stretches):
        length = ragged if stretch == stretches - 1 else count
        for _ in range(repeats):
            for done in range(0, length, CHIP.burst_words):
                bursts.append((first + done, min(CHIP.burst_words, length - done)))
        first += length
    return bursts


class Buffer:
    """Gives a word's place free again at some rate."""

    def __init__(self, dut, clk, sink, capacity, rate, seed):
        self.freed = 0
        self._dut, self._sink, self._capacity = dut, sink, capacity
        self._rate, self._chance, self._given = rate, random.Random(seed), 0
        each_cycle(clk, self._cycle)

    def _cycle(self):
        self.freed += int(self._dut.freed.value)
        asked = sum(length(burst) for burst in self._sink.received)
        assert asked - self.freed <= self._capacity, "credit"
        give = self._given < asked and self._chance.random() < self._rate
        self._given += give
        self._dut.freed.value = int(give)


def length(burst):
    return (burst >> 29) + 1


async def run(dut, shapes, *, capacity=8, rate=0.5, pressure="never"):
    clk = await start(dut, start=0, base=0, last=0, ragged=0, stretch_last=0, repeat_last=0, capacity=0,
                      freed=0, bursts__ready=0)
    ProtocolChecker(dut, "bursts", clk, dut.rst)
    sink = Sink(dut, "bursts", clk, pressure=pressure, seed=1)
    for shape in shapes:
        count, ragged, stretches, repeats = SHAPES[shape]
        sink.received.clear()
        for name, value in {"base": BASE, "last": count - 1, "ragged": ragged - 1, "capacity": capacity,
                            "stretch_last": stretches - 1, "repeat_last": repeats - 1}.items():
            getattr(dut, name).value = value
        expected = [address << 1 | words - 1 << 29 for address, words in
                    model(count, ragged, stretches, repeats)]
        assert not int(dut.running.value), "running before the start"
        await pulse(clk, dut.start)
        buffer = Buffer(dut, clk, sink, capacity, rate, seed=2)
        await sink.wait(len(expected))
        await cycles(clk, 40)
        assert sink.received == expected, "bursts"
        assert not int(dut.running.value), "running after the end"
        await cycles(clk, 200)
        assert buffer.freed == sum(map(length, expected))
    return sink


@cocotb.test()
@cocotb.parametrize(("shape", list(SHAPES)), ("pressure", ["never", "some", "mostly"]),
                    ("capacity", [4, 6, 40]))
async def shapes(dut, shape, pressure, capacity):
    await run(dut, [shape], capacity=capacity, pressure=pressure)


@cocotb.test()
async def one_after_another(dut):
    await run(dut, ["many", "odd", "ragged"])


@cocotb.test()
async def full_rate(dut):
    """With all the room it wants, a command every other cycle."""
    sink = await run(dut, ["many"], capacity=1000)
    assert sink.transfers[-1] - sink.transfers[0] == 2 * (len(sink.transfers) - 1), "a command every other cycle"
