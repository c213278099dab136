"""The chip behind AXI with cocotbext-axi's models, and broken wrappers that they or the monitor notice."""

import re
import shutil
from pathlib import Path

import pytest

from hw.config import PRESETS
from sim.bench.run import run_bench
from sim.chip.simulate import HDL
from sim.chip.verilog import chip_verilog
from sim.tools.runner import SimulationFailed
from tests.chip.layers import run
from tests.hw.conftest import force

BENCH = Path(__file__).with_name("bench_axi.py")
HARNESS = [HDL / "axi_bench.sv", HDL / "axi_monitor.sv"]


def bench(verilog, testcase=None):
    run_bench([*HARNESS, *verilog], "axi_bench", BENCH, simulator="verilator", testcase=testcase)


def test_axi(need):
    need("verilator")
    bench(chip_verilog(PRESETS["mini"], top="axi"))


def broken(directory, *changes):
    files = [Path(shutil.copy(file, directory)) for file in chip_verilog(PRESETS["mini"], top="axi")]
    for change in changes:
        force(files, *change)
    return files


# what is changed in Verilog, the test that must notice, what it says
WRAPPERS = {
    "no split at 4 KB": (
        [("axi_splitter.length", "left")], "boundary", "AssertionError|4 KB|assert 0x1000|rule of AXI"),
    "no WLAST": ([("axi_writer.last", "1'h0")], "whole_layer/name=0/stall=0.0", "never came|assert"),
    "error responses ignored": (
        [("axi_reader.error", "1'h0"), ("axi_writer.error", "1'h0")], "_error/.*stall=0.0", "assert"),
    "a reset that does not wait for the bus": (
        [("axi_master.idle", "1'h1")], "reset_of_a_standing_bus|reset_in_a_burst", "outstanding|assert|rule of AXI"),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_broken_wrapper(need, name, tmp_path):
    need("verilator")
    changes, testcase, message = WRAPPERS[name]
    with pytest.raises(SimulationFailed) as failure:
        bench(broken(tmp_path, *changes), testcase)
    assert re.search(message, str(failure.value)), failure.value


def test_monitor_stops_the_layer(need, tmp_path):
    """The harness that the chip tests run through notices as well: here it is the monitor that does."""
    need("icarus")
    files = broken(tmp_path, ("axi_splitter.length", "left"))
    result = run("M=4,C=2,H=4,W=7,R=3", "m=4 n=1 e=2 p=4 q=1 r=1 t=1", top="axi", simulator="icarus", verilog=files,
                 hang_cycles=2_000, max_cycles=20_000, poll_cycles=500)
    assert result.status == "fault"
