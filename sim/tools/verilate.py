"""Compile Verilog with Verilator so that it is compiled soon and simulates fast.

What limits the simulation of an array is not the number of instructions but how many of them are different ones:
left to itself Verilator writes C++ of its own for each of 168 PEs, and the processor waits for instructions. So:

- The ports of a module that is placed many times are *sealed*: they are declared readable from outside. Then its
  logic cannot be mixed with its neighbours', and one function serves all its instances.
- Verilator's data-flow optimisation (DFG) is off, as it numbers temporaries by instance, which makes functions
  differ that are the same.

`tests/sim/test_sharing.py` counts functions in the C++ to see that both still work.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .find import Tool, cocotb_libraries, require

__all__ = [
    "COUNTING", "COUNTS", "USING", "Module", "Scope", "can_count", "control_file", "count_functions",
    "generated_sources", "make_command", "modules", "sealed", "verilator_command",
]

TIMESCALE = "1ns/1ps"

#: Lint that Yosys's way of writing Verilog sets off; all else stops the build.
WAIVERS = ("WIDTHTRUNC", "WIDTHEXPAND", "CASEINCOMPLETE", "UNSIGNED", "CMPCONST")

#: A module that is placed so many times by one parent is worth sharing.
MANY = 4

#: For code that runs each cycle; -O1 compiles in half the time and simulates a fifth slower.
OPTIMIZE = "-O2"

#: For make: the fast code counts how often each of its branches is taken, compiled without what takes the compiler
#: longest; it is compiled by these counts. What was not run in the training is compiled as without, not for size.
COUNTING = "PROFILE=-fprofile-generate -fno-gcse -fno-tree-pre"
USING = "PROFILE=-fprofile-use -fprofile-partial-training -Wno-error=coverage-mismatch"

#: Where the fast code leaves its counts.
COUNTS = "fast.gcda"

PREFIX = "Vtop"

#: Verilator's library, compiled: the same for all builds of a kind.
RUNTIME = "runtime.o"

_MODULE = re.compile(r"^\s*module\s+(\\\S+|\w+)(.*?)^\s*endmodule", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"\b(?:input|output)\b([^;,()=]*?)(\\\S+|\w+)\s*(?=[;,)=])")
_RANGE = re.compile(r"\[(\d+):0\]")
_PLACED = re.compile(r"^\s*(\\\S+|\w+)\s+(?:#\s*\(.*\)\s*)?(\\\S+|\w+)\s*\(\s*$", re.MULTILINE)
_FUNCTION = re.compile(rf"^void {PREFIX}_(\w+?)___\w+__TOP__\w+\({PREFIX}_\w+\* vlSelf\) \{{", re.MULTILINE)
_CLOCK = re.compile(r"^(?:\w+_)?clk$")


@dataclass(frozen=True)
class Scope:
    """An instance whose signals a waveform shows: from the top, with dots; how many levels, 0 for all."""

    path: str
    levels: int = 0


@dataclass(frozen=True)
class Module:
    """What a module's text says of it: the width of each port, and the module of each instance."""

    ports: dict[str, int]
    instances: dict[str, str]


def modules(sources: Iterable[Path]) -> dict[str, Module]:
    """The modules of Verilog files.

    Parameters
    ----------
    sources : list of Path

    Returns
    -------
    dict of str to Module
    """
    texts = {}
    for source in sources:
        for match in _MODULE.finditer(Path(source).read_text()):
            texts[match[1].lstrip("\\")] = match[2]
    found = {}
    for name, text in texts.items():
        placed = ((match[2].lstrip("\\"), match[1].lstrip("\\")) for match in _PLACED.finditer(text))
        ports = {}
        for kind, port in _PORT.findall(text):
            width = _RANGE.search(kind)
            ports[port.lstrip("\\")] = int(width[1]) + 1 if width else 1
        found[name] = Module(ports, {instance: child for instance, child in placed if child in texts})
    return found


def sealed(found: Mapping[str, Module]) -> list[str]:
    """The modules whose instances are to share code: placed many times by a parent, and no mere leaves.

    Parameters
    ----------
    found : dict of str to Module

    Returns
    -------
    list of str
    """
    many = {child for module in found.values() for child, count in Counter(module.instances.values()).items()
            if count >= MANY}
    return sorted(name for name in many if found[name].instances)


def control_file(top: str, probes: Mapping[str, Sequence[str]], found: Mapping[str, Module],
                 traced: Sequence[Scope] = ()) -> str:
    """Verilator's list of what can be seen from outside, and of what a waveform shows.

    Parameters
    ----------
    top : str
        All its ports can be read and written.
    probes : dict of str to list of str
        Further signals that a test reads or writes, by module.
    found : dict of str to Module
        Of `modules`; the ports of those that are `sealed` can be read. A clock is no such port: it would become
        a trigger for each instance.
    traced : sequence of Scope
        Nothing else is traced: what is takes time to compile and to simulate.

    Returns
    -------
    str
    """
    lines = ["`verilator_config", f'public_flat_rw -module "{top}" -port "*"']
    for module in sealed(found):
        lines += [f'public_flat_rd -module "{module}" -var "{port}"' for port in found[module].ports
                  if not _CLOCK.match(port)]
    for module, signals in sorted(probes.items()):
        lines += [f'public_flat_rw -module "{module}" -var "{signal}"' for signal in signals]
    if traced:
        lines.append('tracing_off -scope "*"')
        lines += [f'tracing_on -scope "{scope.path}" -levels {scope.levels}' for scope in traced]
    return "\n".join(lines) + "\n"


