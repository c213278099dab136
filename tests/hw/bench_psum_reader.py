"""PsumReader: the psums of earlier channel groups, in the order of writing, none before it is written."""

import random

import cocotb
from glb_model import Memory, each_cycle, pulse, words
from layer_model import CHIP, LAYERS

from sim.bench.streams import ProtocolChecker, Sink, cross, cycles, start


class Writer:
    """Stands for PsumCollector: gives a token for each word that will be read again."""

    def __init__(self, dut, clk, memory, layer, rate, seed):
        self.tokens, self.left = 0, sum(
            layer.tile_psums(tile) for tile in layer.walk() if not tile.last_channels)
        self._dut, self._rate, self._chance = dut, rate, random.Random(seed)
        self._memory, self._done = memory, 0
        each_cycle(clk, self._cycle)

    def _cycle(self):
        self.tokens += int(self._dut.written.value)
        assert len(self._memory.reads) <= self.tokens, "read before it was written"
        # as many as the banks hold may be written and not read
        ahead = self._done - len(self._memory.reads)
        give = self._done < self.left and ahead < CHIP.glb_words and self._chance.random() < self._rate
        self._done += give
        self._dut.written.value = int(give)


async def run(dut, *layers, pressure="never", stall="never", rate=1.0):
    clk = await start(dut, start=0, o__ready=0, read__ready=0, read__data=0, written=0,
                      **layers[0].ports(dut))
    ProtocolChecker(dut, "o", clk, dut.rst)
    memory = Memory(dut, clk, stall=stall, seed=3)
    sink = Sink(dut, "o", clk, pressure=pressure, seed=2)
    for layer in layers:
        for name, value in layer.ports(dut).items():
            getattr(dut, name).value = value
        data = words(CHIP.glb_words, layer.seed)
        memory.content = {divmod(at, CHIP.glb_bank_words): word for at, word in enumerate(data)}
        places = [layer.psum_place(index) for tile, indices in layer.psum_walk()
                  if not tile.first_channels for index in indices]
        memory.reads.clear()
        sink.received.clear()
        Writer(dut, clk, memory, layer, rate, seed=5)
        await pulse(clk, dut.start)
        await sink.wait(len(places))
        await cycles(clk, 20)
        assert memory.reads == places, "order of reading"
        assert sink.received == [memory.content[place] for place in places]
    return sink


@cocotb.test()
@cocotb.parametrize(cross(), ("rate", [1.0, 0.4]))
async def stalls(dut, idle, pressure, rate):
    await run(dut, LAYERS["full"], pressure=pressure, stall=idle, rate=rate)


@cocotb.test()
@cocotb.parametrize(("layer", list(LAYERS)))
async def layers(dut, layer):
    await run(dut, LAYERS[layer])


@cocotb.test()
async def one_after_another(dut):
    await run(dut, LAYERS["full"], LAYERS["deep"], LAYERS["full"])


@cocotb.test()
async def full_rate(dut):
    """Of one channel group to the next there is nothing to wait for, but the tiles without psums."""
    layer = LAYERS["deep"]
    sink = await run(dut, layer)
    assert sink.transfers[-1] - sink.transfers[0] == len(sink.transfers) - 1, "one word a cycle"
