"""Tiles against the nested loops that it stands for."""

import random
from collections import namedtuple

import cocotb
from cocotb.triggers import RisingEdge
from layer_model import setting_ports

from sim.bench.streams import start

Loops = namedtuple("Loops", "filters blocks channels groups groups_ragged tiles tiles_ragged strips spans "
                            "first_strip first_span", defaults=(0, 0))

LAYERS = [
    Loops(1, 1, 1, 1, 1, 1, 1, 1, 1),
    Loops(2, 3, 2, 3, 3, 2, 2, 3, 2),
    Loops(2, 3, 3, 2, 1, 4, 2, 3, 2),  # the last block and the last filters are smaller
    Loops(3, 2, 1, 3, 2, 3, 3, 1, 3),
    Loops(1, 2, 2, 1, 1, 5, 1, 2, 1),
    Loops(1, 4, 2, 2, 2, 3, 3, 2, 2),  # three images: a block crosses their borders
    Loops(2, 2, 1, 2, 2, 2, 1, 3, 2, 1, 1),  # a part of the plane, from its middle
]
#: The bits of a `Tile`, the lowest first.
FLAGS = ("first_channels", "last_channels", "last_group", "last_tile", "sweep_ends", "block_ends",
         "ragged_strip", "ragged_span")


def walk(loops):
    """The flags of each tile, in order."""
    for filters in range(loops.filters):
        groups = loops.groups_ragged if filters == loops.filters - 1 else loops.groups
        for block in range(loops.blocks):
            tiles = loops.tiles_ragged if block == loops.blocks - 1 else loops.tiles
            for channels in range(loops.channels):
                for group in range(groups):
                    for tile in range(tiles):
                        place = loops.first_strip * loops.spans + loops.first_span + block * loops.tiles + tile
                        last_group, last_tile = group == groups - 1, tile == tiles - 1
                        last_channels = channels == loops.channels - 1
                        sweep_ends = last_group and last_tile
                        yield (
                            channels == 0, last_channels, last_group, last_tile,
                            sweep_ends, sweep_ends and last_channels,
                            place // loops.spans % loops.strips == loops.strips - 1,
                            place % loops.spans == loops.spans - 1,
                        )


@cocotb.test()
@cocotb.parametrize(("pause", [0.0, 0.6]))
async def walks_layers(dut, pause):
    """One after another, so that each has to begin from the start."""
    clk = await start(dut, start=0, step=0, **settings(dut, LAYERS[0]))
    chance = random.Random(3)
    for loops in LAYERS:
        for name, value in settings(dut, loops).items():
            getattr(dut, name).value = value
        dut.start.value = 1
        await RisingEdge(clk)
        dut.start.value = 0
        await RisingEdge(clk)  # to the walker, and from there into the queue
        await RisingEdge(clk)
        for number, expected in enumerate(walk(loops)):
            while chance.random() < pause:
                dut.step.value = 0
                await RisingEdge(clk)
            dut.step.value = 1
            await RisingEdge(clk)
            flags = tuple(bool(int(dut.tile.value) >> at & 1) for at in range(len(FLAGS)))
            assert dut.running.value == 1, f"running stops before tile {number} of {loops}"
            assert dut.there.value == 1, f"tile {number} of {loops} is not there"
            assert flags == expected, f"tile {number} of {loops}: {dict(zip(FLAGS, flags, strict=True))}"
        dut.step.value = 0
        await RisingEdge(clk)
        assert dut.running.value == 0, f"running goes on after {loops}"


def settings(dut, loops):
    numbers = loops._asdict()
    left = {"strips_left": loops.strips - 1 - numbers.pop("first_strip"),
            "spans_left": loops.spans - 1 - numbers.pop("first_span")}
    lasts = {name if "ragged" in name else f"{name}_last": number - 1 for name, number in numbers.items()}
    return setting_ports(dut, left | lasts)
