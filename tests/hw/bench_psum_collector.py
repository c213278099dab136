"""PsumCollector: requests, addresses, tokens, and no ofmap overwritten before it has left."""

import collections
import random

import cocotb
from glb_model import Memory, Watch, each_cycle, pulse, words
from layer_model import CHIP, LAYERS, pack, setting_ports

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start


def model(layer, supply):
    """(tags asked for, words that come, [(place, word, first, last)] of what is written)."""
    supply, tags, come, written, values = iter(supply), [], [], [], CHIP.psum_bus_values
    width = CHIP.psum_width * values
    for tile, indices in layer.psum_walk():
        indices = iter(indices)
        for (row, column, stored), psums in zip(layer.array_walk(tile), layer.word_psums(tile), strict=True):
            count = psums if values < CHIP.word_psums else CHIP.word_psums
            parts = [next(supply) & (1 << width) - 1 for _ in range(0, count, values)]
            tags += [row | column << 4] * len(parts)
            come += parts
            if stored:
                written.append((layer.psum_place(next(indices)), pack(parts, width), tile.first_channels,
                                tile.last_channels))
    return tags, come, written


class Array:
    """Answers each request with the next word, some cycles later."""

    def __init__(self, source, come):
        self._source, self._come = source, collections.deque(come)

    def append(self, _tag):
        self._source.send([self._come.popleft()])


class Drain:
    """Takes finished psums in the order of writing, and sees that none is lost."""

    def __init__(self, dut, clk, rate, seed):
        self.waiting, self.expected, self.index = collections.deque(), [], 0
        self._dut, self._rate, self._chance = dut, rate, random.Random(seed)
        each_cycle(clk, self._cycle)

    def wrote(self, place):
        assert place not in self.waiting, f"ofmap at {place} overwritten"
        assert self.index < len(self.expected), "a write too many"
        expected, _, _, last = self.expected[self.index]
        assert place == expected, f"write {self.index} at {place}, not {expected}"
        self.index += 1
        if last:
            self.waiting.append(place)

    def _cycle(self):
        take = bool(self.waiting) and self._chance.random() < self._rate
        if take:
            self.waiting.popleft()
        self._dut.drained.value = int(take)


async def run(dut, *layers, idle="never", pressure="never", stall="never", rate=1.0):
    clk = await start(dut, start=0, drained=0, i__valid=0, i__payload=0, requests__ready=0, write__ready=0,
                      **layers[0].ports(dut))
    for name in ("i", "requests"):
        ProtocolChecker(dut, name, clk, dut.rst)
    drain = Drain(dut, clk, rate, seed=7)
    memory = Memory(dut, clk, stall=stall, seed=3, on_write=drain.wrote)
    written, finished = Watch(clk, dut.written), Watch(clk, dut.finished)
    sink = Sink(dut, "requests", clk, pressure=pressure, seed=2)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    for layer in layers:
        for name, value in layer.ports(dut).items():
            getattr(dut, name).value = value
        tags, come, writes = model(layer, words(2000, layer.seed))
        drain.expected, drain.index, written.count, finished.count = writes, 0, 0, 0
        asked = len(sink.transfers)
        source.transfers.clear()
        sink.received = Requests(Array(source, come), tags)
        await cycles(clk, 2)
        assert not int(dut.running.value), "running before the start"
        await pulse(clk, dut.start)
        await sink.wait(len(tags))
        await source.drain()
        await cycles(clk, 20)
        assert drain.index == len(writes), "words written"
        assert sink.received == tags and len(sink.transfers) - asked == len(tags), "requests"
        for place, word in {place: word for place, word, _, _ in writes}.items():
            assert memory.content[place] == word, f"word at {place}"
        assert written.count == sum(not last for _, _, _, last in writes), "tokens of psums"
        assert finished.count == sum(last for _, _, _, last in writes), "tokens of ofmaps"
        assert not int(dut.running.value), "running"
        while drain.waiting:
            await cycles(clk, 1)
        await cycles(clk, 2)
    return source


class Requests(list):
    """Tags as they are taken, each handed to the array at once."""

    def __init__(self, array, expected):
        super().__init__()
        self._array, self._expected = array, expected

    def append(self, tag):
        assert len(self) < len(self._expected), "a request too many"
        assert tag == self._expected[len(self)], f"request {len(self)}"
        super().append(tag)
        self._array.append(tag)


@cocotb.test()
@cocotb.parametrize(cross())
async def stalls(dut, idle, pressure):
    await run(dut, LAYERS["full"], idle=idle, pressure=pressure)


@cocotb.test()
@cocotb.parametrize(("layer", list(LAYERS)), ("stall", ["some", "burst"]), ("rate", [1.0, 0.1]))
async def slow_glb_and_drain(dut, layer, stall, rate):
    await run(dut, LAYERS[layer], stall=stall, rate=rate)


@cocotb.test()
@cocotb.parametrize(("layer", list(LAYERS)))
async def full_rate(dut, layer):
    source = await run(dut, LAYERS[layer])
    assert source.transfers[-1] - source.transfers[0] == len(source.transfers) - 1, "one word a cycle"


@cocotb.test()
async def one_after_another(dut):
    await run(dut, LAYERS["full"], LAYERS["deep"], LAYERS["full"])


@cocotb.test()
async def blocked(dut):
    """Nothing drains: every place gets one word, the next one waits and says so."""
    layer = LAYERS["full"]
    clk = await start(dut, start=0, drained=0, i__valid=1, i__payload=0, requests__ready=1, write__ready=1,
                      **layer.ports(dut) | setting_ports(dut, {"channels_last": 0}))
    places = Memory(dut, clk).writes
    await pulse(clk, dut.start)
    await cycles(clk, 200)
    assert len(places) == len(set(places)) == 48
    assert int(dut.blocked.value) == 1
