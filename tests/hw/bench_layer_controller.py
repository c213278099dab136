"""LayerController: from start to done, and a cause for each cycle."""

import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from glb_model import Watch

from hw.controller import LayerController
from sim.bench.streams import cycles, start

INPUTS = ("start", "unclaimed", "malformed", "leftover", "link_moves", "link_tick", "macs_busy", "ifmap_starved",
          "filter_starved", "ofmap_blocked", "collecting", "draining", "written")
ROWS = 3  # as the test's controller
KINDS = ("mac_cycle", "wait_ofmap", "wait_ifmap", "wait_filter", "ramp")


def high(dut, *names):
    return [name for name in names if int(getattr(dut, name).value)]


async def begin(dut):
    """Started, with the data paths running."""
    clk = await start(dut, **dict.fromkeys(INPUTS, 0))
    assert not high(dut, "busy", "done", "fault", "go", "flush", *KINDS)
    dut.written.value = 1
    dut.start.value = 1
    await RisingEdge(clk)
    dut.start.value = 0
    for row in range(ROWS):
        await RisingEdge(clk)
        assert high(dut, "busy", "begins", "go", "flush", "done") == ["busy", "begins"][:2 - (row > 0)], "waits"
        assert high(dut, *KINDS) == ["ramp"], "cause of a wait"
    await RisingEdge(clk)
    # as the data paths do: running from the cycle after `go` on
    assert high(dut, "busy", "begins", "go", "flush", "done") == ["busy", "go"], "go"
    dut.draining.value = dut.collecting.value = 1
    await RisingEdge(clk)
    assert high(dut, "busy", "go", "flush", "done") == ["busy"], "one cycle of go"
    return clk


@cocotb.test()
async def done_when_all_is_written(dut):
    clk = await begin(dut)
    for _ in range(30):
        await RisingEdge(clk)
        assert high(dut, "busy", "done", "flush") == ["busy"], "running"
    dut.draining.value = dut.collecting.value = 0
    dut.written.value = 0
    await RisingEdge(clk)
    for _ in range(10):
        await RisingEdge(clk)
        assert high(dut, "busy", "done", "flush") == ["busy", "flush"], "flushing"
    dut.written.value = 1
    waited = 0
    while not int(dut.done.value):
        await RisingEdge(clk)
        waited += 1
        assert waited < 6, "done"
    assert high(dut, "busy", "done", *KINDS) == ["done"]
    await RisingEdge(clk)
    for _ in range(10):
        await RisingEdge(clk)
        assert high(dut, "busy", "done", "flush") == ["done"], "done until the next start"


@cocotb.test()
async def a_glimpse_of_written_is_not_the_end(dut):
    clk = await begin(dut)
    dut.written.value = 0
    dut.draining.value = 0
    await cycles(clk, 3)
    dut.written.value = 1
    await RisingEdge(clk)
    dut.written.value = 0
    for _ in range(10):
        await RisingEdge(clk)
        assert high(dut, "busy", "done") == ["busy"], "glimpse"


@cocotb.test()
async def start_while_busy_is_ignored(dut):
    clk = await begin(dut)
    dut.start.value = 1
    for _ in range(5):
        await RisingEdge(clk)
        assert not int(dut.go.value), "go"


@cocotb.test()
@cocotb.parametrize(("cause", ["unclaimed", "malformed"]))
async def fault_stays(dut, cause):
    clk = await begin(dut)
    getattr(dut, cause).value = 1
    await RisingEdge(clk)
    getattr(dut, cause).value = 0
    await cycles(clk, 5)
    assert int(dut.fault.value), "fault"
    dut.draining.value = dut.collecting.value = 0
    await cycles(clk, 6)
    assert high(dut, "busy", "done", "fault") == ["done", "fault"]
    dut.start.value = 1
    await RisingEdge(clk)
    dut.start.value = 0
    await cycles(clk, 2)
    assert high(dut, "busy", "done", "fault") == ["busy"], "fault cleared"


@cocotb.test()
@cocotb.parametrize(("leftover", [0, 1]))
async def leftover_is_a_fault(dut, leftover):
    clk = await begin(dut)
    ends = Watch(clk, dut.ends)
    dut.leftover.value = 1
    await cycles(clk, 10)
    assert not int(dut.fault.value), "leftover before the end"
    dut.leftover.value = leftover
    dut.draining.value = dut.collecting.value = 0
    await cycles(clk, 10)
    assert ends.count == 1, "ends"
    assert high(dut, "done", "fault") == ["done", "fault"][:1 + leftover]


@cocotb.test()
@cocotb.parametrize(("sign", ["macs_busy", "link_moves"]))
async def stuck_without_a_sign_of_life(dut, sign):
    clk = await begin(dut)
    await tick(dut, clk, 2 * LayerController.WATCHDOG_TICKS)
    for _ in range(2):
        await ClockCycles(clk, LayerController.WATCHDOG - 100)
        await tick(dut, clk, LayerController.WATCHDOG_TICKS)
        getattr(dut, sign).value = 1
        await RisingEdge(clk)
        getattr(dut, sign).value = 0
    await cycles(clk, 2)  # until the sign was seen
    await tick(dut, clk, LayerController.WATCHDOG_TICKS)
    await ClockCycles(clk, LayerController.WATCHDOG - 100)
    assert not int(dut.fault.value), "stuck too early"
    await ClockCycles(clk, 110)
    assert high(dut, "busy", "fault") == ["busy", "fault"], "not stuck"
    assert not int(dut.stuck.value), "stuck is a strobe"


async def tick(dut, clk, count):
    """Ticks of the link's clock, each one cycle long."""
    for _ in range(count):
        dut.link_tick.value = 1
        await RisingEdge(clk)
        dut.link_tick.value = 0
        await RisingEdge(clk)


@cocotb.test()
async def a_slow_link_is_not_stuck(dut):
    """However many core cycles pass, some cycles of the link are none too many."""
    clk = await begin(dut)
    stuck = Watch(clk, dut.stuck)
    for _ in range(LayerController.WATCHDOG_TICKS - 1):
        await ClockCycles(clk, LayerController.WATCHDOG + 10)
        await tick(dut, clk, 1)
    await ClockCycles(clk, LayerController.WATCHDOG + 10)
    assert not stuck.count and not int(dut.fault.value), "slow link"
    await tick(dut, clk, 1)
    await cycles(clk, 2)
    assert stuck.count == 1 and int(dut.fault.value), "not stuck"


@cocotb.test()
async def every_cycle_has_one_cause(dut):
    clk = await begin(dut)
    chance = random.Random(1)
    names = ("macs_busy", "ifmap_starved", "filter_starved", "ofmap_blocked", "collecting")
    for _ in range(300):
        now = {name: chance.getrandbits(1) for name in names}
        for name, value in now.items():
            getattr(dut, name).value = value
        await RisingEdge(clk)
        causes = [now["macs_busy"], now["ofmap_blocked"] or not now["collecting"], now["ifmap_starved"],
                  now["filter_starved"], 1]
        assert high(dut, *KINDS) == [KINDS[[bool(cause) for cause in causes].index(True)]], f"cause of {now}"
