"""Counters against a dict."""

import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from hw.config.counters import EVENTS, FAULTS
from sim.bench.run import setting
from sim.bench.streams import start

NAMES = setting("names")


@cocotb.test()
async def counts_all(dut):
    chance, counts = random.Random(1), dict.fromkeys(NAMES, 0)
    clk = await start(dut, clear=0, select=0, **dict.fromkeys(NAMES, 0))
    for turn in range(300):
        now = {name: chance.randint(0, 12 if name in ("macs", "gated_macs") else 1) for name in NAMES}
        for name, value in now.items():
            getattr(dut, name).value = value
        # what is counted in the cycle of `clear` belongs to no layer
        clear = turn == 100
        dut.clear.value = int(clear)
        await RisingEdge(clk)
        counts = {name: 0 if clear else counts[name] + now[name] for name in NAMES}
        counts |= {name: min(1, counts[name]) for name in FAULTS}
    for name in NAMES:
        getattr(dut, name).value = 0
    await RisingEdge(clk)  # the last event is kept, then counted
    for index, name in enumerate(NAMES):
        dut.select.value = index
        await RisingEdge(clk)
        await RisingEdge(clk)
        assert int(dut.value.value) == counts[name] > 0, name


@cocotb.test()
async def value_follows_by_a_cycle(dut):
    clk = await start(dut, clear=0, select=0, **dict.fromkeys(NAMES, 0))
    dut.macs.value = 7
    await RisingEdge(clk)
    dut.macs.value = 0
    await RisingEdge(clk)
    dut.select.value = NAMES.index("macs")
    await RisingEdge(clk)
    dut.select.value = NAMES.index("passes")
    await RisingEdge(clk)
    assert int(dut.value.value) == 7, "latency"
    await RisingEdge(clk)
    assert int(dut.value.value) == 0, "latency"


@cocotb.test()
async def all_carry_into_the_upper_half(dut):
    """The lower halves are set near their ends: to count there would take 2^24 cycles."""
    clk = await start(dut, clear=0, select=0, **dict.fromkeys(NAMES, 0))
    for name in EVENTS:
        getattr(dut, f"count_{name}_low").value = (1 << 24) - 30
    await RisingEdge(clk)
    grows = {name: 7 if name in ("macs", "gated_macs") else 1 for name in EVENTS}
    for name, step in grows.items():
        getattr(dut, name).value = step
    await ClockCycles(clk, 40)
    for name in EVENTS:
        getattr(dut, name).value = 0
    await ClockCycles(clk, 5)
    for name, step in grows.items():
        dut.select.value = NAMES.index(name)
        await ClockCycles(clk, 2)
        assert int(dut.value.value) == (1 << 24) - 30 + 40 * step, f"carry of {name}"
