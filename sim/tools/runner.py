"""Build and run HDL simulations: Verilator and Icarus behind one interface.

Builds are cached by content: the key is a hash of the sources' text, of all
arguments, of this file and of the tools' versions. Two processes that want the same
build wait for each other; a build that is interrupted leaves nothing behind.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from . import process, verilate
from .files import BUILD, ROOT, locked, scratch_folder
from .find import SimulatorError, SimulatorMissing, Tool, available, cocotb_libraries, require

__all__ = [
    "Build", "BuildFailed", "SimulationFailed", "SimulatorError", "SimulatorMissing",
    "TestResult", "available", "build", "require", "run",
]

BUILD_ROOT = BUILD / "sim"

JOBS = 2

#: Variables that a bench inherits: where programs, libraries, folders for scratch files and the user's home are.
INHERITED = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ")

#: The file that says what Verilator leaves visible.
CONTROL = "visible.vlt"

#: Writes a waveform under Icarus: a second top, in nanoseconds as all else.
WAVES = """\
module waves;
    string path;
    longint first, last;
    initial if ($value$plusargs("waves=%s", path) && $value$plusargs("waves_from=%d", first)) begin
        #(first / 1000.0);
        $dumpfile(path);
{scopes}
        if ($value$plusargs("waves_to=%d", last)) begin
            #((last - first) / 1000.0);
            $dumpoff;
        end
    end
endmodule
"""


class BuildFailed(SimulatorError):
    """The simulator's compiler refused the sources."""


class SimulationFailed(SimulatorError):
    """A test failed, or the simulation ended without saying how its tests went."""


@dataclass(frozen=True)
class Build:
    """A compiled simulation, ready for any number of runs at once.

    Attributes
    ----------
    simulator : str
    top : str
        The top module's name.
    executable : Path
        Verilator's program, or Icarus's ``.vvp`` file.
    key : str
        What the build is filed under.
    """

    simulator: str
    top: str
    executable: Path
    key: str


@dataclass(frozen=True)
class TestResult:
    """One cocotb test's outcome."""

    __test__ = False  # not a class of tests, whatever pytest takes from its name

    name: str
    passed: bool
    message: str = ""
    sim_time_ns: float = 0.0
    wall_seconds: float = 0.0


def build(sources: Sequence[Path], top: str, *, simulator: str, probes: Mapping[str, Sequence[str]] | None = None,
          parameters: Mapping[str, int] | None = None, build_root: Path = BUILD_ROOT, extra_args: Sequence[str] = (),
          optimize: bool = False, main: Path | None = None, traced: Sequence[verilate.Scope] = (),
          train: Callable[[Build], None] | None = None) -> Build:
    """Compile Verilog, or find it compiled.

    Parameters
    ----------
    sources : list of Path
    top : str
        The top module. All of its ports can be read and written by a test.
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    probes : dict of str to list of str, optional
        Signals besides the top's ports that a test reads or writes, by module.
        Under Verilator nothing else is visible: what is public is not optimised.
    parameters : dict, optional
        The top's parameters.
    build_root : Path
        Where builds are kept.
    extra_args : sequence of str
        For the simulator's compiler.
    optimize : bool
        For long simulations under Verilator: compiling takes longer, simulating far less.
    main : Path, optional
        Under Verilator: the program around the simulation, in C++, instead of cocotb's.
    traced : sequence of Scope
        What a run writes to the FST file of its `+waves=FILE`, between `+waves_from=PS` and `+waves_to=PS`. Under
        Verilator `main` has to do that.
    train : callable, optional
        With `optimize`, where a compiler is called that can count: gets a build that counts which branches are
        taken, and is to run something like what the build is for. What is returned then is compiled by these counts:
        a sixth faster. Where it fails or writes none, it is compiled as without.

    Returns
    -------
    Build

    Raises
    ------
    SimulatorMissing
    BuildFailed
        With the last lines of the compiler's log.
    """
    tool = require(simulator, fst=bool(traced))
    sources = [Path(source).resolve() for source in sources]
    parameters = dict(parameters or {})
    build_root = Path(build_root).resolve()
    build_root.mkdir(parents=True, exist_ok=True)
    control = verilate.control_file(top, probes or {}, verilate.modules(sources), traced)
    if traced and simulator == "verilator":
        extra_args = [*extra_args, "--trace-fst"]
    read = [(source.name, source.read_bytes()) for source in (*sources, *([main] if main else ()))]

    def filed(effort: int) -> Build:
        key = _key(tool, top, control, effort, sorted(parameters.items()), list(extra_args), read)
        return Build(simulator, top, build_root / f"{top}-{simulator}-{key}" / "simulation", key)

    effort = 0 if not optimize else 1 if train is None else 2
    result = filed(effort)
    # a build for longer simulations serves short ones as well
    for each in map(filed, range(effort, 3)):
        if each.executable.exists():
            return each

    final = result.executable.parent
    with locked(build_root / "locks" / final.name):
        if result.executable.exists():
            return result
        with scratch_folder(final) as scratch:
            (scratch / CONTROL).write_text(control)
            if simulator == "icarus":
                _compile_icarus(tool, scratch, sources, top, parameters, list(extra_args), traced)
            else:
                _compile_verilator(tool, scratch, sources, top, parameters, list(extra_args), optimize, main,
                                   train and (lambda: train(replace(result, executable=scratch / "simulation"))))
            # The objects are 10 to 100 times the size of what is needed later.
            keep = scratch / "keep"
            keep.mkdir()
            for name in ("simulation", "build.log", CONTROL):
                (scratch / name).rename(keep / name)
            keep.rename(final)
    return result


