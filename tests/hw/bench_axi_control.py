"""AxiControl between a register bus, a host port's streams and a master's signals."""

import cocotb
from cocotb.triggers import RisingEdge
from glb_model import pulse

from hw.config.registers import FIELDS, OFFSETS
from sim.bench.streams import ProtocolChecker, Sink, Source, cycles, start

CONFIG, START, COUNTER = 0, 1, 2
END, FAULT = 0, 2  # replies: of a layer that ends well, of one that does not


def mask(*names):
    return sum(1 << FIELDS[name].low for name in names)


class Bench:
    def __init__(self, dut, pressure="never"):
        self.dut, self.pressure = dut, pressure

    async def begin(self):
        dut = self.dut
        self.clk = await start(
            dut, registers__write=0, registers__write_address=0, registers__write_data=0, registers__read_address=0,
            port__commands__ready=0, port__replies__valid=0, bus_idle=1, read_error=0, write_error=0, reset_seen=0)
        ProtocolChecker(dut, "port__commands", self.clk, dut.rst)
        self.commands = Sink(dut, "port__commands", self.clk, pressure=self.pressure, seed=1)
        self.replies = Source(dut, "port__replies", self.clk)

    async def write(self, name, value):
        """A write, until it is accepted; how many cycles it waited."""
        dut = self.dut
        dut.registers__write_address.value, dut.registers__write_data.value = OFFSETS[name], value
        dut.registers__write.value = 1
        waited = -1
        while True:
            await RisingEdge(self.clk)
            waited += 1
            if int(dut.registers__write_ready.value):
                assert not int(dut.registers__write_refused.value), name
                dut.registers__write.value = 0
                return waited

    async def read(self, name):
        self.dut.registers__read_address.value = OFFSETS[name]
        await cycles(self.clk, 2)
        assert not int(self.dut.registers__read_refused.value), name
        return int(self.dut.registers__read_data.value)

    async def status(self, *names):
        assert await self.read("STATUS") == mask(*(f"STATUS.{name}" for name in names)), f"status is not {names}"

    async def errors(self, *names):
        assert await self.read("ERROR") == mask(*(f"ERROR.{name}" for name in names)), f"error is not {names}"
        await self.write("ERROR", 0xFF)
        assert await self.read("ERROR") == 0, "cleared"

    async def running(self):
        """A layer with the bus at work."""
        self.dut.bus_idle.value = 0
        await self.write("CONTROL", mask("CONTROL.START"))
        await self.status("BUSY")
        assert not int(self.dut.halt.value), "halt while running"

    async def reply(self, *words):
        self.replies.send(words)
        await self.replies.drain()
        await cycles(self.clk, 2)

    async def resets(self):
        """From the bus at rest to the end of the reset."""
        dut, clk = self.dut, self.clk
        await cycles(clk, 5)
        assert int(dut.reset.value) and int(dut.halt.value), "reset"
        await self.status("RESETTING")
        dut.reset_seen.value = 1
        await cycles(clk, 5)
        assert not int(dut.reset.value), "the reset's end"
        await self.status("RESETTING")
        dut.reset_seen.value = 0
        await cycles(clk, 3)
        await self.status()
        assert not int(dut.halt.value), "halt at rest"


