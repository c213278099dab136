"""Verilator's lint of generated Verilog, and what of it is waived, each with its reason."""

import os
import re
import subprocess

from .tools import require

__all__ = ["WAIVERS", "lint"]

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
    "SYNCASYNCNET": "Amaranth's AsyncFIFO resets its read side at once by the reset of its write side",
    "DECLFILENAME": "modules of Amaranth's own FIFOs have dots in their names, the files have underscores",
}


def lint(files, top="eyeriss"):
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
