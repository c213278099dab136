"""`python -m scripts.profiling`: instructions that the simulation executes for a cycle of the 12 x 14 chip.

Wall-clock time wobbles with the machine; callgrind's count of instructions does not. A layer is run in two
widths, so that configuration, reset and what only happens once fall out of the difference.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import sim.runner
from compiler.mapping import Mapping
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS
from scripts.console import console, counts_table
from sim.layer import simulate_layer

__all__ = ["profile"]

SHAPE = "M=32,C=16,H=9,W={},R=3"
MAPPING = Mapping(m=32, n=1, e=7, p=16, q=4, r=4, t=2)  # all 168 PEs
WIDTHS = (50, 100)
LISTED = 12


def _run(width, directory):
    """(cycles, instructions, instructions by C++ class) of the layer at a width."""
    target = directory / f"callgrind.{width}"
    sim.runner.PREFIX[:] = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={target}",
                            "--toggle-collect=Vtop::eval_step()"]
    shape = LayerShape.parse(SHAPE.format(width))
    tensors = random_tensors(shape, seed=1, zeros=0.3, shift=8, full_range=False)
    result = simulate_layer(shape, MAPPING, PRESETS["eyeriss"], tensors, shift=8, relu=True)
    if not result.match:
        raise SystemExit(f"the layer ended as {result.status}")
    text = subprocess.run(["callgrind_annotate", str(target)], capture_output=True, text=True, check=True).stdout
    functions = {}
    for count, name in re.findall(r"^\s*([\d,]+) \([\s\d.]+%\)\s+\S+:(\S.*?)\(", text, re.MULTILINE):
        kind = name.partition("___")[0]  # Vtop_pe: all functions of all PEs that Verilator keeps apart
        functions[kind] = functions.get(kind, 0) + int(count.replace(",", ""))
    total = int(re.search(r"([\d,]+) .*PROGRAM TOTALS", text)[1].replace(",", ""))
    return result.counters["cycles"], total, functions


def profile() -> int:
    """Run, print."""
    if not shutil.which("valgrind"):
        print("eyeriss: error: valgrind is missing: install the package valgrind", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory, console(stderr=True).status("callgrind, a minute or two"):
        (few, less, before), (many, more, after) = (_run(width, Path(directory)) for width in WIDTHS)
    cycles = many - few
    parts = sorted(((count - before.get(name, 0), name) for name, count in after.items()), reverse=True)
    rows = [(name, f"{count / cycles:,.0f}", f"{count / (more - less):.1%}") for count, name in parts[:LISTED]]
    console().print(counts_table("instructions a core cycle, by class", ("class", "a cycle", "share"), rows))
    console().print(f"{(more - less) / cycles:,.0f} instructions a core cycle")
    return 0


if __name__ == "__main__":
    sys.exit(profile())
