"""OfmapDrain: order, biases by quad and set, ReLU, tokens. Int8OfmapDrain: the same, requantized, eight to a word."""

import random

import cocotb
import numpy as np
from glb_model import Memory, Watch, each_cycle, pulse, words
from layer_model import CHIP, LAYERS, pack, stream_word

from golden.int8 import Format, requantize
from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

INT8, PSUMS = CHIP.data_width == 8, CHIP.word_psums
ZERO = 100
EACH = CHIP.word_values // PSUMS  # words of psums that make one of ofmaps


def int8_table(count, seed):
    """Biases and factors of each word of psums, most of which become values within the range or just beyond it."""
    chance = np.random.default_rng(seed)
    size = CHIP.psum_width
    biases = chance.integers(-1 << size - 1, 1 << size - 1, (count, PSUMS)).astype(np.int32)
    return biases, (2.0 ** chance.uniform(2 - size, 12 - size, (count, PSUMS))).astype(np.float32)


def table_words(biases, factors):
    """Words of DRAM: for each word of psums its biases, two to a word, and then its factors."""
    values = np.concatenate([biases.view(np.uint32), factors.view(np.uint32)], axis=1)
    return [pack(map(int, pair), 32) for pair in values.reshape(-1, 2)]


def requantized(word, biases, factors):
    """Values in a word of 8 bits each."""
    psums = [word >> CHIP.psum_width * lane & (1 << CHIP.psum_width) - 1 for lane in range(PSUMS)]
    psums = [psum - (psum >> CHIP.psum_width - 1 << CHIP.psum_width) for psum in psums]
    sums = (np.array(psums, np.int64) + biases).astype(np.int32).reshape(1, PSUMS, 1, 1)
    return pack(map(int, requantize(sums, factors, Format(np.float32(1), ZERO)).reshape(-1)), 8)


def packed_streams(out, ends):
    """Words of ofmaps of words of as many values as psums, stream by stream, filled with zeros."""
    first = 0
    for end in sorted(ends):
        stream = out[first:end + 1]
        for at in range(0, len(stream), EACH):
            yield stream_word(pack(stream[at:at + EACH], 8 * PSUMS), at + EACH >= len(stream), 8)
        first = end + 1


def biased(word, bias, relu):
    """Four lanes added modulo 2^16, negative ones to zero."""
    sums = [(word >> at & 0xFFFF) + (bias >> at & 0xFFFF) & 0xFFFF for at in range(0, 64, 16)]
    return pack((0 if relu and total >> 15 else total for total in sums), 16)


def model(layer, content):
    """(bias words taken, places read, words out)."""
    supply, biases, places, out, ends, index = iter(words(2000, layer.seed)), [], [], [], set(), 0
    for tile in layer.walk():
        if not tile.last_channels:
            continue
        if tile.first_tile:
            count = layer.quads * layer.t
            if INT8:
                table = int8_table(count, layer.seed + len(biases))
                biases += table_words(*table)
            else:
                table = [next(supply) for _ in range(count)]
                biases += table
        for _ in range(tile.columns):
            for quad in range(layer.quads):
                for number in range(layer.t):
                    for _ in range(tile.rows):
                        places.append(layer.psum_place(index))
                        at = quad * layer.t + number
                        out.append(requantized(content[places[-1]], table[0][at], table[1][at]) if INT8
                                   else biased(content[places[-1]], table[at], layer.relu))
                        index += 1
        if tile.last_tile:
            ends.add(len(out) - 1)  # the last word of a filter group in a block ends a stream
    if INT8:
        return biases, places, list(packed_streams(out, ends))
    return biases, places, [stream_word(word, number in ends) for number, word in enumerate(out)]


class Finisher:
    """Stands for PsumCollector: a token for each finished word, not more than the banks hold."""

    def __init__(self, dut, clk, memory, count, rate, seed):
        self.given = self.seen = 0
        self._dut, self._memory, self._count = dut, memory, count
        self._rate, self._chance = rate, random.Random(seed)
        each_cycle(clk, self._cycle)

    def _cycle(self):
        self.seen += int(self._dut.finished.value)
        assert len(self._memory.reads) <= self.seen, "read before it was finished"
        give = (self.given < self._count and self.given - len(self._memory.reads) < CHIP.glb_words
                and self._chance.random() < self._rate)
        self.given += give
        self._dut.finished.value = int(give)


def still_running(dut):
    # `flush` follows: an ofmap word that comes after it would stay in the writer
    assert int(dut.running.value) or not int(dut.o__valid.value), "running ends before the last word"


async def run(dut, *layers, idle="never", pressure="never", stall="never", rate=1.0):
    clk = await start(dut, start=0, biases__valid=0, o__ready=0, read__ready=0, read__data=0, finished=0,
                      **layers[0].ports(dut))
    if INT8:
        dut.ofmap_zero.value = ZERO
    for name in ("biases", "o"):
        ProtocolChecker(dut, name, clk, dut.rst)
    memory = Memory(dut, clk, stall=stall, seed=3)
    memory.content = {divmod(at, CHIP.glb_bank_words): word for at, word in enumerate(words(CHIP.glb_words))}
    drained = Watch(clk, dut.drained)
    source = Source(dut, "biases", clk, idle=idle, seed=1)
    sink = Sink(dut, "o", clk, pressure=pressure, seed=2)
    each_cycle(clk, lambda: still_running(dut))
    for layer in layers:
        for name, value in layer.ports(dut).items():
            getattr(dut, name).value = value
        biases, places, out = model(layer, memory.content)
        sink.received.clear()
        memory.reads.clear()
        drained.count = 0
        # before the start too: biases are not waited for
        source.send(biases)
        assert not int(dut.running.value), "running before the start"
        Finisher(dut, clk, memory, len(places), rate, seed=5)
        await pulse(clk, dut.start)
        await cycles(clk, 2)
        assert int(dut.running.value), "running"
        await sink.wait(len(out))
        await cycles(clk, 20)
        assert memory.reads == places, "order of reading"
        assert sink.received == out, "words out"
        assert drained.count == len(places), "tokens"
        assert not int(dut.running.value), "running after the end"
        await source.drain()
    return sink


@cocotb.test()
@cocotb.parametrize(cross(), ("rate", [1.0, 0.3]))
async def stalls(dut, idle, pressure, rate):
    await run(dut, LAYERS["full"], idle=idle, pressure=pressure, rate=rate)


@cocotb.test()
@cocotb.parametrize(("layer", list(LAYERS)), ("stall", ["never", "some"]))
async def layers(dut, layer, stall):
    await run(dut, LAYERS[layer], stall=stall)


@cocotb.test()
async def one_after_another(dut):
    await run(dut, LAYERS["full"], LAYERS["deep"], LAYERS["full"])


@cocotb.test()
async def full_rate(dut):
    """The deep layer has one table of biases."""
    sink = await run(dut, LAYERS["deep"])
    assert sink.transfers[-1] - sink.transfers[0] <= EACH * (len(sink.transfers) - 1), "one word a cycle"
