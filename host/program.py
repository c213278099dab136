"""A compiled layer on a chip, from its image in memory to the comparison with the golden model."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.image.program import Program

from .driver import Driver, Patience, Words
from .jobs import Moment, run_jobs
from .result import LayerResult, layer_result

__all__ = ["Progress", "run_program"]

#: Called with what is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]

CHUNK = 64  # words of memory in one access: a slow line must move them before its driver loses patience


def _unwatched(what: str, done: int, total: int) -> None:
    """The Progress of those who do not look."""


async def run_program(driver: Driver, program: Program, expected: NDArray[Any] | None = None, *,
                      patience: Patience, simulator: str, progress: Progress = _unwatched) -> LayerResult:
    """Load a program's image, run its jobs, read its ofmaps back, compare.

    Parameters
    ----------
    expected : ndarray (N, M, E, F), optional
        The golden ofmap.
    patience : Patience
        With each job.
    simulator : str
        What the driver drives, for the result.
    progress : callable, optional
    """
    started, jobs = time.monotonic(), program.jobs
    await _load(driver, program, progress)

    def watch(moment: Moment) -> None:
        progress(f"job {moment.job + 1} of {len(jobs)}, passes", moment.passes or 0,
                 jobs[moment.job].placement.passes)

    results = [result async for result in run_jobs(driver, [job.bits for job in jobs], patience=patience,
                                                   watch=watch)]
    memory = await _read(driver, program, progress)
    seconds = time.monotonic() - started
    cycles = sum(result.counters["cycles"] or 0 for result in results)
    return layer_result(program, expected, results, memory, simulator=simulator, cycles_per_second=cycles / seconds,
                        wall_seconds=seconds)


async def _load(driver: Driver, program: Program, progress: Progress) -> None:
    words = program.dram
    for first in range(0, len(words), CHUNK):
        chunk = words[first:first + CHUNK]
        await driver.write_memory(program.base + first, chunk)
        progress("load, words", first + len(chunk), len(words))


async def _read(driver: Driver, program: Program, progress: Progress) -> Words:
    """All memory up to the program's end; only the ofmaps are read, all else is as it was loaded."""
    memory = np.concatenate([np.zeros(program.base, np.uint64), program.dram])
    done, total = 0, sum(job.ofmap_count for job in program.jobs)
    for job in program.jobs:
        end = job.ofmap_base + job.ofmap_count
        for first in range(job.ofmap_base, end, CHUNK):
            last = min(first + CHUNK, end)
            memory[first:last] = await driver.read_memory(first, last - first)
            done += last - first
            progress("read, words", done, total)
    return memory
