"""What silicon does not forgive, looked for in the generated Verilog: loops, latches, crossings, needless resets."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hw.verilog.generate import write

from . import yosys

__all__ = ["Registers", "crossing_paths", "crossings", "elaborated", "fpga_cells", "registers"]

_FLIP_FLOPS = {f"${reset}dff{enable}" for reset in ("", "s", "a", "al") for enable in ("", "e")} | {"$sdffce"}


def elaborated(block, directory, *, optimised=False):
    """Yosys's JSON of a block, flattened, its SRAMs as black boxes; each net driven once, no loop, no latch.

    As it was written, where a cell's name has its module's path; or `optimised`, with all enables and resets found.

    Raises
    ------
    FlowError
        Yosys's `check` found a combinational loop, an undriven or a multiply driven net, or there is a latch.
    """
    directory = Path(directory)
    sources = write(block, directory)
    srams = [file.name for file in sources if file.stem.startswith("sram_")]
    yosys.run([
        f"read_verilog -sv {' '.join(file.name for file in sources if file.name not in srams)}",
        *(f"read_verilog -lib -sv {name}" for name in srams),
        f"hierarchy -check -top {block.module_name}", "proc", "flatten -noscopeinfo", "opt_clean",
        "check -assert", "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$sr",
        "memory_collect", "memory_map", *(["opt -full"] if optimised else []), "opt_clean", "write_json flat.json",
    ], directory)
    return json.loads((directory / "flat.json").read_text())["modules"][block.module_name]


@dataclass(frozen=True)
class Registers:
    """Bits of registers: all, those that a reset reaches, and those that an enable stops."""

    bits: int
    reset: int
    enabled: int


def registers(module):
    """Count the registers of an elaborated block."""
    bits, reset, enabled = Counter(), 0, 0
    for cell in module["cells"].values():
        kind = cell["type"]
        if kind in _FLIP_FLOPS:
            width = len(cell["connections"]["Q"])
            bits["all"] += width
            reset += width * kind.startswith(("$s", "$a"))
            enabled += width * ("EN" in cell["connections"])
    return Registers(bits["all"], reset, enabled)


def crossings(module):
    """Registers that hear registers of another clock, by the path of the module they are in.

    Whatever leads from one register to another without a register in between counts: data, enables, resets.

    Returns
    -------
    Counter
        Path (instance names with dots) to the number of bits.
    """
    clock_of, sources = {}, {}  # net -> clock net of the register behind it; net -> nets it is made of
    for cell in module["cells"].values():
        pins = cell["connections"]
        inputs = [bit for pin, bits in pins.items() if cell["port_directions"][pin] == "input" for bit in bits]
        outputs = [bit for pin, bits in pins.items() if cell["port_directions"][pin] == "output" for bit in bits]
        clock = pins.get("CLK", pins.get("clk"))
        for bit in outputs:
            if clock:
                clock_of[bit] = clock[0]
            else:
                sources[bit] = inputs
    heard = _clocks_heard(clock_of, sources)
    found = Counter()
    for name, cell in module["cells"].items():
        pins = cell["connections"]
        clock = pins.get("CLK", pins.get("clk"))
        if not clock:
            continue
        if cell["type"] not in _FLIP_FLOPS and not cell["type"].startswith("sram_"):
            raise ValueError(f"{name} has a clock and is no register: {cell['type']}")
        others = set()
        for pin, bits in pins.items():
            if cell["port_directions"][pin] == "input" and pin not in ("CLK", "clk"):
                for bit in bits:
                    others |= heard(bit)
        if others - {clock[0]}:
            found[_path(name)] += len(pins.get("Q", [0]))
    return found


def crossing_paths(module):
    """The same crossings as pairs of names: (register that is heard, register that hears), without indices.

    Returns
    -------
    set of (str, str)
    """
    names, sources, clocks, hearers = {}, {}, {}, []
    for name, net in module["netnames"].items():
        for bit in net["bits"]:
            # a net of the register itself, not one of its parents' that is tied to it
            names[bit] = max(names.get(bit, ""), re.sub(r"\[\d+\]$", "", name), key=lambda text: text.count("."))
    for cell in module["cells"].values():
        pins = cell["connections"]
        inputs = [bit for pin, bits in pins.items() if cell["port_directions"][pin] == "input" for bit in bits
                  if pin not in ("CLK", "clk")]
        outputs = [bit for pin, bits in pins.items() if cell["port_directions"][pin] == "output" for bit in bits]
        clock = pins.get("CLK", pins.get("clk"))
        for bit in outputs:
            sources[bit] = inputs
            if clock:
                clocks[bit] = clock[0]
        if clock:
            hearers.append((inputs, outputs, clock[0]))
    found, heard = set(), _clocks_heard(clocks, sources)
    for inputs, outputs, clock in hearers:
        queue, seen = [bit for bit in inputs if heard(bit) - {clock}], set()
        while queue:
            bit = queue.pop()
            if bit in clocks:
                if clocks[bit] != clock:
                    found.add((names[bit], names[outputs[0]]))
            elif bit not in seen:
                seen.add(bit)
                queue += sources.get(bit, [])
    return found


def _clocks_heard(clock_of, sources):
    """A function: the clocks of all registers that a net is made of, found without recursion."""
    known = {}

    def heard(net):
        stack = [net]
        while stack:
            bit = stack[-1]
            if bit in known:
                stack.pop()
            elif bit in clock_of:
                known[bit] = frozenset([clock_of[bit]])
            else:
                waiting = [source for source in sources.get(bit, ()) if source not in known]
                if waiting:
                    stack += waiting
                else:
                    known[bit] = frozenset().union(*(known[source] for source in sources.get(bit, ())))
        return known[net]

    return heard


def _path(name):
    """`link.writes.fifo` of the cell ``$flatten\\link.\\writes.\\fifo.$procdff$123``."""
    parts = name.removeprefix("$flatten").split(".")
    return ".".join(part.lstrip("\\") for part in parts[:-1])


#: Yosys's command for each family of FPGAs, that keeps modules.
FAMILIES = {"ecp5": "synth_ecp5 -noflatten", "xilinx7": "synth_xilinx -family xc7", "gowin": "synth_gowin -noflatten"}


def fpga_cells(block, directory, family="ecp5"):
    """Cells of a family of FPGAs that each module of a block becomes: {module: {cell: count}}."""
    directory = Path(directory)
    sources = write(block, directory)
    yosys.run([
        f"read_verilog -sv {' '.join(file.name for file in sources)}",
        f"{FAMILIES[family]} -top {block.module_name}", "check -assert", "tee -q -o cells.json stat -json",
    ], directory)
    text = (directory / "cells.json").read_text()
    found = json.loads(text[text.index("{"):])["modules"]
    return {
        name.removeprefix("\\"): {
            cell: count["count"] if isinstance(count, dict) else count
            for cell, count in module["num_cells_by_type"].items()}
        for name, module in found.items()
    }
