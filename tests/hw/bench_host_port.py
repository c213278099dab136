"""HostPort before a model of the chip's pins."""

import random

import cocotb
from glb_model import each_cycle, words

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

CONFIG, START, COUNTER = 0, 1, 2
END = 0


class Chip:
    """Gathers the scan chain's bits, counts starts, has a value for each counter a cycle after its number."""

    def __init__(self, dut, clk):
        self.bits, self.starts, self._dut, self._select = [], 0, dut, 0
        each_cycle(clk, self._cycle)

    def _cycle(self):
        dut = self._dut
        if int(dut.scan_enable.value):
            self.bits.append(int(dut.scan_in.value))
        if int(dut.start.value):
            self.starts += 1
            dut.done.value = dut.fault.value = 0
        # a register: what it shows in this cycle belongs to the number of the cycle before
        dut.counter_value.value = value(int(dut.counter_select.value))

    def end(self, fault):
        self._dut.done.value, self._dut.fault.value = int(not fault), int(fault)


def value(counter):
    return counter * 0x0123_4567_89AB_CDEF & (1 << 64) - 1


def command(kind, data=0):
    return kind | data << 2


async def begin(dut, idle="never", pressure="never"):
    clk = await start(dut, port__commands__valid=0, port__replies__ready=0, done=0, fault=0, counter_value=0)
    ProtocolChecker(dut, "port__replies", clk, dut.rst)
    return (clk, Chip(dut, clk), Source(dut, "port__commands", clk, idle=idle, seed=1),
            Sink(dut, "port__replies", clk, pressure=pressure, seed=2))


@cocotb.test()
@cocotb.parametrize(cross(["never", "some"], ["never", "mostly"]))
async def configures_and_counts(dut, idle, pressure):
    clk, chip, source, replies = await begin(dut, idle, pressure)
    chance, config, expected, given = random.Random(3), words(12, width=32), [], []
    for word in config:
        given.append(command(CONFIG, word))
        for _ in range(chance.randint(0, 2)):
            counter = chance.randrange(28)
            given.append(command(COUNTER, counter))
            expected.append(1 | value(counter) << 1)
    source.send(given)
    await source.drain()
    await replies.wait(len(expected))
    await cycles(clk, 40)
    assert replies.received == expected, "counters"
    assert chip.bits == [word >> bit & 1 for word in config for bit in range(32)], "bits"
    assert not chip.starts


@cocotb.test()
@cocotb.parametrize(("fault", [False, True]), ("pressure", ["never", "mostly"]))
async def runs(dut, fault, pressure):
    """One reply for each layer, also where the last one's `done` still stands at the start."""
    clk, chip, source, replies = await begin(dut, pressure=pressure)
    for layer in range(4):
        source.send([command(START)])
        await source.drain()
        await cycles(clk, 30)
        assert chip.starts == layer + 1 and len(replies.received) == layer, "end before the end"
        chip.end(fault)
        await replies.wait(layer + 1)
        await cycles(clk, 30)
    assert replies.received == [END | fault << 1] * 4, "ends"


@cocotb.test()
@cocotb.parametrize(("wait", range(9)), ("pressure", ["never", "some", "mostly"]))
async def end_meets_counter(dut, wait, pressure):
    clk, chip, source, replies = await begin(dut, pressure=pressure)
    source.send([command(START), command(COUNTER, 5), command(COUNTER, 6)])
    await cycles(clk, 4 + wait)
    chip.end(False)
    await replies.wait(3)
    await cycles(clk, 20)
    assert sorted(replies.received) == sorted([END, 1 | value(5) << 1, 1 | value(6) << 1]), "replies"
