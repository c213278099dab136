"""Compiled layers on the simulated chip, one after another in one simulation."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.image.program import Job, Program
from compiler.mapping.cost import costs
from host.jobs import Moment
from host.result import LayerResult, layer_result
from hw.config import ChipConfig
from hw.config.counters import COUNTERS, counter_index
from sim.tools.files import write_file

from .simulate import Settings, simulate
from .timeline import TENSORS, parse, trace_events
from .verilog import chip_verilog

__all__ = ["simulate_programs"]

#: Cycles times PEs from which it takes less time to compile for speed, and then to simulate fast.
LONG = 20_000_000

#: Cycles times PEs from which a build is also worth a training run, whose profile the compiler goes by.
VERY_LONG = 100_000_000


def simulate_programs(programs: Sequence[Program], expected: Sequence[NDArray[Any] | None], chip: ChipConfig,
                      settings: Settings | None = None, *, verilog: list[Path] | None = None,
                      progress: Callable[[int, int], None] | None = None) -> list[LayerResult]:
    """Run programs in one simulation: each where the one before ends in DRAM.

    Parameters
    ----------
    programs : sequence of Program
    expected : sequence of ndarray (N, M, E, F)
        The whole ofmap of each program. Of a shard only its own outputs are compared; a program whose ofmap is None
        is not compared.
    settings : Settings, optional
        Where it leaves them open, a job may take `max_cycles` of twenty times what its mapping should, and
        `optimize` and `train` go by the work.
    verilog : list of Path, optional
        Instead of the chip's own.
    progress : callable, optional
        Called with (passes done, passes in all).

    Returns
    -------
    list of LayerResult
        After one that does not end well the others are not begun: their status is "not run".

    Raises
    ------
    SimulatorError
    """
    started = time.monotonic()
    jobs = [job for program in programs for job in program.jobs]
    settings = _completed(settings or Settings(), jobs, chip)
    passes = [job.placement.passes for job in jobs]

    def watch(moment: Moment) -> None:
        assert progress
        progress(sum(passes[:moment.job]) + (moment.passes or 0), sum(passes))

    result = simulate(
        verilog or chip_verilog(chip, settings.build, settings.top),
        np.concatenate([program.dram for program in programs]), [job.bits for job in jobs],
        {name: counter_index(name) for name in COUNTERS}, settings, core_mhz=chip.core_mhz, link_mhz=chip.link_mhz,
        watch=watch if progress else None)
    seconds = time.monotonic() - started
    if settings.record.trace:
        bases = {int(np.ravel(job.fields[f"{tensor}_base"])[0]): tensor for job in jobs for tensor in TENSORS}
        timeline = parse(result.trace, bases, result.core_ps, result.link_ps)
        write_file(settings.record.trace, json.dumps(trace_events(timeline, f"{chip.name}: {programs[0].shape}")))
    results, ran = [], list(result.jobs)
    for program, whole in zip(programs, expected, strict=True):
        mine, ran = ran[:len(program.jobs)], ran[len(program.jobs):]
        results.append(layer_result(program, whole, mine, result.dram, simulator=settings.simulator,
                                    cycles_per_second=result.cycles_per_second, wall_seconds=seconds))
    return results


def _completed(settings: Settings, jobs: Sequence[Job], chip: ChipConfig) -> Settings:
    """Settings in which nothing is left open."""
    cycles = [_planned_cycles(job) for job in jobs]
    work = chip.pes * sum(cycles)
    most, optimize, train = settings.max_cycles, settings.optimize, settings.train
    return replace(settings, max_cycles=100_000 + 20 * max(cycles) if most is None else most,
                   optimize=work > LONG if optimize is None else optimize,
                   train=work > VERY_LONG if train is None else train)


def _planned_cycles(job: Job) -> int:
    return int(costs(job.placement).cycles)
