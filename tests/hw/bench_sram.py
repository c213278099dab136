"""SRAMs against a list: a word comes one cycle after its address and stays until the next."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim.bench.run import setting
from sim.bench.streams import start

DEPTH, WIDTH, CYCLES = setting("depth"), setting("width"), 1500


@cocotb.test()
async def single_port(dut):
    chance, words, expected = random.Random(1), {}, None
    clk = await start(dut, enable=0, write=0, address=0, write_data=0)
    for _ in range(CYCLES):
        enable, write, address, data = (chance.random() < 0.7, chance.random() < 0.5,
                                        chance.randrange(DEPTH), chance.getrandbits(WIDTH))
        for name, value in {"enable": enable, "write": write, "address": address, "write_data": data}.items():
            getattr(dut, name).value = int(value)
        await RisingEdge(clk)
        # seen at this edge: the answer to the access before
        if expected is not None:
            assert int(dut.read_data.value) == expected, "data"
        if enable and write:
            words[address] = data
        elif enable:
            expected = words.get(address)  # what was never written is unknown
    assert len(words) == DEPTH


@cocotb.test()
async def two_ports(dut):
    chance, words, expected = random.Random(1), {}, None
    clk = await start(dut, write_enable=0, read_enable=0, write_address=0, read_address=0, write_data=0)
    for _ in range(CYCLES):
        write, read, data = chance.random() < 0.6, chance.random() < 0.7, chance.getrandbits(WIDTH)
        to, of = chance.sample(range(DEPTH), 2)
        for name, value in {"write_enable": write, "write_address": to, "write_data": data,
                            "read_enable": read, "read_address": of}.items():
            getattr(dut, name).value = int(value)
        await RisingEdge(clk)
        if expected is not None:
            assert int(dut.read_data.value) == expected, "data"
        if read:
            expected = words.get(of)  # what was never written is unknown
        if write:
            words[to] = data
    assert len(words) == DEPTH
