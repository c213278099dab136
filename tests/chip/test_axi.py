"""The chip behind AXI with cocotbext-axi's models, and broken wrappers that they or the monitor notice."""

import re
from pathlib import Path

import pytest

from hw.config import PRESETS
from sim.bench import run_bench
from sim.chip import HDL
from sim.layer import chip_verilog
from sim.runner import SimulationFailed

BENCH = Path(__file__).with_name("bench_axi.py")
HARNESS = [HDL / "axi_bench.sv", HDL / "axi_monitor.sv"]


def test_axi(need):
    need("verilator")
    run_bench([*HARNESS, *chip_verilog(PRESETS["mini"], top="axi")], "axi_bench", BENCH, simulator="verilator")
