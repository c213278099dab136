"""BurstWriter: whole bursts until the flush, each command before its words."""

import cocotb
from glb_model import each_cycle, pulse, words
from layer_model import CHIP

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

BASE = 0x1234560


async def run(dut, counts, *, idle="never", pressure="never"):
    clk = await start(dut, start=0, base=BASE, flush=0, i__valid=0, o__ready=0, bursts__ready=0)
    for name in ("i", "o", "bursts"):
        ProtocolChecker(dut, name, clk, dut.rst)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    out = Sink(dut, "o", clk, pressure=pressure, seed=2)
    commands = Sink(dut, "bursts", clk, pressure=pressure, seed=3)

    def in_order():
        promised = sum((command >> 29) + 1 for command in commands.received)
        assert len(out.received) <= promised, "words before their command"
        assert promised - len(out.received) <= CHIP.burst_words, "a command before the last one's words"

    each_cycle(clk, in_order)
    for count in counts:
        data = words(count, seed=count)
        out.received.clear()
        commands.received.clear()
        await pulse(clk, dut.start)
        source.send(data)
        await source.drain()
        await cycles(clk, 60)
        assert len(out.received) == count // CHIP.burst_words * CHIP.burst_words, "whole bursts only"
        assert int(dut.empty.value) == (count % CHIP.burst_words == 0), "empty"
        dut.flush.value = 1
        await out.wait(count)
        await cycles(clk, 3)
        assert int(dut.empty.value), "empty"
        dut.flush.value = 0
        assert out.received == data, "words"
        expected = [1 | BASE + done << 1 | min(CHIP.burst_words, count - done) - 1 << 29
                    for done in range(0, count, CHIP.burst_words)]
        assert commands.received == expected, "commands"
    return out


@cocotb.test()
@cocotb.parametrize(cross())
async def stalls(dut, idle, pressure):
    await run(dut, [43], idle=idle, pressure=pressure)


@cocotb.test()
async def one_after_another(dut):
    await run(dut, [1, 3, 4, 5, 8, 30])


@cocotb.test()
async def full_rate(dut):
    out = await run(dut, [80])
    bursts = 80 // CHIP.burst_words
    assert out.transfers[-1] - out.transfers[0] == 80 - 1 + bursts - 1, "a cycle for each command"
