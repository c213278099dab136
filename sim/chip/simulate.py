"""Simulate the chip: DRAM in, jobs, DRAM out."""

import json
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.config import reset_cycles
from sim.tools import memfile, runner

__all__ = ["HARNESSES", "ChipResult", "simulate"]

HDL = Path(__file__).with_name("hdl")

#: Around each top: the harness, a module of its file's name with the same ports for all, and what it takes.
HARNESSES = {
    "chip": (HDL / "harness.sv", HDL / "dram.sv"),
    "axi": (HDL / "axi_harness.sv", HDL / "axi_ram.sv", HDL / "axi_monitor.sv"),
}

#: The program around a harness under Verilator: it makes the clocks.
MAIN = HDL / "clocked_main.cpp"

#: Compiled-in DRAM sizes go by this factor, so that layers share compilations.
DRAM_CLASSES = tuple(1 << bits for bits in range(20, 29, 2))

POLL_CYCLES = 20_000

#: More than any chip's scan chain: part of what is compiled, so the same for all.
SCAN_BITS_MAX = 1 << 14

#: The environment variable that tells `chip_test` where its job description is.
DESCRIPTION = "EYERISS_JOBS"

#: The counter that must move, or the chip hangs; and the one that is shown.
ALIVE, SHOWN = "mac_cycles", "passes"


@dataclass(frozen=True)
class ChipResult:
    """What a simulation gave.

    Attributes
    ----------
    dram : numpy.ndarray of uint64
        All words after the last job.
    jobs : list of dict
        For each job that was begun: `status` ("done", "hang" or "fault"),
        `cycles` from start to done, `configuration_cycles` from its reset until it may start, `counters`, `busy`,
        `chip_fault`, `dram_fault`, `bus_fault`, `dram_words_read`, `dram_words_written`, `wall_seconds`.
        After one that is not done no further job is begun, unless told to keep going.
    wall_seconds : float
        Of simulating, without compiling.
    cycles_per_second : float
        Core cycles simulated in one second of wall clock.
    build_seconds : float
        Of compiling, or of finding it done.
    """

    dram: np.ndarray
    jobs: list
    wall_seconds: float
    cycles_per_second: float
    build_seconds: float = 0.0

    @property
    def status(self):
        """The last job's status: "done" if all are."""
        return self.jobs[-1]["status"]


