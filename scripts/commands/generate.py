"""`eyeriss generate`."""

import json
import re
import time
from pathlib import Path

from hw.chip import Eyeriss
from hw.config import VERSION, load_chip
from hw.shell.axi import EyerissAxi
from hw.verilog.constraints import sdc, xdc
from hw.verilog.describe import describe
from hw.verilog.generate import check_prefix, sources
from scripts.pages import ip_xact, register_map
from scripts.terminal.console import BadInput, bad_input, check_targets, console, place, working, write_json
from sim.tools.files import ROOT, write_file
from sim.tools.lint import WAIVERS

__all__ = ["generate"]

#: The bench of the FuseSoC core's simulations, and the device of its Vivado project: any of 7 series' larger ones.
BENCH = ROOT / "examples" / "axi" / "bench.sv"
PART = "xc7k325tffg900-2"

TOPS = {"chip": Eyeriss, "axi": EyerissAxi}


def generate(chip_source, output, top="chip", prefix=""):
    """Write Verilog, description and constraints of a chip into a directory; with AXI register map and FuseSoC core.

    Several chips may share a directory as long as no file of one would change another's.
    """
    started = time.monotonic()
    with bad_input():
        chip = load_chip(chip_source)
        check_prefix(prefix)
    output = Path(output)
    check_targets(folders={"output": output})
    block = TOPS[top](chip)
    name = prefix + (chip.name if top == "chip" else f"{chip.name}-{top}")
    with working("Verilog"):
        texts = {f"{module}.sv": text for module, text in sources(block, prefix).items()}
    stale = _make_room(output, name, texts)
    output.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        write_file(output / file, text)
    for file in stale:
        (output / file).unlink(missing_ok=True)
    first = f"{prefix}{block.module_name}.sv"
    names = sorted(texts, key=lambda file: (file != first, file))
    described = describe(chip, names, block, prefix)
    write_json(output / f"{name}.json", described)
    if top == "axi":
        write_file(output / f"{name}.md", register_map.page(chip))
        write_file(output / f"{name}.h", register_map.header(chip))
        write_file(output / f"{name}.xml", ip_xact.component(name, described, block.port_attributes))
        bench = BENCH.read_text().replace(f" {block.module_name} chip ", f" {prefix}{block.module_name} chip ")
        write_file(output / f"{name}-bench.sv", f"// Eyeriss generator {VERSION}\n{bench}")
        write_file(output / f"{name}.core", _core(name, prefix + block.module_name, names))
    write_file(output / f"{name}.f", "".join(f"{file}\n" for file in names))
    write_file(output / f"{name}.sdc", sdc(chip, block))
    write_file(output / f"{name}.xdc", xdc(chip, block))
    lines = sum(text.count("\n") for text in texts.values())
    console().print(f"{name}: {len(names)} modules, {lines} lines in {place(output)} "
                    f"({time.monotonic() - started:.1f} s)")


def _make_room(output, name, texts):
    """Modules that an earlier run under this name wrote and this one does not, and no other chip there needs.

    Raises
    ------
    BadInput
        A file that would change is another chip's, or was not written by this command.
    """
    earlier = {path.stem: _modules_of(path) for path in sorted(output.glob("*.json"))}
    own = earlier.pop(name, set())
    for file, text in texts.items():
        path = output / file
        owners = [other for other, files in earlier.items() if file in files]
        if path.is_symlink() or path.exists() and (owners or file not in own):
            if path.is_symlink() or not path.is_file() or path.read_bytes() != text.encode():
                owner = f"the chip {owners[0]}'s" if owners else "not of this chip"
                raise BadInput(f"{path} is {owner} and would change: choose another --output, or a --prefix for "
                               "the modules")
    return own - texts.keys() - set().union(*earlier.values())


def _modules_of(path):
    """The Verilog files of a description that an earlier run wrote; none where it is another file."""
    try:
        table = json.loads(path.read_text())
    except (OSError, ValueError):
        return set()
    files = table.get("files") if isinstance(table, dict) and "scan_fields" in table else None
    named = files if isinstance(files, list) else []
    # whatever the file says, nothing outside of its directory is meant
    return {file for file in named if isinstance(file, str) and re.fullmatch(r"\w+\.sv", file)}


def _core(name, top, files):
    """FuseSoC's description of the Verilog: YAML, which is all that JSON is."""
    waivers = ["-Wall", *(f"-Wno-{waiver}" for waiver in WAIVERS)]
    simulators = {"icarus": {"iverilog_options": ["-g2012"]},
                  "verilator": {"mode": "binary", "verilator_options": [
                      "--timing", "-Wno-lint", "-Wno-style", "-CFLAGS", "-std=c++20"]}}
    # the arguments of `compiled.f`, and the folder
    plusargs = {"folder": "str", "memory_words": "int", "scan_words": "int", "jobs": "int", "cycles": "int",
                "base": "str", "stall": "int"}
    content = {
        "name": f"eyeriss:accelerator:{name}:{VERSION}",
        "description": f"Row-stationary CNN accelerator {name} with AXI4-Lite registers and an AXI4 master",
        "filesets": {"rtl": {"files": files, "file_type": "systemVerilogSource"},
                     "header": {"files": [f"{name}.h"], "file_type": "user"},
                     "bench": {"files": [f"{name}-bench.sv"], "file_type": "systemVerilogSource"},
                     "vivado": {"files": [f"{name}.xdc"], "file_type": "xdc"}},
        "parameters": {argument: {"datatype": kind, "paramtype": "plusarg"} for argument, kind in plusargs.items()},
        "targets": {"default": {"filesets": ["rtl", "header"], "toplevel": top},
                    "lint": {"filesets": ["rtl"], "toplevel": top, "flow": "lint",
                             "flow_options": {"tool": "verilator", "verilator_options": waivers}},
                    "vivado": {"filesets": ["rtl", "vivado"], "toplevel": top, "flow": "vivado",
                               "flow_options": {"part": PART}}}
        | {f"sim_{tool}": {"filesets": ["bench", "rtl"], "toplevel": "bench", "flow": "sim",
                           "flow_options": {"tool": tool, **options}, "parameters": list(plusargs)}
           for tool, options in simulators.items()},
    }
    return "CAPI=2:\n" + json.dumps(content, indent=1) + "\n"
