"""A driver of the chip behind AXI, in cocotb: cocotbext-axi's models as bus master and as memory."""

import random

import numpy as np
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiSlave, SparseMemoryRegion

from hw.config import scan_words
from hw.config.counters import COUNTERS, counter_index
from hw.config.registers import FIELDS, OFFSETS
from sim.bench.streams import start

__all__ = ["AxiHost", "Memory", "mask"]

#: No layer of a bench takes a tenth of this.
PATIENCE_US = 5_000


def mask(name):
    """Mask of a field, such as "STATUS.BUSY"."""
    field = FIELDS[name]
    return (1 << field.width) - 1 << field.low


class Memory(SparseMemoryRegion):
    """All 2^64 bytes; an access to an address in `bad` fails, which its slave answers by SLVERR."""

    def __init__(self):
        super().__init__()
        self.bad_reads = self.bad_writes = range(0)

    async def _read(self, address, length, **kwargs):
        if address in self.bad_reads:
            raise ValueError(f"no read of {address:#x}")
        return await super()._read(address, length, **kwargs)

    async def _write(self, address, data, **kwargs):
        if address in self.bad_writes:
            raise ValueError(f"no write of {address:#x}")
        await super()._write(address, data, **kwargs)

    def put(self, address, words):
        self[address:address + 8 * len(words)] = np.asarray(words, dtype="<u8").tobytes()

    def get(self, address, count):
        return np.frombuffer(bytes(self[address:address + 8 * count]), dtype="<u8").astype(np.uint64)


class AxiHost:
    """Registers by name, layers from configuration to interrupt.

    Parameters
    ----------
    dut : handle
        `hdl/axi_bench.sv`, in reset until `begin`.
    stall : float
        Fraction of the cycles in which each channel of either bus stands still.
    """

    def __init__(self, dut, *, stall=0.0, seed=1):
        self.dut, self.memory = dut, Memory()
        self._stall, self._chance = stall, random.Random(seed)

    async def begin(self, core_ns=5, link_ns=16.666):
        """Clocks, reset, models."""
        dut = self.dut
        quiet = {name: 0 for name in (
            "s_axi_awvalid", "s_axi_wvalid", "s_axi_arvalid", "s_axi_bready", "s_axi_rready", "m_axi_awready",
            "m_axi_wready", "m_axi_bvalid", "m_axi_arready", "m_axi_rvalid")}
        await start(dut, periods={"link_clk": link_ns, "clk": core_ns}, cycles=4, **quiet)
        await ClockCycles(dut.link_clk, 8)
        self._lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.link_clk)
        self._slave = AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.link_clk, target=self.memory)
        lite, slave = self._lite, self._slave
        for channel in (
            lite.write_if.aw_channel, lite.write_if.w_channel, lite.write_if.b_channel,
            lite.read_if.ar_channel, lite.read_if.r_channel,
            slave.write_if.aw_channel, slave.write_if.w_channel, slave.write_if.b_channel,
            slave.read_if.ar_channel, slave.read_if.r_channel,
        ):
            channel.log.setLevel("WARNING")
            if self._stall:
                channel.set_pause_generator(self._pauses(random.Random(self._chance.random())))
        for side in (lite.write_if, lite.read_if, slave.write_if, slave.read_if):
            side.log.setLevel("ERROR")

    def _pauses(self, chance):
        while True:
            yield chance.random() < self._stall

    async def write(self, name, value):
        """Write a register; it must be accepted."""
        assert await self.try_write(OFFSETS[name], value) == AxiResp.OKAY, name

    async def try_write(self, offset, value, octets=4):
        return (await self._lite.write(offset, value.to_bytes(4, "little")[:octets])).resp

    async def read(self, name):
        answer = await self._lite.read(OFFSETS[name], 4)
        assert answer.resp == AxiResp.OKAY, name
        return int.from_bytes(answer.data, "little")

    async def try_read(self, offset):
        return (await self._lite.read(offset, 4)).resp

    async def load(self, job, base):
        """Configuration and base address of a job."""
        for word in scan_words(job.bits):
            await self.write("CONFIG", word)
        await self.write("BASE_LOW", base & 0xFFFF_FFFF)
        await self.write("BASE_HIGH", base >> 32)
        await self.write("INTERRUPT_ENABLE", mask("INTERRUPT_ENABLE.DONE") | mask("INTERRUPT_ENABLE.ERROR"))

    async def start(self):
        await self.write("CONTROL", mask("CONTROL.START"))

    async def end(self):
        """Wait for the interrupt and clear it; what was pending."""
        await self.until(self.dut.irq)
        pending = await self.read("INTERRUPT_PENDING")
        await self.write("INTERRUPT_PENDING", pending)
        assert not int(self.dut.irq.value), "interrupt was cleared"
        return pending

    async def until(self, handle):
        """Wait for a pin to be high."""
        if not int(handle.value):
            edge = RisingEdge(handle)
            assert await First(edge, Timer(PATIENCE_US, "us")) is edge, f"{handle._name} never came"

    async def reset(self):
        """Soft reset; wait until it is over."""
        await self.write("CONTROL", mask("CONTROL.RESET"))
        for _ in range(2_000):
            if not await self.read("STATUS") & (mask("STATUS.BUSY") | mask("STATUS.RESETTING")):
                return
        raise AssertionError("the reset never ends")

    async def counter(self, name):
        await self.write("COUNTER_SELECT", counter_index(name))
        while await self.read("STATUS") & mask("STATUS.COUNTER_BUSY"):
            pass
        return await self.read("COUNTER_LOW") | await self.read("COUNTER_HIGH") << 32

    async def counters(self):
        return {name: await self.counter(name) for name in COUNTERS}
