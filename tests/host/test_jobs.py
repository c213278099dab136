"""Jobs on drivers that are a few lines of Python."""

import asyncio

import pytest

from host.driver import End, Patience, Status
from host.jobs import complete, run_job, run_jobs
from hw.config.counters import COUNTERS

DONE = End(Status.DONE)
NAMES = ("mac_cycles", "passes", "unclaimed_filters")


class Scripted:
    """Ends after `busy` looks; each look takes one unit of time, and `mac_cycles` moves in the first `moves`."""

    def __init__(self, *, busy=2, moves=100, end=DONE, late=False, fault=None):
        self.done, self._busy, self._moves, self._end, self._late = [], busy, moves, end, late
        self._fault, self._time = fault, 0

    async def reset(self):
        self.done.append("reset")

    async def configure(self, bits):
        self.done.append(f"configure {''.join(map(str, bits))}")

    async def start(self):
        self._time = 0
        self.done.append("start")

    async def wait(self, most):
        if self._time >= self._busy or self._late and most == 0:
            return self._end
        self._time += 1
        return None

    def elapsed(self):
        return self._time

    async def counter(self, name):
        return {"mac_cycles": min(self._time, self._moves), "passes": 7}.get(name, int(name == self._fault))


def run(driver, **options):
    return complete(run_job(driver, [1, 0], **{"patience": Patience(5), "counters": NAMES} | options))


def test_a_job_in_order():
    driver, seen = Scripted(), []
    result = run(driver, watch=seen.append)
    assert driver.done == ["reset", "configure 10", "start"]
    assert result.status == Status.DONE and not result.faults
    assert result.counters == {"mac_cycles": 2, "passes": 7, "unclaimed_filters": 0}
    assert [(moment.elapsed, moment.mac_cycles, moment.passes) for moment in seen] == [(1, 1, 7), (2, 2, 7)]


@pytest.mark.parametrize("busy, moves, patience, status", [
    (50, 100, Patience(5), "done"),  # slow, but it moves
    (50, 10, Patience(5), "hang"),
    (50, 100, Patience(5, total=20), "hang"),
    (14, 10, Patience(5), "done"),  # it ends before the patience does
])
def test_hang(busy, moves, patience, status):
    assert run(Scripted(busy=busy, moves=moves), patience=patience).status == status


def test_an_end_that_comes_while_counters_are_read_is_no_hang():
    assert run(Scripted(busy=50, moves=0, late=True)).status == "done"


@pytest.mark.parametrize("end, fault, text", [
    (End(Status.FAULT), "unclaimed_filters", "a filter word's tag matches no PE"),
    (End(Status.FAULT, out_of_range=True), None, "a burst was addressed outside of DRAM"),
    (End(Status.FAULT, bus_broken=True), None, "a rule of the bus to DRAM was broken"),
    (End(Status.FAULT), None, "neither the chip's counters nor its memory say why"),
])
def test_faults_have_causes(end, fault, text):
    assert run(Scripted(end=end, fault=fault), counters=COUNTERS).faults == (text,)


@pytest.mark.parametrize("keep_going, begun", [(False, 1), (True, 3)])
def test_jobs_after_one_that_fails(keep_going, begun):
    async def all_of_them():
        driver = Scripted(end=End(Status.FAULT))
        return [result async for result in run_jobs(driver, [[0]] * 3, patience=Patience(5), counters=NAMES,
                                                    keep_going=keep_going)]

    assert len(complete(all_of_them())) == begun


def test_a_driver_that_suspends_needs_an_event_loop():
    with pytest.raises(RuntimeError, match="^this driver suspends: await the coroutine in the driver's event loop$"):
        complete(asyncio.sleep(0))
