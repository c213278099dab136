"""Simulate the chip: DRAM in, jobs, DRAM out."""

import contextlib
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from host.driver import Status, Words
from host.jobs import ALIVE, JobResult, Moment
from hw.config import reset_cycles
from sim.tools import memfile, runner
from sim.tools.files import BUILD, write_file
from sim.tools.verilate import modules

from .recording import NOTHING, Recording, gtkw, scopes

__all__ = ["HARNESSES", "ChipResult", "Settings", "SimulatedJob", "simulate"]

HDL = Path(__file__).with_name("hdl")

#: Around each top: the harness, a module of its file's name with the same ports for all, and what it takes.
HARNESSES = {
    "chip": (HDL / "harness.sv", HDL / "dram.sv"),
    "axi": (HDL / "axi_harness.sv", HDL / "axi_ram.sv", HDL / "axi_monitor.sv"),
}

#: Watches the chip in "chip"'s harness where a timeline is wanted.
TIMELINE = HDL / "timeline.sv"

#: The program around a harness under Verilator: it makes the clocks.
MAIN = HDL / "clocked_main.cpp"

#: Compiled-in DRAM sizes go by this factor, so that layers share compilations.
DRAM_CLASSES = tuple(1 << bits for bits in range(20, 29, 2))

POLL_CYCLES = 20_000

#: Cycles of the first job that a simulation for long layers is trained with: three seconds.
TRAINING_CYCLES = 20_000

#: More than any chip's scan chain: part of what is compiled, so the same for all.
SCAN_BITS_MAX = 1 << 14

#: The waveform in a simulation's folder.
WAVES = "waves.fst"

#: The environment variable that tells `sim.chip.job` where its job description is.
DESCRIPTION = "EYERISS_JOBS"


@dataclass(frozen=True)
class Settings:
    """How a chip is simulated.

    Attributes
    ----------
    simulator : str
    top : str
        "chip", or "axi" for the top with AXI, whose memory and host are behind its bus.
    stall_seed : int
        Not 0: the DRAM, or each channel of its bus, stalls at random.
    seed : int
        Of what has no reset.
    hang_cycles : int
        Cycles of the slower clock without a step of `mac_cycles` after which a job hangs.
    max_cycles : int, optional
        Core cycles that a job may take in all. Must be given where there is no counter `mac_cycles`, lest a
        simulation never end.
    poll_cycles : int
        Core cycles between two looks at a job.
    keep_going : bool
        Begin the next job, after a reset as always, also after one that did not end well.
    dram_depth : int, optional
        Words; whatever lies beyond is a fault. By default those of the image.
    parameters : dict of str to int
        Of the harness (`DRAM_LATENCY`, `SCAN_BITS_MAX`).
    optimize : bool, optional
    train : bool, optional
        With `optimize`: the first `TRAINING_CYCLES` of the first job tell the compiler what is often run.
    extra_args, prefix : tuples of str
        See `sim.tools.runner`.
    build : Path
        Verilog and simulations are kept there.
    log : Path, optional
        Where the simulator's output stays.
    timeout_seconds : float, optional
    record : Recording
    """

    simulator: str = "verilator"
    top: str = "chip"
    stall_seed: int = 0
    seed: int = 1
    hang_cycles: int = 200_000
    max_cycles: int | None = None
    poll_cycles: int = POLL_CYCLES
    keep_going: bool = False
    dram_depth: int | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    optimize: bool | None = None
    train: bool | None = None
    extra_args: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    build: Path = BUILD
    log: Path | None = None
    timeout_seconds: float | None = None
    record: Recording = NOTHING


@dataclass(frozen=True)
class SimulatedJob(JobResult):
    """A job, and what the harness saw of it.

    Attributes
    ----------
    cycles : int or None
        Core cycles from start to done.
    busy, chip_fault : str
        The pins at the job's end, one bit.
    dram_words_read, dram_words_written : int or None
    wall_seconds : float
    """

    cycles: int | None = None
    busy: str = "0"
    chip_fault: str = "0"
    dram_words_read: int | None = None
    dram_words_written: int | None = None
    wall_seconds: float = 0.0


