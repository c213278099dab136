"""A layer that a chip computed: compared with the golden model, and summed up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.image.program import Program
from golden.rlc import MalformedStream
from golden.tensors import Difference, first_difference
from hw.config.counters import COUNTERS

from .driver import Status, Words
from .jobs import JobResult

__all__ = ["LayerResult", "layer_result"]

WAITS = ("ifmap", "filter", "ofmap")


@dataclass(frozen=True)
class LayerResult:
    """A layer that was run.

    Attributes
    ----------
    program : Program
    ofmap : ndarray (N, M, E, F)
        Of int16, or of the type of 8-bit ofmaps; as read back from the chip's memory; 0 where no job works.
    difference : Difference or None
        The first to the golden model; None also where there was nothing to compare with.
    status : Status
    counters : dict of str to int
        Sums over the layer's jobs.
    configuration_cycles : int or None
        Core cycles of resets and of loading the scan chain, of all jobs; None on a board, where the time that this
        takes is that of the serial line.
    simulator : str
        What ran it: a simulator, or "board".
    cycles_per_second : float
        Core cycles in a second of wall clock.
    wall_seconds : float
    faults : tuple of str
        What was wrong in the last job that ran, where that ended by a fault.
    job : int
        The last job that ran, from 1.
    """

    program: Program
    ofmap: NDArray[Any]
    difference: Difference | None
    status: Status
    counters: dict[str, int]
    configuration_cycles: int | None
    simulator: str
    cycles_per_second: float
    wall_seconds: float
    faults: tuple[str, ...] = ()
    job: int = 0

    @property
    def match(self) -> bool:
        """Whether the layer is done and equals the golden model."""
        return self.status == Status.DONE and self.difference is None

    def verdict(self, name: str) -> str:
        """One line: equal, or the first difference, or in which layer and job the chip stopped and why."""
        jobs = len(self.program.jobs)
        where = f"{name}, job {self.job} of {jobs}" if jobs > 1 else name
        if self.status == Status.HANG:
            return (f"HANG in {where}: no PE does a MAC any more, or the layer takes many times the cycles that it "
                    "should")
        if self.status == Status.FAULT:
            return f"FAULT in {where}: {'; '.join(self.faults)}"
        if self.status == Status.MALFORMED:
            return f"MALFORMED: what the chip left in DRAM is no run-length coded ofmap of {name}"
        if self.difference:
            first = self.difference
            return (f"MISMATCH in {name}: {first.count} of {self.ofmap.size} outputs differ, the first at "
                    f"{tuple(map(int, first.index))}: expected {first.expected}, found {first.found}")
        return f"match: all {self.ofmap.size} outputs equal the golden model's"

    def as_dict(self) -> dict[str, Any]:
        """The keys of `eyeriss simulate --json`; bytes are those of the counted 64-bit words.

        `macs` are those that the PEs did, padding of strips, channels and filters included; `layer_macs`
        are the layer's own, and `utilization` is these per cycle and PE of the chip.
        """
        counts, program = self.counters, self.program
        placement = program.jobs[0].placement
        waits = {f"wait_{cause}": counts[f"wait_{cause}_cycles"] for cause in WAITS}
        configuration = self.configuration_cycles
        return {
            "shape": str(program.shape), "chip": program.chip.name, "mapping": program.mapping.as_dict(),
            "match": self.match, "status": str(self.status), "faults": list(self.faults),
            "outputs": int(self.program.covered().sum()),
            "mismatches": int(self.difference.count) if self.difference else 0,
            "cycles": {
                "total": counts["cycles"], "processing": counts["cycles"] - sum(waits.values()),
                "mac": counts["mac_cycles"], "ramp": counts["ramp_cycles"], **waits,
            },
            "configuration_cycles": configuration,
            "milliseconds": None if configuration is None
            else (counts["cycles"] + configuration) / program.chip.core_mhz / 1e3,
            "layer_macs": program.shape.macs, "macs": counts["macs"], "gated_macs": counts["gated_macs"],
            "active_pes": placement.active_pes,
            "utilization": program.shape.macs / max(1, counts["cycles"]) / program.chip.pes,
            "passes": counts["passes"],
            "glb_bytes": {
                "ifmap": 8 * counts["glb_ifmap_reads"],
                "psum_read": 8 * (counts["glb_psum_reads"] + counts["glb_ofmap_reads"]),
                "psum_write": 8 * counts["glb_psum_writes"], "filter": 8 * counts["glb_filter_reads"],
            },
            "dram_bytes": {name: 8 * counts[f"dram_{name}"] for name in ("ifmap", "filter", "bias", "ofmap")},
            "counters": counts,
            "simulator": self.simulator, "simulated_cycles_per_second": self.cycles_per_second,
            "wall_seconds": self.wall_seconds,
        }


def layer_result(program: Program, expected: NDArray[Any] | None, jobs: Sequence[JobResult], memory: Words, *,
                 simulator: str, cycles_per_second: float, wall_seconds: float) -> LayerResult:
    """Compare what a program's jobs left in memory with the golden model.

    Parameters
    ----------
    expected : ndarray (N, M, E, F), optional
        The golden ofmap; of a program of shards only their outputs are compared. Nothing is, where it is None.
    jobs : sequence of JobResult
        Those of the program that were begun.
    memory : ndarray of uint64
        From address 0 on, after the last job.
    """
    ended = len(jobs) == len(program.jobs) or jobs and jobs[-1].status != Status.DONE
    status = jobs[-1].status if ended else Status.NOT_RUN
    try:
        ofmap = program.ofmap(memory)
    except MalformedStream:  # all that an unfinished layer can leave, but not a finished one
        ofmap = np.zeros(program.shape.ofmap_shape, np.int16)
        status = Status.MALFORMED if status == Status.DONE else status
    difference = None
    if expected is not None:
        difference = first_difference(np.where(program.covered(), expected, expected.dtype.type(0)), ofmap)
    # a broken chip may not tell a counter
    counters = {name: sum(job.counters[name] or 0 for job in jobs) for name in COUNTERS}
    cycles = [job.configuration_cycles for job in jobs]
    known = [count for count in cycles if count is not None]
    return LayerResult(program, ofmap, difference, status, counters, sum(known) if known == cycles else None,
                       simulator, cycles_per_second, wall_seconds, jobs[-1].faults if jobs else (), len(jobs))
