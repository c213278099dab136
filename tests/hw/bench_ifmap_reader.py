"""IfmapReader as a ring in the GLB: each channel group once a pass, nothing overwritten too early."""

import random

import cocotb
from glb_model import Memory, pulse, words
from layer_model import CHIP, LAYERS

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start


def model(layer, supply):
    """(words from DRAM, words to the sender)."""
    supply, loaded, sent, held = iter(supply), [], [], {}
    for tile in layer.walk():
        if tile.first_tile:
            number = 0
            held = {} if tile.first_group else held
        if number not in held:
            held[number] = [next(supply) for _ in range(layer.tile_ifmap(tile))]
            loaded += held[number]
        sent += held[number]
        number += 1
    return loaded, sent


LAST = 1 << 63


def coded_model(layer):
    """The same of coded ifmaps: streams of any length that the ring holds, the last word of each marked."""
    chance, loaded, sent = random.Random(layer.seed), [], []
    most = layer.ifmap_banks * CHIP.glb_bank_words
    for tile in layer.walk():
        if tile.first_tile:
            if tile.first_group:
                length = chance.choice([1, 2, chance.randint(1, 9), chance.randint(most // 2, most)])
                stream = [chance.getrandbits(63) for _ in range(length)]
                stream[-1] |= LAST
                loaded += stream
            sent += stream
    return loaded, sent


async def run(dut, layer, *, coded=0, idle="never", pressure="never", stall="never"):
    loaded, sent = coded_model(layer) if coded else model(layer, words(2000, layer.seed))
    clk = await start(dut, start=0, i__valid=0, o__ready=0, read__ready=0, write__ready=0, read__data=0,
                      **layer.ports(dut) | {"ifmap_coded": coded})
    for name in "io":
        ProtocolChecker(dut, name, clk, dut.rst)
    memory = Memory(dut, clk, stall=stall, seed=3)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    source.send(loaded)
    sink = Sink(dut, "o", clk, pressure=pressure, seed=2, expect=sent)
    await pulse(clk, dut.start)
    await sink.wait()
    await source.drain()
    await cycles(clk, 20)
    capacity = layer.ifmap_banks * CHIP.glb_bank_words
    places = [divmod(index % capacity, CHIP.glb_bank_words) for index in range(len(loaded))]
    assert memory.writes == places, "order of writing"
    assert len(memory.reads) == len(sent), "reads"
    return source, sink


@cocotb.test()
@cocotb.parametrize(cross(), ("coded", [0, 1]))
async def stalls(dut, idle, pressure, coded):
    await run(dut, LAYERS["full"], coded=coded, idle=idle, pressure=pressure)


@cocotb.test()
@cocotb.parametrize(("layer", list(LAYERS)), ("stall", ["some", "mostly"]), ("coded", [0, 1]))
async def memory_stalls(dut, layer, stall, coded):
    await run(dut, LAYERS[layer], coded=coded, stall=stall)


@cocotb.test()
@cocotb.parametrize(("layer", list(LAYERS)))
async def full_rate(dut, layer):
    """The first words have to come from DRAM; all of them are sent at a word a cycle."""
    _, sink = await run(dut, LAYERS[layer])
    assert sink.transfers[-1] - sink.transfers[0] == len(sink.transfers) - 1, "one word a cycle"


@cocotb.test()
async def starves(dut):
    clk = await start(dut, start=0, i__valid=0, o__ready=1, read__ready=1, write__ready=1, read__data=0,
                      **LAYERS["full"].ports(dut))
    assert not int(dut.starved.value), "nothing to do"
    await pulse(clk, dut.start)
    await cycles(clk, 3)
    assert int(dut.starved.value) == 1
    dut.i__valid.value = 1
    await cycles(clk, 4)
    assert int(dut.starved.value) == 0
