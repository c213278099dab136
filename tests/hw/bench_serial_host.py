"""SerialHost between bytes, an SRAM and a host port's streams."""

import random
import struct

import cocotb
from glb_model import Watch, each_cycle, words
from layer_model import CHIP

from hw.config.serial_ops import Op, Status, parameters
from sim.bench.streams import ProtocolChecker, Sink, Source, cycles, start

CONFIG, START, COUNTER = 0, 1, 2
WORDS = 64
GAP = 40  # cycles that a byte takes at least: ten bits of four


class Bench:
    def __init__(self, dut, pressure="never"):
        self.dut, self.pressure, self.memory = dut, pressure, {}

    async def begin(self):
        dut = self.dut
        clk = self.clk = await start(dut, i__valid=0, o__ready=0, port__commands__ready=0, port__replies__valid=0,
                                     memory__read_data=0, out_of_range=0)
        for name in ("o", "port__commands"):
            ProtocolChecker(dut, name, clk, dut.rst)
        self.source = Source(dut, "i", clk, idle=byte_times())
        self.out = Sink(dut, "o", clk, pressure=self.pressure)
        self.commands = Sink(dut, "port__commands", clk, pressure=self.pressure)
        self.replies = Source(dut, "port__replies", clk)
        self.resets = Watch(clk, dut.reset)
        each_cycle(clk, self._sram)
        await cycles(clk, 30)

    def _sram(self):
        dut, address = self.dut, int(self.dut.memory__address.value)
        if int(dut.memory__enable.value):
            if int(dut.memory__write.value):
                self.memory[address] = int(dut.memory__write_data.value)
            else:
                dut.memory__read_data.value = self.memory[address]
                return
        dut.memory__read_data.value = random.getrandbits(64)  # nobody may look

    async def send(self, op, argument=0):
        self.source.send(struct.pack("<BQ", op, argument))
        await self.source.drain()
        await cycles(self.clk, GAP)

    async def reply(self, count=1):
        await self.out.wait(8 * count)
        await cycles(self.clk, GAP)
        data = bytes(self.out.received)
        self.out.received.clear()
        assert len(data) == 8 * count, "bytes"
        return list(struct.unpack(f"<{count}Q", data))


def byte_times():
    while True:
        yield from [True] * (GAP - 1)
        yield False


@cocotb.test()
@cocotb.parametrize(("pressure", ["never", "mostly"]))
async def memory(dut, pressure):
    bench, data = Bench(dut, pressure), words(20)
    await bench.begin()
    await bench.send(Op.ADDRESS, 7)
    for word in data:
        await bench.send(Op.WRITE, word)
    assert bench.memory == dict(enumerate(data, start=7)), "words written"
    await bench.send(Op.ADDRESS, 9)
    await bench.send(Op.READ, 5)
    assert await bench.reply(5) == data[2:7], "words read"
    await bench.send(Op.READ, 1)
    assert await bench.reply() == [data[7]], "the next word"


@cocotb.test()
async def identity(dut):
    bench = Bench(dut)
    await bench.begin()
    for number, value in enumerate(parameters(CHIP, WORDS).values()):
        await bench.send(Op.PARAMETER, number)
        assert await bench.reply() == [value], "parameter"


@cocotb.test()
@cocotb.parametrize(("pressure", ["never", "some"]), ("fault", [0, 1]))
async def layer(dut, pressure, fault):
    bench, config = Bench(dut, pressure), words(6, width=32)
    await bench.begin()
    for word in config:
        await bench.send(Op.CONFIG, word)
    await bench.send(Op.START)
    assert bench.commands.received[:-1] == [CONFIG | word << 2 for word in config], "configuration"
    assert bench.commands.received[-1] & 3 == START, "start"
    await bench.send(Op.STATUS)
    assert await bench.reply() == [1 << Status.BUSY]
    await bench.send(Op.COUNTER, 4)
    assert bench.commands.received[-1] == COUNTER | 4 << 2, "counter's number"
    bench.replies.send([1 | 0x0123_4567_89AB_CDEF << 1])
    assert await bench.reply() == [0x0123_4567_89AB_CDEF], "counter"
    bench.replies.send([fault << 1])
    dut.out_of_range.value = fault
    await cycles(bench.clk, 10)
    await bench.send(Op.STATUS)
    expected = 1 << Status.DONE | fault << Status.FAULT | fault << Status.OUT_OF_RANGE
    assert await bench.reply() == [expected], "status"
    assert int(dut.status.value) == expected
    before = bench.resets.count
    await bench.send(Op.RESET)
    assert bench.resets.count - before >= 8, "reset"
    assert not int(dut.reset.value)
    dut.out_of_range.value = 0
    await bench.send(Op.STATUS)
    assert await bench.reply() == [0], "status after the reset"


@cocotb.test()
@cocotb.parametrize(("sent", range(9)))
async def back_in_step(dut, sent):
    """NOPs end what was cut off, and nothing comes of them."""
    bench = Bench(dut)
    await bench.begin()
    bench.source.send(struct.pack("<BQ", Op.CONFIG, 5)[:sent])
    bench.source.send(bytes(9))
    await bench.source.drain()
    await cycles(bench.clk, GAP)
    assert len(bench.commands.received) == (sent != 0) and not bench.out.received
    await bench.send(Op.STATUS)
    assert await bench.reply() == [0], "status"