def run(build: Build, *, test_module: str | Path, testcase: str | None = None, seed: int,
        env: Mapping[str, str] | None = None, plusargs: Sequence[str] = (), log: Path,
        timeout_seconds: float | None = None, poll: Callable[[], None] | None = None,
        prefix: Sequence[str] = ()) -> list[TestResult]:
    """Run a cocotb test module on a build, in a process of its own.

    Parameters
    ----------
    build : Build
    test_module : str or Path
        A module's dotted name, or the Python file itself.
    testcase : str, optional
        A regular expression; only tests whose name it fits are run.
    seed : int
        Of cocotb's ``random``, and of Verilator's values for what has no reset.
    env : dict of str to str, optional
        Further environment variables for the test.
    plusargs : sequence of str
    log : Path
        Receives all output. The run's directory is made beside it, so runs
        that are to go on at the same time only need logs of their own.
    timeout_seconds : float, optional
        Wall clock after which the run is killed and has failed.
    poll : callable, optional
        Called every few hundredths of a second while the simulation runs.
    prefix : sequence of str
        What the simulation is started with, e.g. a profiler and its arguments.

    Returns
    -------
    list of TestResult
        All passed, at least one.

    Raises
    ------
    SimulationFailed
        With the failing tests' messages, or the last lines of the log.
    """
    require(build.simulator)
    log = Path(log).resolve()
    log.parent.mkdir(parents=True, exist_ok=True)
    path, rewritten = [str(ROOT), *sys.path], ""
    if isinstance(test_module, Path):
        path.insert(0, str(test_module.resolve().parent))
        rewritten, test_module = test_module.name, test_module.stem
    with tempfile.TemporaryDirectory(prefix="run-", dir=log.parent) as directory:
        results = Path(directory) / "results.xml"
        variables = {
            **_inherited(), **_cocotb_environment(build.simulator),
            "PYTHONPATH": os.pathsep.join(entry for entry in path if entry),
            "COCOTB_TOPLEVEL": build.top,
            "COCOTB_TEST_MODULES": test_module,
            "COCOTB_RANDOM_SEED": str(seed),
            # pytest's values of a failed assertion; for all modules that are imported a run begins later
            "COCOTB_REWRITE_ASSERTION_FILES": rewritten,
            "COCOTB_RESULTS_FILE": str(results),
            **({} if testcase is None else {"COCOTB_TEST_FILTER": testcase}),
            **(env or {}),
        }
        command = [*prefix, *_run_command(build, seed), *map(str, plusargs)]
        try:
            code = process.call(
                command, log=log, env=variables, cwd=directory,
                timeout_seconds=timeout_seconds, poll=poll,
            )
        except process.TimedOut as reason:
            raise _failure(build, log, str(reason)) from None
        found = _parse_results(results) if results.exists() else []
    failed = [result for result in found if not result.passed]
    if failed:
        named = "; ".join(f"{result.name}: {result.message}" for result in failed)
        raise _failure(build, log, f"{len(failed)} of {len(found)} tests failed: {named}")
    if code != 0 or not found:
        raise _failure(build, log, f"exit code {code} after {len(found)} passed tests")
    return found


