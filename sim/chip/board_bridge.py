"""The cocotb side of `sim.chip.board`: bytes from a pseudo-terminal to the board's rx pin, from its tx pin back.

Not a test by itself; it runs until the file `stop` is there.
"""

import contextlib
import json
import os
import time
import tty
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, Timer

from .board import DESCRIPTION

PERIOD_NS = 10
#: Bits of time that pass between two looks at the terminal while nothing comes.
IDLE_BITS = 40


@cocotb.test()
async def bridge(dut: Any) -> None:
    description = json.loads(os.environ[DESCRIPTION])
    bit_ns = PERIOD_NS * description["clocks_per_bit"]
    dut.rx.value = dut.rst.value = 1
    Clock(dut.clk, PERIOD_NS, "ns", impl="gpi").start(start_high=False)
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 40)
    # ours stays open as well, so that a host may come and go
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    cocotb.start_soon(_from_board(dut, master, bit_ns))
    partial = Path(description["port"] + ".part")
    partial.write_text(os.ttyname(slave))
    partial.rename(description["port"])
    while not os.path.exists(description["stop"]):
        data = b""
        with contextlib.suppress(BlockingIOError):
            data = os.read(master, 4096)
        for byte in data:
            await _to_board(dut, byte, bit_ns)
        if not data:
            await Timer(IDLE_BITS * bit_ns, "ns")


async def _to_board(dut: Any, byte: int, bit_ns: float) -> None:
    for bit in (0, *(byte >> place & 1 for place in range(8)), 1):
        dut.rx.value = bit
        await Timer(bit_ns, "ns")


async def _from_board(dut: Any, master: int, bit_ns: int) -> None:
    while True:
        await FallingEdge(dut.tx)
        await Timer(bit_ns // 2, "ns")
        byte = 0
        for place in range(8):
            await Timer(bit_ns, "ns")
            byte |= int(dut.tx.value) << place
        await Timer(bit_ns, "ns")
        assert int(dut.tx.value) == 1, "no stop bit"
        while True:  # the terminal's buffer may be full until the host reads
            try:
                os.write(master, bytes([byte]))
                break
            except BlockingIOError:
                time.sleep(0.001)
