"""The cocotb side of `sim.chip.simulate`: a driver of the chip in `hdl/harness.sv` or `hdl/axi_harness.sv`.

Not a test by itself: `simulate` writes a description of the jobs, whose path is in the environment, and reads the
result file. Python wakes every `poll_cycles` core cycles only, to look whether the chip still makes progress.

A chip that hangs or faults is a result, not a failure of this test.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer

from host.driver import End, Patience, Status
from host.jobs import Moment, run_jobs
from sim.tools import memfile

from .simulate import DESCRIPTION

#: Cycles of the slower clock in which a counter must be there, also over a bus with stalls.
COUNTER_CYCLES = 4_000


@cocotb.test()
async def jobs(dut: Any) -> None:
    description = json.loads(Path(os.environ[DESCRIPTION]).read_text())
    driver = HarnessDriver(dut, description)
    await driver.begin()
    progress = Path(description["progress"])

    def watch(moment: Moment) -> None:
        with progress.open("a") as file:
            file.write(json.dumps(asdict(moment)) + "\n")

    patience = Patience(description["idle_cycles"] or inf, description["max_cycles"] or inf)
    results, started = [], time.monotonic()
    try:
        async for result in run_jobs(driver, description["jobs"], patience=patience, watch=watch,
                                     counters=description["counters"], keep_going=description["keep_going"]):
            results.append(asdict(result) | driver.seen() | {"wall_seconds": time.monotonic() - started})
            started = time.monotonic()
        await driver.dump()
    finally:
        Path(description["result"]).write_text(json.dumps(results))


class HarnessDriver:
    """A `host.driver.ChipDriver`: the harness loads memory by itself. `elapsed` is in core cycles.

    Parameters
    ----------
    dut : handle
    description : dict
        What `sim.chip.simulate` wrote.
    """

    def __init__(self, dut: Any, description: dict[str, Any]) -> None:
        self._dut, self._description = dut, description
        self._counters = description["counters"]
        self._jobs = 0
        for name in ("rst", "link_rst", "load", "go", "count", "dump", "counter_select", "job", "scan_length"):
            getattr(dut, name).value = 0
        dut.dram_words.value = description["dram_words"]
        dut.stall_seed.value = description["stall_seed"]
        dut.dump_first.value = 0
        dut.dump_last.value = description["dram_words"] - 1
        # Clock edges call no Python: under Verilator the C++ main drives the clocks, under Icarus cocotb's library.
        self._slow_ps = max(description["core_period_ps"], description["link_period_ps"])
        self._core = Clock(dut.clk, description["core_period_ps"], "ps", impl="gpi")
        self._link = Clock(dut.link_clk, description["link_period_ps"], "ps", impl="gpi")

    async def begin(self) -> None:
        """Start the clocks, if they do not run yet, so that no two edges ever coincide.

        In which order coinciding edges act is each simulator's own affair;
        half periods are even, so one odd picosecond keeps them apart.
        """
        if self._description["clocks_run"]:
            return
        self._core.start(start_high=False)
        await Timer(1, "ps")
        self._link.start(start_high=False)

    async def reset(self) -> None:
        """Reset chip and harness."""
        dut = self._dut
        await RisingEdge(dut.clk)
        dut.go.value = 0
        dut.rst.value = 1
        dut.link_rst.value = 1
        # Cycles enough of each clock: see hw.config.setup.
        await self._core_cycles(self._description["reset_cycles"])
        dut.rst.value = 0
        dut.link_rst.value = 0
        await self._core_cycles(self._description["reset_cycles"])

    async def configure(self, bits: Sequence[int]) -> None:
        """Have the harness load the scan chain."""
        dut = self._dut
        memfile.write_bits(Path(f"{self._description['scan']}{self._jobs}.scan"), bits)
        dut.job.value, dut.scan_length.value = self._jobs, len(bits)
        self._jobs += 1
        # behind a bus, a word of 32 bits may take four times as long as its bits
        assert await self._pulse(dut.load, dut.loaded, 4 * len(bits) + 1_000), "configuration not loaded"

    async def start(self) -> None:
        """Start the job; `go` acts on its rising edge and stays until the next reset."""
        self._dut.go.value = 1

    async def wait(self, most: float) -> End | None:
        """Wait for the job's end, at most `poll_cycles`."""
        dut = self._dut
        if end := self._end():
            return end
        cycles = max(1, min(self._description["poll_cycles"], most))
        await First(RisingEdge(dut.done), RisingEdge(dut.fault),
                    Timer(int(cycles) * self._description["core_period_ps"], "ps"))
        return self._end()

    def _end(self) -> End | None:
        dut = self._dut
        # an X is a fault as well
        if str(dut.fault.value) != "0":
            return End(Status.FAULT, str(dut.dram_fault.value) != "0", str(dut.bus_fault.value) != "0")
        return End(Status.DONE) if str(dut.done.value) == "1" else None

    def elapsed(self) -> float:
        """Core cycles since the start."""
        return int(self._dut.cycles.value)

    async def counter(self, name: str) -> int | None:
        """A counter's value; None where it has X, or there is no such counter or answer."""
        if name not in self._counters:
            return None
        self._dut.counter_select.value = self._counters[name]
        if not await self._pulse(self._dut.count, self._dut.counted, COUNTER_CYCLES):
            return None
        return _number(self._dut.counter_value)

    def seen(self) -> dict[str, Any]:
        """What the harness saw of the last job: the fields of `SimulatedJob`."""
        dut = self._dut
        return {
            "cycles": _number(dut.cycles), "configuration_cycles": _number(dut.configuration_cycles),
            "busy": str(dut.busy.value), "chip_fault": str(dut.chip_fault.value),
            "dram_words_read": _number(dut.dram_words_read), "dram_words_written": _number(dut.dram_words_written),
        }

    async def dump(self) -> None:
        """Write the DRAM's words to the harness's +dump file."""
        assert await self._pulse(self._dut.dump, self._dut.dumped, 100), "memory not dumped"

    async def _core_cycles(self, count: int) -> None:
        """Wait from an edge of the core clock to the one `count` cycles later, asleep meanwhile."""
        period = self._description["core_period_ps"]
        await Timer(count * period - period // 2, "ps")
        await RisingEdge(self._dut.clk)

    async def _pulse(self, request: Any, answer: Any, cycles: int) -> bool:
        """Raise a request until it is answered; whether it was, within N cycles of the slower clock."""
        request.value = 1
        edge = RisingEdge(answer)
        limit = Timer(cycles * self._slow_ps, "ps")
        answered = await First(edge, limit) is edge
        request.value = 0
        # so that either clock sees it low
        await ClockCycles(self._dut.link_clk, 2)
        await RisingEdge(self._dut.clk)
        return answered


def _number(handle: Any) -> int | None:
    """A port's value, or None where it has X: a broken chip must not crash its test."""
    value = handle.value
    return int(value) if value.is_resolvable else None
