"""`eyeriss generate`."""

import json
import tempfile
import time
from pathlib import Path

from hw.axi import EyerissAxi
from hw.chip import Eyeriss
from hw.config import load_chip
from hw.describe import describe
from hw.generate import write
from scripts import register_map
from scripts.console import bad_input, check_targets, console, place, write_json
from sim.files import write_file
from sim.lint import WAIVERS

__all__ = ["generate"]

TOPS = {"chip": Eyeriss, "axi": EyerissAxi}


def generate(chip_source, output, top="chip"):
    """Write Verilog and description of a chip into a directory; with AXI the register map and a FuseSoC core too."""
    started = time.monotonic()
    with bad_input():
        chip = load_chip(chip_source)
    output = Path(output)
    check_targets(folders={"output": output})
    block = TOPS[top](chip)
    name = chip.name if top == "chip" else f"{chip.name}-{top}"
    output.mkdir(parents=True, exist_ok=True)
    listing = output / f"{name}.f"
    with tempfile.TemporaryDirectory(dir=output) as scratch:
        made = write(block, scratch)
        if listing.is_file():  # of an earlier run: modules that there are no longer must not stay behind
            for stale in listing.read_text().split():
                (output / stale).unlink(missing_ok=True)
        files = [file.rename(output / file.name) for file in made]
    names = [file.name for file in files]
    write_json(output / f"{name}.json", describe(chip, names, block))
    if top == "axi":
        write_file(output / f"{name}.md", register_map.page(chip))
        write_file(output / f"{name}.h", register_map.header(chip))
        write_file(output / f"{name}.core", _core(name, block.module_name, names))
    write_file(listing, "".join(f"{file}\n" for file in names))
    lines = sum(len(file.read_text().splitlines()) for file in files)
    console().print(f"{name}: {len(files)} modules, {lines} lines in {place(output)} "
                    f"({time.monotonic() - started:.1f} s)")


def _core(name, top, files):
    """FuseSoC's description of the Verilog: YAML, which is all that JSON is."""
    waivers = ["-Wall", *(f"-Wno-{waiver}" for waiver in WAIVERS)]
    content = {
        "name": f"eyeriss:accelerator:{name}:0.1.0",
        "description": f"Row-stationary CNN accelerator {name} with AXI4-Lite registers and an AXI4 master",
        "filesets": {"rtl": {"files": files, "file_type": "systemVerilogSource"},
                     "header": {"files": [f"{name}.h"], "file_type": "user"}},
        "targets": {"default": {"filesets": ["rtl", "header"], "toplevel": top},
                    "lint": {"filesets": ["rtl"], "toplevel": top, "flow": "lint",
                             "flow_options": {"tool": "verilator", "verilator_options": waivers}}},
    }
    return "CAPI=2:\n" + json.dumps(content, indent=1) + "\n"