@dataclass(frozen=True)
class ChipResult:
    """What a simulation gave.

    Attributes
    ----------
    dram : ndarray of uint64
        All words after the last job.
    jobs : list of SimulatedJob
        Those that were begun.
    wall_seconds : float
        Of simulating, without compiling.
    cycles_per_second : float
        Core cycles simulated in one second of wall clock.
    build_seconds : float
        Of compiling, or of finding it done.
    core_ps, link_ps : int
        Periods of the clocks.
    trace : str
        What `hdl/timeline.sv` wrote, where a timeline was wanted.
    """

    dram: Words
    jobs: list[SimulatedJob]
    wall_seconds: float
    cycles_per_second: float
    build_seconds: float = 0.0
    core_ps: int = 0
    link_ps: int = 0
    trace: str = ""

    @property
    def status(self) -> Status:
        """The last job's status: "done" if all are."""
        return self.jobs[-1].status


def simulate(verilog: Sequence[Path], dram: Words, jobs: Sequence[Sequence[int]], counters: Mapping[str, int],
             settings: Settings | None = None, *, core_mhz: float = 200, link_mhz: float = 60,
             watch: Callable[[Moment], None] | None = None) -> ChipResult:
    """Run configurations on the chip, one after another on the same DRAM.

    Parameters
    ----------
    verilog : sequence of Path
        The chip; its top module is named `eyeriss`, or `eyeriss_axi`.
    dram : ndarray of uint64
        The DRAM's first words; the others are 0.
    jobs : sequence of sequences of int
        The scan chain's bits of each job, the first to be shifted in first.
    counters : dict of str to int
        Name to select index. `mac_cycles` must move or the chip hangs.
    settings : Settings, optional
    core_mhz, link_mhz : float
    watch : callable, optional
        Called at each look at a running job.

    Returns
    -------
    ChipResult
        Also of a hang or a fault.

    Raises
    ------
    SimulatorError
        The simulator is missing, or the simulation gave no result.
    """
    settings = settings or Settings()
    dram = np.ascontiguousarray(dram, dtype=np.uint64)
    depth = len(dram) if settings.dram_depth is None else settings.dram_depth
    parameters = {"SCAN_BITS_MAX": SCAN_BITS_MAX, **settings.parameters}
    _check(dram, depth, jobs, counters, settings.max_cycles, parameters["SCAN_BITS_MAX"])
    build_root = settings.build / "sim"
    started, record = time.monotonic(), settings.record
    sources, harness = [*HARNESSES[settings.top], *verilog], HARNESSES[settings.top][0].stem
    found, extra_args = modules(sources), settings.extra_args
    if record.trace is not None:
        sources.append(TIMELINE)
        extra_args = (*extra_args, "-DTIMELINE")
    traced = scopes(record, found, harness)
    padded = np.zeros(depth, dtype=np.uint64)
    padded[:len(dram)] = dram
    core, link = _period_ps(core_mhz), _period_ps(link_mhz)

    def ran(build: runner.Build, directory: Path, jobs: Sequence[Sequence[int]], settings: Settings,
            watch: Callable[[Moment], None] | None = None) -> None:
        memfile.write_hex(directory / "dram.hex", padded)
        description = _description(settings, directory, jobs, counters, depth, core, link) | {
            "reset_cycles": reset_cycles(core_mhz, link_mhz)}
        (directory / "jobs.json").write_text(json.dumps(description))
        runner.run(
            build, test_module="sim.chip.job", seed=settings.seed, log=settings.log or directory / "simulation.log",
            timeout_seconds=settings.timeout_seconds, env={DESCRIPTION: str(directory / "jobs.json")},
            plusargs=[f"+dram={directory}/dram.hex", f"+dump={directory}/dump.hex", f"+scan={directory}/job",
                      f"+trace={directory}/trace", f"+core_period={core}", f"+link_period={link}",
                      *_window(settings.record, core, directory)],
            prefix=settings.prefix, poll=_Follower(directory / "progress", watch) if watch else None)

    def train(build: runner.Build) -> None:
        few = min(TRAINING_CYCLES, settings.max_cycles or TRAINING_CYCLES)
        with _folder(build_root) as directory:
            ran(build, directory, jobs[:1], replace(settings, max_cycles=few, log=None, prefix=(), record=NOTHING))

    build = runner.build(
        sources, harness, simulator=settings.simulator, traced=traced, build_root=build_root,
        parameters={**parameters, "DRAM_DEPTH": next(size for size in DRAM_CLASSES if size >= depth)},
        extra_args=extra_args, optimize=bool(settings.optimize), main=MAIN, train=train if settings.train else None)
    build_seconds = time.monotonic() - started

    with _folder(build_root) as directory:
        started = time.monotonic()
        ran(build, directory, jobs, settings, watch)
        wall = time.monotonic() - started
        results = [SimulatedJob(**table | {"status": Status(table["status"])})
                   for table in json.loads((directory / "result.json").read_text())]
        after = memfile.read_hex(directory / "dump.hex", depth)
        trace = (directory / "trace").read_text() if record.trace else ""
        if record.waves is not None:
            _keep(directory / WAVES, record)
            write_file(record.waves.with_suffix(".gtkw"), gtkw(record.waves, traced, found))
    cycles = sum(job.cycles or 0 for job in results)
    busy = sum(job.wall_seconds for job in results)
    return ChipResult(after, results, wall, cycles / busy if busy else 0.0, build_seconds, core, link, trace)


