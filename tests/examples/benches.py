"""The benches of examples/, run as a user runs them, but with no Python to be found."""

import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from compiler.image.program import compile_layer
from compiler.mapping.lowering import lower
from compiler.mapping.search import find_mapping
from golden.conv import conv_layer
from golden.tensors import random_tensors
from host.folder import CompiledFolder
from hw.config import PRESETS
from scripts.commands.generate import generate
from sim.chip.verilog import chip_verilog
from sim.tools.files import BUILD, ROOT, locked, scratch_folder
from sim.tools.find import require
from tests.chip.layers import random_layer

__all__ = ["EXAMPLES", "compiled", "random_folder", "rtl", "run"]

EXAMPLES = ROOT / "examples"
MINI = PRESETS["mini"]


def rtl(top="chip"):
    """A folder of `eyeriss generate` for mini, kept for all tests."""
    folder = BUILD / "examples" / chip_verilog(MINI, top=top)[0].parent.name
    with locked(folder.parent / "locks" / folder.name):
        if not folder.is_dir():
            with scratch_folder(folder) as scratch:
                generate("mini", scratch, top)
                scratch.rename(folder)
    return folder


def run(example, folder, simulator, *plusargs, top="chip", **variables):
    """Run a folder of `eyeriss compile` in the bench of an example; `variables` are of its environment."""
    verilog, tool = rtl(top), require(simulator)
    # what takes milliseconds to simulate need not be optimised
    flags = f"{tool.environment.get('MAKEFLAGS', '')} OPT_FAST=-O0 OPT_GLOBAL=-O0"
    environment = {
        **tool.environment, "PATH": _programs().name, "HOME": os.environ["HOME"], "BUILD": str(verilog),
        "VERILATOR": tool.program, "VERILATOR_FLAGS": " ".join(tool.arguments), "MAKEFLAGS": flags, **variables}
    return subprocess.run([EXAMPLES / example / "run", folder, simulator, verilog, *plusargs], env=environment,
                          capture_output=True, text=True, timeout=1200)


@functools.cache
def _programs():
    """A folder of all programs but Python, for as long as the tests run."""
    folder = tempfile.TemporaryDirectory(prefix="programs-")
    for path in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(path).glob("*"):
            if not program.name.startswith(("python", "pip", "pypy")):
                link = Path(folder.name) / program.name
                link.unlink(missing_ok=True)
                link.symlink_to(program.resolve())
    assert not shutil.which("python3", path=folder.name)
    return folder


def compiled(directory, shape, *, seed=1, zeros=0.3, shift=0, relu=False, compress=None, ragged=False, base=0,
             mapping=None):
    """A compiled layer of random tensors, and the folder of it; `ragged` has tiles of a row less than the best."""
    tensors = random_tensors(shape, seed=seed, zeros=zeros, shift=shift, full_range=True)
    mapping = mapping or find_mapping(lower(shape, MINI), MINI)
    mapping = replace(mapping, e=max(1, mapping.e - ragged))
    program = compile_layer(shape, mapping, MINI, *tensors, shift=shift, relu=relu, compress=compress)
    ofmap = conv_layer(*tensors, shape, shift=shift, relu=relu)
    found = CompiledFolder("random", program, {**tensors._asdict(), "ofmap": ofmap}, shift, relu, cycles=10_000,
                           base=base)
    directory.mkdir(exist_ok=True)
    for name, content in found.files().items():
        (directory / name).write_bytes(content)
    return found


def random_folder(directory, seed, most_macs, **options):
    """The same of a random layer; those of odd seeds are ragged."""
    shape, drawn = random_layer(seed, most_macs)
    return compiled(directory, shape, **{"ragged": seed % 2 == 1} | drawn | options)
