"""Child processes that never outlive us: own process group, log file, time limit."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

#: How often a running child is looked at.
POLL_SECONDS = 0.05

_PR_SET_PDEATHSIG = 1


class TimedOut(Exception):
    """The child ran longer than its limit and was killed."""


def call(command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | str | None = None,
         append: bool = False, timeout_seconds: float | None = None, poll: Callable[[], None] | None = None) -> int:
    """Run a command, its output in `log`.

    Whatever ends the call early (time limit, an exception out of `poll`,
    Ctrl-C) kills the child and all that it started.

    Parameters
    ----------
    command : list of str
    log : Path
        Receives standard output and error.
    env : dict, optional
        The whole environment; by default ours.
    cwd : Path, optional
    append : bool
        Add to the log instead of starting it anew.
    timeout_seconds : float, optional
    poll : callable, optional
        Called without arguments while the child runs, and once after.

    Returns
    -------
    int
        The child's exit code.

    Raises
    ------
    TimedOut
        After `timeout_seconds`.
    """
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    with Path(log).open("ab" if append else "wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        try:
            while True:
                try:
                    child.wait(POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    pass
                if deadline is not None and time.monotonic() > deadline:
                    raise TimedOut(f"no result within {timeout_seconds:g} s")
                if poll is not None:
                    poll()
        finally:
            _kill_group(child)
    if poll is not None:
        poll()
    return child.returncode


def last_lines(log: Path, count: int = 20) -> str:
    """The end of a log, for an error message."""
    lines = Path(log).read_text(errors="replace").splitlines()
    return "\n".join(lines[-count:])


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    # Also after a normal end: a helper that the child left behind goes too.
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()


# Loaded before any fork: the child may only make one plain call.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    # A parent that is itself killed outright cannot clean up after itself.
    assert _libc is not None
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
