"""Hierarchical synthesis to standard cells: each module once, its gates counted where it stands.

    SystemVerilog -> Yosys: booth multipliers, clock gates, flip-flops of the library, ABC -> netlist.v
                                                                                          -> cells of each module

SRAMs are macros and stay black boxes. Gates are counted in areas of the library's smallest two-input NAND,
as in the paper's "gate count (logic only)" (Table IV). What that leaves out is storage: in Fig. 15 the GLB and
all spads are two thirds of the core. So the spads' register files are counted, but apart.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from hw.verilog.generate import write

from . import yosys
from .fanout import insert_buffers
from .latches import latch_array
from .library import OSU_GATE_CELLS
from .yosys import FlowError

__all__ = ["CLOCK_GATE", "Module", "Synthesis", "check_spads", "synthesize"]

CLOCK_GATE = "CLOCK_GATE"
#: Clock ports of modules, and of the clock gate.
CLOCKS = {("*", port) for port in ("clk", "link_clk", "read_clk", "write_clk", "CLK", "GCLK")}
#: Fewer registers with one enable than this are not worth a clock gate.
GATED_REGISTERS = 3
#: Loads that a gate, register or port may drive, in modules with long paths and in all others.
FAST_LOADS, LOADS = 8, 12
#: ABC's scripts: least area; and with gates sized for so many picoseconds, registers at both ends not counted.
#: The second does without `dc2`, which makes the multiplier slower and no smaller.
SMALL = "+strash;ifraig;scorr;dc2;dc2;strash;dch,-f;amap,-m"
SIZED = f"+strash;ifraig;scorr;strash;dch,-f;amap,-m;topo;buffer,-N,{FAST_LOADS};upsize,-D,4500;dnsize,-D,4500"
REGISTER_FILE = re.compile(r"registers_\d")
#: With a multiplier or an adder behind a multiplexer.
LONG_PATHS = ("pe", "pe_zero_skip")


@dataclass(frozen=True)
class Module:
    """One module as synthesised, without those placed in it.

    Attributes
    ----------
    name : str
    kind : str
        "logic", "registers" (the spads' register files) or "sram".
    nand2 : float
        Area in NAND2; 0 of an SRAM.
    flops, clock_gates : int
    places : dict of str to int
        Modules placed in it, and how often.
    """

    name: str
    kind: str
    nand2: float
    flops: int
    clock_gates: int
    places: dict


@dataclass(frozen=True)
class Synthesis:
    """What came out.

    Attributes
    ----------
    top : str
    modules : dict of str to Module
    netlist : Path
        Verilog of all modules and of the clock gate.
    models : Path
        Verilog of the library's cells, for simulation.
    srams : list of Path
        RTL of the macros, for simulation.
    """

    top: str
    modules: dict
    netlist: Path
    models: Path
    srams: list

    def instances(self):
        """How often each module stands in the top."""
        counts = {}

        def walk(name, times):
            counts[name] = counts.get(name, 0) + times
            for placed, number in self.modules[name].places.items():
                walk(placed, times * number)

        walk(self.top, 1)
        return counts


def synthesize(block, directory, library, *, spads="registers", poll=None):
    """Synthesise a block and all below it.

    Parameters
    ----------
    block : hw.kit.block.Block
    directory : Path
        Emptied first; keeps the netlist and all logs.
    library : flow.library.Library
    spads : str
        What the register files of the ifmap and psum spads are: "registers", or "latch" for `flow.latches`.
    poll : callable, optional
        See `sim.tools.process.call`.

    Returns
    -------
    Synthesis

    Raises
    ------
    FlowError
    ValueError
        One line: the library has no cells for latch arrays.
    """
    check_spads(spads, library)
    directory = Path(directory)
    shutil.rmtree(directory, ignore_errors=True)
    sources = write(block, directory / "rtl")
    if spads == "latch":
        for file in sources:
            if REGISTER_FILE.match(file.stem):
                file.write_text(latch_array(file.stem, CLOCK_GATE))
    shutil.copy(library.path, directory / "cells.lib")
    srams = [file for file in sources if file.stem.startswith("sram_")]
    top = block.module_name
    if library.clock_gate:
        (directory / "clock_gate.v").write_text(library.clock_gate.verilog)
    yosys.run(_script(top, sources, srams, library, directory), directory, poll=poll)
    insert_buffers(directory / "netlist.json", library.buffer, clocks=CLOCKS | library.clock_pins,
                   limit=lambda name: FAST_LOADS if name in LONG_PATHS else LOADS)
    yosys.run(_finish(library, srams, directory), directory, name="finish", poll=poll)
    models = directory / "models.sv"
    # 0 or 1 at power-on, as in silicon: with X, gates that reset a register through two paths would never leave it
    models.write_text(re.sub(r"^(  reg \w+);$", r"\1 = $random;", models.read_text(), flags=re.MULTILINE))
    modules = _count(directory, library, {file.stem for file in srams})
    return Synthesis(top, modules, directory / "netlist.v", models, srams)


def check_spads(spads, library):
    """Raise ValueError, in one line, where the library has no cells for spads of latches."""
    if spads == "latch" and not library.clock_gate:
        raise ValueError(f"--spads latch needs the cells {', '.join(OSU_GATE_CELLS)}, "
                         f"which {library.path} has not all")


def _script(top, sources, srams, library, directory):
    logic = [file.relative_to(directory) for file in sources if file not in srams]
    macros = [file.relative_to(directory) for file in srams]
    abc = "abc -liberty cells.lib -script {} {}"
    long_paths = [file.stem for file in sources if file.stem in LONG_PATHS]
    return [
        f"read_verilog -sv {' '.join(map(str, logic))}",
        *(f"read_verilog -lib -sv {macro}" for macro in macros),
        *(["read_verilog -lib clock_gate.v"] if library.clock_gate else []),
        "read_liberty -lib -ignore_miss_func cells.lib",
        f"hierarchy -check -top {top}",
        "proc", "opt", "wreduce", "peepopt", "opt_clean", "booth",
        f"synth -top {top} -run coarse:check",
        *([f"clockgate -pos {CLOCK_GATE} EN:CLK:GCLK -min_net_size {GATED_REGISTERS}"] if library.clock_gate else []),
        "dfflibmap -liberty cells.lib", "opt",
        *(abc.format(SIZED, name) for name in long_paths),
        abc.format(SMALL, " ".join(["*", *(f"{name} %d" for name in long_paths)])),
        "opt_clean", "check -mapped -assert", "write_json netlist.json",
    ]


def _finish(library, srams, directory):
    """The script behind the buffers: files, names after the nets that cells drive."""
    macros = [f"read_verilog -lib -sv {file.relative_to(directory)}" for file in srams]
    return [
        "read_json netlist.json", "opt_clean -purge", "rename -wire", "tee -q -o cells.json stat -json",
        *(["read_verilog -overwrite clock_gate.v"] if library.clock_gate else []),
        "write_verilog -noattr -noexpr -simple-lhs netlist.v",  # OpenSTA reads no concatenation on the left
        # with the names of the Verilog, for `flow.power`
        "design -reset", "read_liberty -lib -ignore_miss_func cells.lib", *macros, "read_verilog netlist.v",
        "write_json gates.json",
        "design -reset", "read_liberty -ignore_miss_func cells.lib", "write_verilog -sv -noattr models.sv",
    ]


def _count(directory, library, srams):
    """Modules from Yosys's statistics."""
    text = (directory / "cells.json").read_text()
    found = json.loads(text[text.index("{"):])["modules"]
    found = {name.removeprefix("\\"): {cell: _number(count) for cell, count in module["num_cells_by_type"].items()}
             for name, module in found.items()}
    modules = {}
    for name, cells in found.items():
        places = {cell: count for cell, count in cells.items() if cell in found or cell in srams}
        gates = {cell: count for cell, count in cells.items() if cell not in places}
        clock_gates = gates.pop(CLOCK_GATE, 0)
        missing = sorted(set(gates) - set(library.areas))
        if missing:
            raise FlowError(f"cells of {name} are not in {library.path}: {', '.join(missing)}")
        area = sum(library.areas[cell] * count for cell, count in gates.items())
        if clock_gates:
            area += library.clock_gate.area * clock_gates
        modules[name] = Module(
            name, "registers" if REGISTER_FILE.match(name) else "logic", area / library.nand2,
            sum(count for cell, count in gates.items() if cell in library.flops), clock_gates, places)
    for name in srams:
        modules[name] = Module(name, "sram", 0.0, 0, 0, {})
    return modules


def _number(count):
    return count["count"] if isinstance(count, dict) else count
