"""OfmapDrain: order, biases by quad and set, ReLU, tokens."""

import random

import cocotb
from glb_model import Memory, Watch, each_cycle, pulse, words
from layer_model import CHIP, LAYERS, pack, stream_word

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start


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
            table = [next(supply) for _ in range(layer.quads * layer.t)]
            biases += table
        for _ in range(tile.columns):
            for quad in range(layer.quads):
                for number in range(layer.t):
                    for _ in range(tile.rows):
                        places.append(layer.psum_place(index))
                        bias = table[quad * layer.t + number]
                        out.append(biased(content[places[-1]], bias, layer.relu))
                        index += 1
        if tile.last_tile:
            ends.add(len(out) - 1)  # the last word of a filter group in a block ends a stream
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
    assert sink.transfers[-1] - sink.transfers[0] == len(sink.transfers) - 1, "one word a cycle"