def verilator_command(tool: Tool, top: str, parameters: Mapping[str, int], sources: Sequence[Path], control: str,
                      extra_args: Sequence[str] = ()) -> list[str]:
    """The call of Verilator.

    Parameters
    ----------
    tool : tools.Tool
    control : str
        The name of the file with `control_file`'s text.

    Returns
    -------
    list of str
    """
    libraries = cocotb_libraries()
    return [
        tool.program, "-cc", "--exe", "-Mdir", ".", "--top-module", top, "--prefix", PREFIX,
        "-o", "simulation", "--vpi", "--no-timing", "--timescale", TIMESCALE,
        "--x-initial", "unique", "-fno-dfg", *tool.arguments,
        "-LDFLAGS", f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator",
        *(f"-Wno-{waiver}" for waiver in WAIVERS),
        *(f"-G{name}={value}" for name, value in parameters.items()),
        *extra_args, control, *map(str, sources),
    ]


def generated_sources(directory: Path) -> dict[str, list[str]]:
    """The C++ files that Verilator wrote.

    Returns
    -------
    dict of str to list of str
        "fast" (evaluated each cycle), "slow" (once) and "global" (Verilator's library); file names without ``.cpp``.
    """
    text = (Path(directory) / f"{PREFIX}_classes.mk").read_text().replace("\\\n", " ")
    groups = dict(re.findall(r"^(VM_\w+) \+= (.*)$", text, re.MULTILINE))
    found = {speed.lower(): groups[f"VM_CLASSES_{speed}"].split() + groups[f"VM_SUPPORT_{speed}"].split()
             for speed in ("FAST", "SLOW")}
    return {**found, "global": groups["VM_GLOBAL_FAST"].split() + groups["VM_GLOBAL_SLOW"].split()}


def make_command(directory: Path, main: Path, *, optimize: bool, jobs: int) -> list[str]:
    """Write the files that merge the C++ into few translation units; the call of make that compiles them.

    Verilator's own library becomes `RUNTIME`, which is compiled only where that is not there yet. With `COUNTING` or
    `USING` besides, the fast code, and that only, writes or uses a profile.

    Parameters
    ----------
    directory : Path
        Where Verilator wrote its C++.
    main : Path
        The program's `main`.
    optimize : bool
        For speed: the fast code with `OPTIMIZE`, beside the slow code without. Otherwise all in one go, without.
        The library's code for size, or without.
    jobs : int

    Returns
    -------
    list of str
    """
    sources = generated_sources(directory)
    runtime = sources.pop("global")
    code = sources if optimize else {"fast": sources["fast"] + sources["slow"]}
    for unit, names in {**code, "runtime": runtime}.items():
        includes = [f'#include "{name}.cpp"\n' for name in names]
        if unit == "fast":
            includes.append(f'#include "{main}"\n')
        (directory / f"{unit}.cpp").write_text("".join(includes))
    (directory / "build.mk").write_text(
        f"include {PREFIX}.mk\nOPT_FAST = {OPTIMIZE if optimize else '-O0'}\nslow.o: OPT_FAST = -O0\n"
        f"OPT_GLOBAL = {'-Os' if optimize else '-O0'}\n"
        "fast.o: OPT_FAST += $(PROFILE)\nLDLIBS += $(PROFILE)\n"
        ".PHONY: counts\ncounts:\n\techo 'int main() {}' | $(CXX) $(PROFILE) -x c++ -o $@ -\n")
    # Verilator's makefiles call `python`, which a system need not have.
    return ["make", "-j", str(jobs), "-f", "build.mk", "VM_PARALLEL_BUILDS=0", f"PYTHON3={sys.executable}",
            "VK_OBJS=" + " ".join(f"{unit}.o" for unit in code), f"VK_GLOBAL_OBJS={RUNTIME}"]


def can_count(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> bool:
    """Whether the compiler is one that knows `COUNTING` and `USING`: a gcc of at least 10, no clang.

    Parameters
    ----------
    command : list of str
        Of `make_command`.
    directory : Path
        Where its files are.
    environment : dict of str to str
    """
    tried = [subprocess.run([*command, profile, "counts"], cwd=directory, env=environment, capture_output=True)
             for profile in (COUNTING, USING)]
    return not any(each.returncode for each in tried)


def count_functions(sources: Sequence[Path], top: str, directory: Path, *, seal: bool = True) -> dict[str, int]:
    """Functions that Verilator writes for each module that is not merged with its parent.

    Parameters
    ----------
    sources : list of Path
    top : str
    directory : Path
        Where the C++ goes.
    seal : bool
        As in a simulation; without, to see what sealing does.

    Returns
    -------
    dict of str to int
    """
    tool, found = require("verilator"), modules(sources)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "visible.vlt").write_text(control_file(top, {}, found if seal else {}))
    sources = [Path(source).resolve() for source in sources]
    subprocess.run(verilator_command(tool, top, {}, sources, "visible.vlt"), cwd=directory,
                   env={**os.environ, **tool.environment}, check=True, capture_output=True)
    counts = dict.fromkeys(found, 0)
    for path in directory.glob("*.cpp"):
        for name in _FUNCTION.findall(path.read_text()):
            if name in counts:
                counts[name] += 1
    return counts