@contextlib.contextmanager
def _folder(root: Path) -> Iterator[Path]:
    """A folder for the files of a run."""
    with tempfile.TemporaryDirectory(prefix="chip-", dir=root) as name:
        yield Path(name).resolve()


def _window(record: Recording, core_ps: int, directory: Path) -> list[str]:
    """The arguments that say what the waveform has."""
    if record.waves is None:
        return []
    last = [] if record.last is None else [f"+waves_to={record.last * core_ps}"]
    return [f"+waves={directory / WAVES}", f"+waves_from={record.first * core_ps}", *last]


def _keep(fst: Path, record: Recording) -> None:
    """Put the waveform where it is wanted."""
    if not fst.exists():
        raise runner.SimulationFailed(f"no waveform: the simulation ended before --waves-from {record.first}")
    assert record.waves
    record.waves.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(fst, record.waves)


def _check(dram: Words, depth: int, jobs: Sequence[Sequence[int]], counters: Mapping[str, int],
           max_cycles: int | None, scan_bits: int) -> None:
    if not jobs:
        raise ValueError("jobs must not be empty")
    if not 0 < depth <= DRAM_CLASSES[-1] or len(dram) > depth:
        raise ValueError(f"dram_depth must be {max(1, len(dram))} to {DRAM_CLASSES[-1]}, not {depth!r}")
    if max_cycles is None and ALIVE not in counters:
        raise ValueError(f"counters must have {ALIVE!r} where max_cycles is not given")
    longest = max(len(bits) for bits in jobs)
    if not 0 < longest <= scan_bits:
        raise ValueError(f"a job must have 1 to {scan_bits} scan bits, not {longest}")


def _description(settings: Settings, directory: Path, jobs: Sequence[Sequence[int]], counters: Mapping[str, int],
                 depth: int, core_ps: int, link_ps: int) -> dict[str, Any]:
    """What `sim.chip.job` is told."""
    hang_cycles, max_cycles = settings.hang_cycles, settings.max_cycles
    slow_ps = max(core_ps, link_ps)
    return {
        "jobs": [list(map(int, bits)) for bits in jobs],
        "counters": dict(counters),
        "dram_words": depth,
        "stall_seed": settings.stall_seed,
        "keep_going": settings.keep_going,
        "clocks_run": settings.simulator == "verilator",
        "core_period_ps": core_ps,
        "link_period_ps": link_ps,
        "poll_cycles": min(settings.poll_cycles, hang_cycles, max_cycles or settings.poll_cycles),
        # in core cycles; a chip without the counter that shows a hang has no limit but the whole
        "idle_cycles": -(-hang_cycles * slow_ps // core_ps) if ALIVE in counters else None,
        "max_cycles": max_cycles,
        "scan": str(directory / "job"),
        "progress": str(directory / "progress"),
        "result": str(directory / "result.json"),
    }


def _period_ps(mhz: float) -> int:
    # Even halves: see hdl/clocked_main.cpp. Rounded up, never faster than was asked.
    return 4 * math.ceil(250_000 / mhz)


class _Follower:
    """Hands each new line of the progress file on."""

    def __init__(self, path: Path, callback: Callable[[Moment], None]) -> None:
        self._path, self._callback, self._position = path, callback, 0

    def __call__(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                # The last line may be half-written: next time, then.
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                self._callback(Moment(**json.loads(line)))
