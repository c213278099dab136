"""Verilator's lint of generated Verilog, with what of it is waived, each with its reason; and slang's, all of it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .find import require

__all__ = ["WAIVERS", "lint", "slang"]

#: Widths, names and cases are checked where they are written, in Amaranth; what is waived here comes from
#: how Amaranth and Yosys spell them in Verilog. Everything else of -Wall is an error: undriven signals,
#: missing pins, several drivers, latches, combinational loops, blocking assignments in clocked processes.
WAIVERS = {
    "WIDTHTRUNC": "Yosys writes a shift or sum at full width and lets the assignment truncate; `!` of a vector",
    "WIDTHEXPAND": "Yosys writes operands at their own widths and lets Verilog extend them, constants as well",
    "UNUSEDSIGNAL": "Amaranth names each field of a payload and each port of an instance, used or not",
    "CASEINCOMPLETE": "a multiplexer of fewer inputs than its select has values; a default is assigned before",
    "CMPCONST": "Amaranth compares an index with a constant range, `lane > 3` for the last word of it",
    "PROCASSINIT": "a register's power-on value and its reset value are both written, and are equal",
}


def lint(files: Iterable[Path], top: str = "eyeriss") -> list[str]:
    """Lint Verilog with all warnings but the waived ones.

    Parameters
    ----------
    files : list of Path
    top : str

    Returns
    -------
    list of str
        Warnings and errors, a line each; none where the Verilog is clean.

    Raises
    ------
    SimulatorMissing
    """
    tool = require("verilator")
    run = subprocess.run(
        [tool.program, "--lint-only", "-Wall", "--top-module", top,
         *(f"-Wno-{waiver}" for waiver in WAIVERS), *map(str, files)],
        env={**os.environ, **tool.environment}, capture_output=True, text=True)
    found = re.findall(r"^%(?:Warning|Error).*$", run.stdout + run.stderr, re.MULTILINE)
    return found or ([] if run.returncode == 0 else [f"verilator exited with {run.returncode}"])


# pyslang prints to the process's own stdout and stderr
_SLANG = """
import shlex, sys
from pyslang.driver import Driver
driver = Driver()
driver.addStandardArgs()
ran = driver.parseCommandLine(shlex.join(["slang", *sys.argv[1:]])) and driver.processOptions()
sys.exit(not (ran and driver.parseAllSources() and driver.runFullCompilation(True)))
"""


def slang(files: Iterable[Path], top: str = "eyeriss") -> list[str]:
    """Compile Verilog with slang, which holds to IEEE 1800-2017 more closely than simulators do.

    Parameters
    ----------
    files : list of Path
    top : str

    Returns
    -------
    list of str
        Warnings and errors, a line each; none where the Verilog is clean.
    """
    run = subprocess.run([sys.executable, "-c", _SLANG, "--top", top, *map(str, files)],
                         capture_output=True, text=True)
    found = re.findall(r"^.*(?:warning|error): .*$", run.stdout + run.stderr, re.MULTILINE)
    return found or ([] if run.returncode == 0 else [f"slang exited with {run.returncode}"])
