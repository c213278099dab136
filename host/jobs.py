"""Jobs one after another on any driver: reset, configuration, start, end, counters."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hw.config.counters import COUNTERS, FAULTS

from .driver import ChipDriver, End, Patience, Status

__all__ = ["ALIVE", "PASSES", "JobResult", "Moment", "complete", "run_job", "run_jobs"]

#: The counter that must move, or the chip hangs; and the one that shows how far a job is.
ALIVE, PASSES = "mac_cycles", "passes"

T = TypeVar("T")


@dataclass(frozen=True)
class Moment:
    """A look at a running job.

    Attributes
    ----------
    job : int
        From 0.
    elapsed : float
        Since the job's start, in the driver's unit.
    passes, mac_cycles : int or None
        These counters.
    """

    job: int
    elapsed: float
    passes: int | None
    mac_cycles: int | None


@dataclass(frozen=True)
class JobResult:
    """A job that was begun.

    Attributes
    ----------
    status : DONE, FAULT or HANG
    counters : dict of str to int
        None stands for a value that the chip does not tell.
    out_of_range, bus_broken : bool
        As in `host.driver.End`.
    configuration_cycles : int or None
        Core cycles of the reset and of loading the scan chain, where the driver counts them.
    """

    status: Status
    counters: Mapping[str, int | None]
    out_of_range: bool = False
    bus_broken: bool = False
    configuration_cycles: int | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """What was wrong in a job that ended by a fault, a sentence for each cause."""
        if self.status != Status.FAULT:
            return ()
        causes = [meaning for name, meaning in FAULTS.items() if self.counters[name]]
        if self.out_of_range:
            causes.append("a burst was addressed outside of DRAM")
        if self.bus_broken:
            causes.append("a rule of the bus to DRAM was broken")
        return tuple(causes or ["neither the chip's counters nor its memory say why"])


async def run_jobs(driver: ChipDriver, jobs: Iterable[Sequence[int]], *, patience: Patience,
                   counters: Iterable[str] = COUNTERS, keep_going: bool = False,
                   watch: Callable[[Moment], None] | None = None) -> AsyncIterator[JobResult]:
    """Run jobs, each after a reset; after one that does not end well the others are not begun.

    Parameters
    ----------
    jobs : iterable of sequences of int
        The scan chain's bits of each.
    patience : Patience
        With each job.
    counters : iterable of str
        What is read at a job's end.
    keep_going : bool
        Begin the next job whatever became of the one before.
    watch : callable, optional
        Called at each look at a running job.
    """
    names = tuple(counters)
    for number, bits in enumerate(jobs):
        result = await run_job(driver, bits, patience=patience, counters=names, watch=watch, number=number)
        yield result
        if result.status != Status.DONE and not keep_going:
            return


async def run_job(driver: ChipDriver, bits: Sequence[int], *, patience: Patience, counters: Iterable[str] = COUNTERS,
                  watch: Callable[[Moment], None] | None = None, number: int = 0) -> JobResult:
    """Run one job; see `run_jobs`."""
    await driver.reset()
    await driver.configure(bits)
    await driver.start()
    end = await _end(driver, patience, watch, number)
    values = {name: await driver.counter(name) for name in counters}
    return JobResult(end.status, values, end.out_of_range, end.bus_broken)


async def _end(driver: ChipDriver, patience: Patience, watch: Callable[[Moment], None] | None, number: int) -> End:
    moment, alive, alive_at = 0.0, None, 0.0
    while True:
        end = await driver.wait(patience.total - moment)
        if end:
            return end
        moment = driver.elapsed()
        passes, steps = await driver.counter(PASSES), await driver.counter(ALIVE)
        if steps != alive:
            alive, alive_at = steps, moment
        if watch:
            watch(Moment(number, moment, passes, steps))
        if moment - alive_at >= patience.idle or moment >= patience.total:
            # The end may have come while the counters were read.
            return await driver.wait(0) or End(Status.HANG)


def complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine whose driver blocks and never suspends.

    Raises
    ------
    RuntimeError
        It does suspend: its driver needs an event loop.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("this driver suspends: await the coroutine in the driver's event loop")
