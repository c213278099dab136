"""A layer of your tensors on the chip, compared with the golden model: copy it and make it yours.

`run.py` starts it; CHIP is the chip's name or TOML file, TENSORS the .npy files of ifmaps, weights and biases.
"""

import os

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer

from compiler.image.program import compile_layer
from compiler.mapping.lowering import lower
from compiler.mapping.search import find_mapping
from golden.conv import conv_layer
from golden.layer import LayerShape
from hw.config import load_chip


async def serve(dut, memory):
    """The memory: a command at a time, a word a link clock."""
    dut.dram_cmd_ready.value, dut.dram_wdata_ready.value, dut.dram_rdata_valid.value = 1, 0, 0
    while True:
        await RisingEdge(dut.link_clk)
        if dut.link_rst.value or not dut.dram_cmd_valid.value:
            continue
        writes, first = dut.dram_cmd_write.value, int(dut.dram_cmd_address.value)
        mine, other = ((dut.dram_wdata_ready, dut.dram_wdata_valid) if writes else
                       (dut.dram_rdata_valid, dut.dram_rdata_ready))
        dut.dram_cmd_ready.value = 0
        for address in range(first, first + int(dut.dram_cmd_length.value) + 1):
            mine.value, dut.dram_rdata.value = 1, int(memory[address])
            await RisingEdge(dut.link_clk)
            while not other.value:
                await RisingEdge(dut.link_clk)
            if writes:
                memory[address] = int(dut.dram_wdata.value)
        mine.value, dut.dram_cmd_ready.value = 0, 1


async def run(dut, bits):
    """A job: reset, the scan chain's bits, start, done."""
    for level in (1, 0):
        await RisingEdge(dut.clk)
        dut.rst.value = dut.link_rst.value = level
        await ClockCycles(dut.link_clk, 5)
    for bit in bits:
        dut.scan_enable.value, dut.scan_in.value = 1, bit
        await RisingEdge(dut.clk)
    for enable, start in ((0, 1), (0, 0)):
        dut.scan_enable.value, dut.start.value = enable, start
        await RisingEdge(dut.clk)
    await First(RisingEdge(dut.done), RisingEdge(dut.fault), Timer(50, "ms"))
    assert dut.done.value and not dut.fault.value, "the job does not end well"


@cocotb.test()
async def layer(dut):
    chip, relu = load_chip(os.environ["CHIP"]), True
    ifmap, weights, bias = map(np.load, os.environ["TENSORS"].split(os.pathsep))
    (N, C, H, W), (M, _, R, S) = ifmap.shape, weights.shape
    shape = LayerShape(N=N, M=M, C=C, H=H, W=W, R=R, S=S, U=1)
    mapping = find_mapping(lower(shape, chip), chip)
    program = compile_layer(shape, mapping, chip, ifmap, weights, bias, relu=relu)

    memory = program.dram.copy()
    dut.rst.value = dut.link_rst.value = 1
    dut.scan_enable.value = dut.start.value = dut.counter_select.value = 0
    Clock(dut.clk, 5000, "ps").start()
    Clock(dut.link_clk, 16666, "ps").start()
    cocotb.start_soon(serve(dut, memory))
    for job in program.jobs:
        await run(dut, job.bits)
    expected = conv_layer(ifmap, weights, bias, shape, relu=relu)
    different = np.argwhere(program.ofmap(memory) != expected)
    assert not len(different), f"{len(different)} outputs differ, the first at {different[0]}"
