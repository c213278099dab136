"""`python -m scripts.profiling`: what the simulation of the 12 x 14 chip costs a cycle, and whether it got faster.

Without options: instructions and misses of the first-level instruction cache that callgrind counts in a cycle, and
functions that the C++ has for each module. A layer is run in two widths, so that configuration, reset and what only
happens once fall out of the difference.

With `--against CHECKOUT`: the same `eyeriss simulate` in this checkout and in another one, in turn, whose builds are
there already; user CPU seconds of the whole processes and their ratio pair by pair, which hold on a machine whose
speed wobbles.
"""

import os
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from compiler.mapping.mapping import Mapping
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS
from scripts.terminal.console import console, counts_table
from sim.chip.layer import simulate_layer
from sim.chip.simulate import HARNESSES, Settings
from sim.chip.verilog import chip_verilog
from sim.tools import verilate
from sim.tools.files import ROOT

__all__ = ["compare", "profile"]

SHAPE = "M=32,C=16,H=9,W={},R=3"
MAPPING = Mapping(m=32, n=1, e=7, p=16, q=4, r=4, t=2)  # all 168 PEs
WIDTHS = (50, 100)
LISTED = 12

#: Callgrind's columns: instructions, and misses of instructions in the first-level cache.
EVENTS = ("Ir", "I1mr")

LAYER = "--layer alexnet/CONV3 --shift 8 --relu"


def _run(width, directory):
    """(cycles, {C++ class: counts of EVENTS}) of the layer at a width."""
    target = directory / f"callgrind.{width}"
    profiler = ("valgrind", "--tool=callgrind", "--cache-sim=yes", f"--callgrind-out-file={target}",
                "--toggle-collect=Vtop::eval_step()")
    shape = LayerShape.parse(SHAPE.format(width))
    tensors = random_tensors(shape, seed=1, zeros=0.3, shift=8, full_range=False)
    result = simulate_layer(shape, MAPPING, PRESETS["eyeriss"], tensors, Settings(prefix=profiler), shift=8,
                            relu=True)
    if not result.match:
        raise SystemExit(f"the layer ended as {result.status}")
    text = subprocess.run(["callgrind_annotate", "--show=" + ",".join(EVENTS), "--threshold=100", str(target)],
                          capture_output=True, text=True, check=True).stdout
    column = r"\s*([\d,]+|\.)(?: \([\s\d.]+%\))?"
    counts = {}
    for match in re.finditer(rf"^{column * len(EVENTS)}\s+\S+?:(\S.*?)[(\[]", text, re.MULTILINE):
        kind = match[len(EVENTS) + 1].partition("___")[0]  # Vtop_pe: all functions of the PEs
        mine = [int(number.replace(",", "").replace(".", "0")) for number in match.groups()[:len(EVENTS)]]
        counts[kind] = [before + more for before, more in zip(counts.get(kind, [0] * len(EVENTS)), mine, strict=True)]
    return result.counters["cycles"], counts


def profile():
    """Count with callgrind, print."""
    if not shutil.which("valgrind"):
        raise SystemExit("valgrind is missing: install the package valgrind")
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        with console(stderr=True).status("callgrind, two minutes or so"):
            (few, before), (many, after) = (_run(width, directory) for width in WIDTHS)
        sources = [*HARNESSES["chip"], *chip_verilog(PRESETS["eyeriss"])]
        functions = verilate.count_functions(sources, HARNESSES["chip"][0].stem, directory / "cpp")
    each = {kind: [(now - then) / (many - few) for now, then in zip(counts, before.get(kind, [0] * len(EVENTS)),
                                                                     strict=True)] for kind, counts in after.items()}
    rows = [(kind, *(f"{count:,.0f}" for count in counts), str(functions.get(kind.removeprefix("Vtop_"), "")))
            for kind, counts in sorted(each.items(), key=lambda item: -item[1][0])[:LISTED]]
    console().print(counts_table("a core cycle, by C++ class", ("class", "instructions", "cache misses", "functions"),
                                 rows))
    instructions, misses = (sum(counts[event] for counts in each.values()) for event in range(len(EVENTS)))
    console().print(f"{instructions:,.0f} instructions and {misses:,.0f} instruction-cache misses a core cycle",
                    highlight=False)


def _user_seconds(checkout, arguments):
    """User CPU of one `eyeriss simulate` and all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([checkout / ".venv/bin/eyeriss", "simulate", *arguments], cwd=checkout, check=True,
                   stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(checkout)})
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def compare(other, arguments, pairs):
    """Run this checkout and another one in turn after a run of each that is not counted; print and return ratios."""
    ratios, rows = [], []
    for checkout in (other, ROOT):
        _user_seconds(checkout, arguments)
    for number in range(pairs):
        theirs, ours = _user_seconds(other, arguments), _user_seconds(ROOT, arguments)
        ratios.append(theirs / ours)
        rows.append((str(number + 1), f"{theirs:.2f}", f"{ours:.2f}", f"{ratios[-1]:.2f}"))
    console().print(counts_table("user CPU seconds", ("pair", "other", "this", "times faster"), rows))
    console().print(f"median {statistics.median(ratios):.2f} times faster", highlight=False)
    return ratios


def main(
    against: Annotated[Path | None, typer.Option(exists=True, help="Another checkout, set up.")] = None,
    simulate: Annotated[str, typer.Option(help="What `eyeriss simulate` is called with.")] = LAYER,
    pairs: Annotated[int, typer.Option(min=1)] = 5,
):
    """What a cycle of the simulation costs; or user CPU against another checkout."""
    if against:
        compare(against.resolve(), simulate.split(), pairs)
    else:
        profile()


if __name__ == "__main__":
    typer.run(main)