def simulate(
    verilog, dram, jobs, counters, *, simulator, top="chip", dram_depth=None, progress=None,
    hang_cycles=200_000, max_cycles=None, core_mhz=200, link_mhz=60, stall_seed=0, seed=1,
    poll_cycles=POLL_CYCLES, build_root=runner.BUILD_ROOT, parameters=None, extra_args=(),
    log=None, timeout_seconds=None, keep_going=False, optimize=False,
):
    """Run configurations on the chip, one after another on the same DRAM.

    Parameters
    ----------
    verilog : list of Path
        The chip; its top module is named `eyeriss`, or `eyeriss_axi`.
    dram : numpy.ndarray of uint64
        The DRAM's first words; the others are 0.
    jobs : list of list of int
        The scan chain's bits of each job, the first to be shifted in first.
    counters : dict of str to int
        Name to select index. `mac_cycles` must move or the chip hangs.
    simulator : str
    top : str
        "chip", or "axi" for the top with AXI, whose memory and host are behind its bus.
    dram_depth : int, optional
        Words; whatever lies beyond is a fault. By default those of `dram`.
    progress : callable, optional
        Called now and then with a dict: `job`, `cycles`, `passes`, `mac_cycles`.
    hang_cycles : int
        Cycles of the slower clock without a step of `mac_cycles` after which a job hangs.
    max_cycles : int, optional
        Core cycles that a job may take in all. Must be given where there is
        no counter `mac_cycles`, lest a simulation never end.
    core_mhz, link_mhz : float
    stall_seed : int
        Not 0: the DRAM, or each channel of its bus, stalls at random.
    seed : int
    poll_cycles : int
        Core cycles between two looks at a job.
    build_root : Path
    parameters : dict, optional
        Of the harness (`DRAM_LATENCY`, `SCAN_BITS_MAX`).
    extra_args, optimize
        See `runner.build`.
    log : Path, optional
        Where the simulator's output stays.
    timeout_seconds : float, optional
    keep_going : bool
        Begin the next job, after a reset as always, also after one that did not end well.

    Returns
    -------
    ChipResult
        Also of a hang or a fault.

    Raises
    ------
    SimulatorError
        The simulator is missing, or the simulation gave no result.
    """
    dram = np.ascontiguousarray(dram, dtype=np.uint64)
    depth = len(dram) if dram_depth is None else dram_depth
    if not jobs:
        raise ValueError("jobs must not be empty")
    if not 0 < depth <= DRAM_CLASSES[-1] or len(dram) > depth:
        raise ValueError(
            f"dram_depth must be {max(1, len(dram))} to {DRAM_CLASSES[-1]}, not {depth!r}"
        )
    if max_cycles is None and ALIVE not in counters:
        raise ValueError(f"counters must have {ALIVE!r} where max_cycles is not given")
    parameters = {"SCAN_BITS_MAX": SCAN_BITS_MAX, **(parameters or {})}
    longest = max(len(bits) for bits in jobs)
    if not 0 < longest <= parameters["SCAN_BITS_MAX"]:
        raise ValueError(
            f"a job must have 1 to {parameters['SCAN_BITS_MAX']} scan bits, not {longest}"
        )
    started = time.monotonic()
    build = runner.build(
        [*HARNESSES[top], *verilog], HARNESSES[top][0].stem, simulator=simulator, build_root=build_root,
        parameters={
            **parameters, "DRAM_DEPTH": next(size for size in DRAM_CLASSES if size >= depth)
        },
        extra_args=extra_args, optimize=optimize, main=MAIN,
    )
    build_seconds = time.monotonic() - started

    with tempfile.TemporaryDirectory(prefix="chip-", dir=build_root) as directory:
        directory = Path(directory).resolve()
        padded = np.zeros(depth, dtype=np.uint64)
        padded[: len(dram)] = dram
        memfile.write_hex(directory / "dram.hex", padded)
        for number, bits in enumerate(jobs):
            memfile.write_bits(directory / f"job{number}.scan", bits)
        description = {
            "scan_lengths": [len(bits) for bits in jobs],
            "counters": counters,
            "dram_words": depth,
            "stall_seed": stall_seed,
            "keep_going": keep_going,
            "clocks_run": simulator == "verilator",
            "core_period_ps": _period_ps(core_mhz),
            "link_period_ps": _period_ps(link_mhz),
            "reset_cycles": reset_cycles(core_mhz, link_mhz),
            "poll_cycles": min(poll_cycles, hang_cycles, max_cycles or poll_cycles),
            "hang_cycles": hang_cycles,
            "max_cycles": max_cycles,
            "progress": str(directory / "progress"),
            "result": str(directory / "result.json"),
        }
        (directory / "jobs.json").write_text(json.dumps(description))
        started = time.monotonic()
        runner.run(
            build, test_module="sim.chip.job", seed=seed,
            log=log or directory / "simulation.log", timeout_seconds=timeout_seconds,
            env={DESCRIPTION: str(directory / "jobs.json")},
            plusargs=[
                f"+dram={directory}/dram.hex", f"+dump={directory}/dump.hex",
                f"+scan={directory}/job", f"+core_period={_period_ps(core_mhz)}",
                f"+link_period={_period_ps(link_mhz)}",
            ],
            poll=None if progress is None else _Follower(directory / "progress", progress),
        )
        wall = time.monotonic() - started
        results = json.loads((directory / "result.json").read_text())
        after = memfile.read_hex(directory / "dump.hex", depth)
    cycles = sum(job["cycles"] for job in results)
    busy = sum(job["wall_seconds"] for job in results)
    return ChipResult(after, results, wall, cycles / busy if busy else 0.0, build_seconds)


def _period_ps(mhz):
    # Even halves: see hdl/clocked_main.cpp. Rounded up, never faster than was asked.
    return 4 * math.ceil(250_000 / mhz)


class _Follower:
    """Hands each new line of the progress file on."""

    def __init__(self, path, callback):
        self._path, self._callback, self._position = path, callback, 0

    def __call__(self):
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                # The last line may be half-written: next time, then.
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                self._callback(json.loads(line))
