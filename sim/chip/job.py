"""The cocotb test of the whole chip in `hdl/harness.sv` or `hdl/axi_harness.sv`.

Not a test by itself: `chip.simulate` writes a job description, whose path is
in the environment, and reads the result file. Python wakes every
`poll_cycles` core cycles only, to look whether the chip still makes progress.

A chip that hangs or faults is a result, not a failure of this test.
"""

import json
import os
import time
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer

from .simulate import ALIVE, DESCRIPTION, SHOWN

#: Cycles of the slower clock in which a counter must be there, also over a bus with stalls.
COUNTER_CYCLES = 4_000


@cocotb.test()
async def jobs(dut):
    description = json.loads(Path(os.environ[DESCRIPTION]).read_text())
    bench = ChipBench(dut, description)
    await bench.start()
    results = []
    try:
        for number, scan_length in enumerate(description["scan_lengths"]):
            results.append(await bench.run(number, scan_length))
            if results[-1]["status"] != "done" and not description["keep_going"]:
                break
        await bench.dump()
    finally:
        Path(description["result"]).write_text(json.dumps(results))


class ChipBench:
    """Runs jobs one after another on the harness."""

    def __init__(self, dut, description):
        self._dut, self._description = dut, description
        self._counters = description["counters"]
        for name in ("rst", "link_rst", "load", "go", "count", "dump", "counter_select", "job", "scan_length"):
            getattr(dut, name).value = 0
        dut.dram_words.value = description["dram_words"]
        dut.stall_seed.value = description["stall_seed"]
        dut.dump_first.value = 0
        dut.dump_last.value = description["dram_words"] - 1
        # No Python at their edges: they are in the program around the simulation, or cocotb's library.
        self._slow_ps = max(description["core_period_ps"], description["link_period_ps"])
        self._core = Clock(dut.clk, description["core_period_ps"], "ps", impl="gpi")
        self._link = Clock(dut.link_clk, description["link_period_ps"], "ps", impl="gpi")

    async def start(self):
        """Start the clocks, if they do not run yet, so that no two edges ever coincide.

        In which order coinciding edges act is each simulator's own affair;
        half periods are even, so one odd picosecond keeps them apart.
        """
        if self._description["clocks_run"]:
            return
        self._core.start(start_high=False)
        await Timer(1, "ps")
        self._link.start(start_high=False)

    async def run(self, number, scan_length):
        """Reset, configure, run to the end; the job's result."""
        dut, started = self._dut, time.monotonic()
        await self._reset()
        dut.job.value, dut.scan_length.value = number, scan_length
        # behind a bus, a word of 32 bits may take four times as long as its bits
        assert await self._pulse(dut.load, dut.loaded, 4 * scan_length + 1_000), "configuration not loaded"
        dut.go.value = 1
        status = await self._wait(number)
        dut.go.value = 0
        counters = {name: await self._counter(name) for name in self._counters}
        return {
            "status": status,
            "cycles": _number(dut.cycles),
            "configuration_cycles": _number(dut.configuration_cycles),
            "counters": counters,
            "busy": str(dut.busy.value),
            "chip_fault": str(dut.chip_fault.value),
            "dram_fault": str(dut.dram_fault.value),
            "bus_fault": str(dut.bus_fault.value),
            "dram_words_read": _number(dut.dram_words_read),
            "dram_words_written": _number(dut.dram_words_written),
            "wall_seconds": time.monotonic() - started,
        }

    async def dump(self):
        """Write the DRAM's words to the harness's +dump file."""
        assert await self._pulse(self._dut.dump, self._dut.dumped, 100), "memory not dumped"

    async def _reset(self):
        dut = self._dut
        await RisingEdge(dut.clk)
        dut.rst.value = 1
        dut.link_rst.value = 1
        # Cycles enough of each clock: see hw.config.setup.
        await self._core_cycles(self._description["reset_cycles"])
        dut.rst.value = 0
        dut.link_rst.value = 0
        await self._core_cycles(self._description["reset_cycles"])

    async def _core_cycles(self, count):
        """Wait from an edge of the core clock to the one `count` cycles later, asleep meanwhile."""
        period = self._description["core_period_ps"]
        await Timer(count * period - period // 2, "ps")
        await RisingEdge(self._dut.clk)

    async def _pulse(self, request, answer, cycles):
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

    async def _wait(self, number):
        """Wait for the job's end: "done", "fault" or "hang"."""
        dut, description = self._dut, self._description
        limit = description["max_cycles"]
        done, fault = RisingEdge(dut.done), RisingEdge(dut.fault)
        alive, alive_at, cycles = -1, 0, 0
        while True:
            wait = description["poll_cycles"]
            wait = wait if limit is None else max(1, min(wait, limit - cycles))
            fired = await First(done, fault, Timer(wait * description["core_period_ps"], "ps"))
            if str(dut.fault.value) != "0":
                return "fault"
            if fired is done:
                return "done"
            cycles = _number(dut.cycles)
            line = {"job": number, "cycles": cycles, SHOWN: await self._counter(SHOWN)}
            if ALIVE in self._counters:
                line[ALIVE] = await self._counter(ALIVE)
                if line[ALIVE] != alive:
                    alive, alive_at = line[ALIVE], cycles
            with open(description["progress"], "a") as progress:
                progress.write(json.dumps(line) + "\n")
            idle = (cycles - alive_at) * description["core_period_ps"] // self._slow_ps
            stuck = ALIVE in self._counters and idle >= description["hang_cycles"]
            # The end may have come while the counters were read.
            if str(dut.done.value) == "1":
                return "done"
            if stuck or (limit is not None and cycles >= limit):
                return "hang"

    async def _counter(self, name):
        """A counter's value; None where it has X, or there is no such counter or answer."""
        if name not in self._counters:
            return None
        self._dut.counter_select.value = self._counters[name]
        if not await self._pulse(self._dut.count, self._dut.counted, COUNTER_CYCLES):
            return None
        return _number(self._dut.counter_value)


def _number(handle):
    """A port's value, or None where it has X: a broken chip must not crash its test."""
    value = handle.value
    return int(value) if value.is_resolvable else None
