"""PsumPointer against a counter."""

import random

import cocotb
from cocotb.triggers import RisingEdge
from glb_model import place_of
from layer_model import CHIP, Layer

from sim.bench.streams import cycles, start


@cocotb.test()
@cocotb.parametrize(("ifmap_banks", range(CHIP.glb_banks)))
async def walks(dut, ifmap_banks):
    chance, layer = random.Random(ifmap_banks), Layer(ifmap_banks=ifmap_banks)
    names = ("restart", "step", "mark", "rewind")
    clk = await start(dut, **layer.ports(dut), **dict.fromkeys(names, 0))
    dut.restart.value = 1
    await RisingEdge(clk)
    here = base = 0
    for _ in range(600):
        rare = {name: chance.random() < 0.01 for name in names}
        step, rewind = chance.random() < 0.8, rare["rewind"] and not rare["mark"]
        values = {"restart": rare["restart"], "step": step, "mark": rare["mark"], "rewind": rewind}
        for name, value in values.items():
            getattr(dut, name).value = int(value)
        await RisingEdge(clk)
        assert place_of(int(dut.address.value)) == layer.psum_place(here), "place"
        after = here + step
        if values["restart"]:
            here = base = 0
        else:
            here, base = base if rewind else after, after if values["mark"] else base
    await cycles(clk, 1)
