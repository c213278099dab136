"""A cocotb test that never ends, for the time limit and for Ctrl-C."""

import os
from pathlib import Path

import cocotb
from cocotb.triggers import Timer


@cocotb.test()
async def endless(dut):
    if "PID_FILE" in os.environ:
        partial = Path(os.environ["PID_FILE"] + ".partial")
        partial.write_text(str(os.getpid()))
        partial.rename(os.environ["PID_FILE"])
    while True:
        await Timer(1, "ms")