def _inherited() -> dict[str, str]:
    """What a bench needs of our environment: a user's COCOTB_TESTCASE or PYTHONOPTIMIZE must not matter."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def _failure(build: Build, log: Path, reason: str) -> SimulationFailed:
    return SimulationFailed(
        f"{build.top} under {build.simulator}: {reason}\n{log}:\n{process.last_lines(log)}"
    )


def _key(tool: Tool, *parts: Any) -> str:
    digest = hashlib.sha256()
    cocotb = (importlib.metadata.version("cocotb"), cocotb_libraries())
    for part in (tool.name, tool.version, tool.program, tool.arguments, cocotb, *parts):
        digest.update(repr(part).encode() + b"\0")
    # How to compile is said in these files, in constants and in code.
    for file in (__file__, verilate.__file__):
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()[:20]


def _compile_icarus(tool: Tool, directory: Path, sources: Sequence[Path], top: str, parameters: Mapping[str, int],
                    extra_args: Sequence[str], traced: Sequence[verilate.Scope]) -> None:
    (directory / "files").write_text(f"+timescale+{verilate.TIMESCALE}\n")
    if traced:
        scopes = "\n".join(f"        $dumpvars({scope.levels}, {scope.path});" for scope in traced)
        (directory / "waves.sv").write_text(WAVES.format(scopes=scopes))
        sources, extra_args = [*sources, directory / "waves.sv"], ["-s", "waves", *extra_args]
    command = [
        tool.program, "-g2012", "-s", top, "-o", "simulation", "-f", "files",
        *(f"-P{top}.{name}={value}" for name, value in parameters.items()),
        *extra_args, *map(str, sources),
    ]
    _compile(command, directory, dict(os.environ))


def _compile_verilator(tool: Tool, directory: Path, sources: Sequence[Path], top: str, parameters: Mapping[str, int],
                       extra_args: Sequence[str], optimize: bool, main: Path | None,
                       train: Callable[[], None] | None) -> None:
    import cocotb_tools.config

    environment = {**os.environ, **tool.environment}
    _compile(
        verilate.verilator_command(tool, top, parameters, sources, CONTROL, extra_args),
        directory, environment)
    main = main or cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    make = verilate.make_command(directory, main, optimize=optimize, jobs=JOBS)
    counting = optimize and train is not None and verilate.can_count(make, directory, environment)
    # Verilator's own library takes longer to compile than a small module.
    runtime = directory.parent / f"runtime-{_key(tool, list(extra_args), optimize)}.o"
    if runtime.exists():
        shutil.copy(runtime, directory / verilate.RUNTIME)
    _compile([*make, verilate.COUNTING] if counting else make, directory, environment)
    if not runtime.exists():
        # whole or not there; another process may have been faster, its object is the same
        whole = directory / f"{verilate.RUNTIME}.whole"
        shutil.copy(directory / verilate.RUNTIME, whole)
        os.rename(whole, runtime)
    if counting and train:
        with contextlib.suppress(SimulatorError):
            train()
        (directory / "fast.o").unlink()
        counted = (directory / verilate.COUNTS).exists()
        _compile([*make, verilate.USING] if counted else make, directory, environment)


def _compile(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> None:
    log = directory / "build.log"
    code = process.call(command, log=log, append=True, env=environment, cwd=directory)
    if code != 0:
        raise BuildFailed(f"{shlex.join(command)} failed:\n{process.last_lines(log, 40)}")


def _cocotb_environment(simulator: str) -> dict[str, str]:
    """What cocotb's libraries need to find their way back to this Python."""
    import cocotb_tools.config
    import find_libpython

    return {
        "GPI_USERS": f"{find_libpython.find_libpython()};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "TOPLEVEL_LANG": "verilog",
        # As cocotb's own runner has it: Verilator's writes land after the edge by
        # themselves, Icarus's only through cocotb's scheduler.
        "COCOTB_TRUST_INERTIAL_WRITES": "1" if simulator == "verilator" else "0",
    }


def _run_command(build: Build, seed: int) -> list[str]:
    if build.simulator == "icarus":
        import cocotb_tools.config

        vpi = cocotb_tools.config.lib_entry("vpi", "icarus")
        return [shutil.which("vvp") or "vvp", "-n", "-m", str(vpi), str(build.executable), "-fst"]
    # A register that should have been reset must not pass by being zero.
    return [
        str(build.executable), "+verilator+rand+reset+2",
        f"+verilator+seed+{seed % 0x7FFFFFFF or 1}",
    ]


def _parse_results(path: Path) -> list[TestResult]:
    results = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        trouble = case.find("failure")
        trouble = case.find("error") if trouble is None else trouble
        if case.find("skipped") is not None:
            continue
        properties = {item.get("name"): item.get("value") for item in case.iter("property")}
        message = "" if trouble is None else (trouble.get("message") or trouble.text or "")
        results.append(
            TestResult(
                case.get("name", ""), trouble is None, re.sub(r"\s+", " ", message).strip(),
                float(properties.get("sim_time_duration") or 0), float(case.get("time") or 0),
            )
        )
    return results