@cocotb.test()
@cocotb.parametrize(("pressure", ["never", "some", "mostly"]))
async def life_of_a_layer(dut, pressure):
    bench = Bench(dut, pressure)
    await bench.begin()
    words = [0x1234_5678 + number for number in range(8)]
    waits = [await bench.write("CONFIG", word) for word in words]
    assert pressure == "never" or any(waits), "waits for its turn"
    await bench.write("BASE_LOW", 0x1000)
    await bench.write("BASE_HIGH", 7)
    await bench.running()
    await cycles(bench.clk, 30)
    assert bench.commands.received[:8] == [CONFIG | word << 2 for word in words], "configuration"
    assert [word & 3 for word in bench.commands.received[8:]] == [START], "start"
    assert int(dut.base.value) == 0x7_0000_1000
    await bench.reply(END)
    await bench.status("BUSY")  # until the bus is idle
    assert not int(dut.irq.value)
    dut.bus_idle.value = 1
    await cycles(bench.clk, 2)
    await bench.status("DONE")
    assert await bench.read("INTERRUPT_PENDING") == mask("INTERRUPT_PENDING.DONE")
    await bench.write("INTERRUPT_ENABLE", mask("INTERRUPT_ENABLE.DONE"))
    await cycles(bench.clk, 2)
    assert int(dut.irq.value), "interrupt"
    await bench.write("INTERRUPT_PENDING", mask("INTERRUPT_PENDING.ERROR"))
    await cycles(bench.clk, 2)
    assert int(dut.irq.value), "another bit cleared"
    await bench.write("INTERRUPT_PENDING", mask("INTERRUPT_PENDING.DONE"))
    await cycles(bench.clk, 2)
    assert not int(dut.irq.value), "interrupt cleared"
    await bench.running()
    await bench.errors()


@cocotb.test()
@cocotb.parametrize(("cause", ["FAULT", "READ_RESPONSE", "WRITE_RESPONSE"]), ("ended", [False, True]))
async def ends_with_an_error(dut, cause, ended):
    """Halted once the bus is idle, also where the error comes after the chip's own end."""
    bench = Bench(dut)
    await bench.begin()
    await bench.running()
    if ended and cause != "FAULT":
        await bench.reply(END)
    if cause == "FAULT":
        await bench.reply(FAULT)
    else:
        await pulse(bench.clk, dut.read_error if cause == "READ_RESPONSE" else dut.write_error)
        await cycles(bench.clk, 2)
    assert int(dut.halt.value), "halt"
    await bench.status("BUSY")
    dut.bus_idle.value = 1
    await cycles(bench.clk, 2)
    await bench.status("HALTED")
    await bench.errors(cause)
    assert await bench.read("INTERRUPT_PENDING") == mask("INTERRUPT_PENDING.ERROR")
    await bench.write("CONTROL", mask("CONTROL.START"))
    await bench.write("CONFIG", 1)
    await bench.errors("BUSY_START", "BUSY_WRITE")
    assert len(bench.commands.received) == 1, "commands while halted"
    await bench.write("COUNTER_SELECT", 9)
    await bench.status("HALTED", "COUNTER_BUSY")
    await bench.reply(1 | 0x1234_5678_9ABC_DEF0 << 1)
    await bench.status("HALTED")
    assert await bench.read("COUNTER_LOW") == 0x9ABC_DEF0 and await bench.read("COUNTER_HIGH") == 0x1234_5678
    assert bench.commands.received[1] == COUNTER | 9 << 2, "counter's number"
    await bench.write("CONTROL", mask("CONTROL.RESET"))
    await bench.resets()
    assert await bench.read("COUNTER_LOW") == 0


@cocotb.test()
async def reset_while_running(dut):
    """Waits for the bus; a start in the same write, or during the reset, is none."""
    bench = Bench(dut)
    await bench.begin()
    await bench.running()
    await bench.write("CONTROL", mask("CONTROL.RESET", "CONTROL.START"))
    await cycles(bench.clk, 20)
    await bench.status("BUSY")
    assert int(dut.halt.value) and not int(dut.reset.value), "reset before the bus is idle"
    await bench.errors()
    dut.bus_idle.value = 1
    await cycles(bench.clk, 5)
    await bench.write("CONTROL", mask("CONTROL.START"))
    await bench.write("BASE_LOW", 8)
    await bench.errors("BUSY_START", "BUSY_WRITE")
    await bench.resets()
    assert await bench.read("BASE_LOW") == 0
    await bench.running()


@cocotb.test()
@cocotb.parametrize(("low", range(1, 8)))
async def unaligned_base(dut, low):
    bench = Bench(dut)
    await bench.begin()
    await bench.write("BASE_LOW", 0x100 + low)
    await bench.write("CONTROL", mask("CONTROL.START"))
    await bench.status()
    await bench.errors("UNALIGNED_BASE")
    assert not bench.commands.received, "no command"
