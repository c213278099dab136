"""The constraints beside the Verilog except the paths between the clocks, no more and no less."""

import re
import shutil
import subprocess

import pytest

from flow import yosys
from flow.library import DEFAULT
from flow.structure import crossing_paths, elaborated
from hw.chip import Eyeriss
from hw.config import ChipConfig
from hw.shell.axi import EyerissAxi
from hw.verilog.constraints import exceptions, sdc, xdc
from hw.verilog.generate import write

pytestmark = pytest.mark.slow

SMALL = ChipConfig(name="small", rows=2, columns=2, glb_banks=3, glb_bank_words=32, filter_bank_words=64)
#: Modules with registers of both clocks, and what places them: all of the chip that its constraints name.
CROSSING = re.compile(r"eyeriss|dram_port|link|link_tick|level_sync|async_queue_\w+")


def test_exceptions_are_the_crossings(tmp_path):
    """Of the structure that Yosys finds in the Verilog; the top with AXI has the chip's, and its own."""
    block = EyerissAxi(SMALL)
    unmatched = crossing_paths(elaborated(block, tmp_path))
    assert len(unmatched) > 9
    for each in exceptions(block):
        sent, heard = (name and ".".join((*each.path, name)) for name in (each.sent, each.heard))
        mine = {(source, target) for source, target in unmatched
                if sent in (None, source) and heard in (None, target)}
        assert len(mine) == 1, each
        unmatched -= mine
    assert not unmatched


def test_both_files_name_every_exception():
    block = EyerissAxi(SMALL)
    for text in (sdc(SMALL, block), xdc(SMALL, block)):
        for each in exceptions(block):
            for name in filter(None, (each.sent, each.heard)):
                tcl, vivado = f"{{{' '.join(each.path)}}} {name}]", f"{{{'/'.join(each.path)}/{name}_reg*}}"
                assert tcl in text or vivado in text


@pytest.fixture(scope="module")
def netlist(tmp_path_factory):
    """The chip as cells where it has both clocks, black boxes elsewhere: OpenSTA's folder."""
    if shutil.which("sta") is None or not DEFAULT.exists():
        pytest.skip("no OpenSTA, or no cell library")
    folder = tmp_path_factory.mktemp("netlist")
    files = write(Eyeriss(SMALL), folder)
    cells = [file.name for file in files if CROSSING.fullmatch(file.stem)]
    shutil.copy(DEFAULT, folder / "cells.lib")
    yosys.run([
        f"read_verilog -sv {' '.join(cells)}",
        *(f"read_verilog -lib -sv {file.name}" for file in files if file.name not in cells),
        "read_liberty -lib -ignore_miss_func cells.lib",
        "hierarchy -top eyeriss", "proc", "memory", "opt -fast", "techmap", "opt -fast",
        "dfflibmap -liberty cells.lib", "abc -liberty cells.lib", "opt_clean -purge", "splitnets", "rename -wire",
        "write_verilog -noattr -noexpr -simple-lhs netlist.v",
    ], folder)
    return folder


def paths(folder, text):
    """Descriptions of the paths from clock to clock that are not excepted from timing, by OpenSTA with this SDC."""
    (folder / "chip.sdc").write_text(text)
    (folder / "paths.tcl").write_text("\n".join([
        "read_liberty cells.lib", "read_verilog netlist.v", "link_design eyeriss", "read_sdc chip.sdc",
        *(f"report_checks -path_delay max -from [get_clocks {source}] -to [get_clocks {target}] -group_count 1000 "
          "-endpoint_count 1 -format full" for source, target in (("clk", "link_clk"), ("link_clk", "clk")))]) + "\n")
    run = subprocess.run(["sta", "-no_splash", "-exit", "paths.tcl"], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    trouble = [line for line in (run.stdout + run.stderr).splitlines()
               if line.startswith("Error") or "chip.sdc" in line]
    return run.stdout.split("Startpoint: ")[1:], trouble


def test_opensta_times_no_path_but_by_its_limit(netlist):
    found, trouble = paths(netlist, sdc(SMALL, Eyeriss(SMALL)))
    assert trouble == []
    assert len(found) == 3 * (4 + 4 + 64)  # queues: two pointers, a word
    assert all("max_delay" in path for path in found)


def test_opensta_times_what_is_not_excepted(netlist):
    """Without the lines of one queue's pointer, that pointer's bits are paths like any other."""
    text = sdc(SMALL, Eyeriss(SMALL))
    without = "\n".join(line for line in text.splitlines() if "{dram_port link reads} arrived_first" not in line)
    found, _ = paths(netlist, without)
    plain = [path for path in found if "max_delay" not in path]
    assert plain and all("\nEndpoint: dram_port/link/reads/arrived_first" in path for path in plain)
