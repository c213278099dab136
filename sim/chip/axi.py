"""A driver of the chip behind AXI, in cocotb: cocotbext-axi's models as bus master and as memory."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiSlave, SparseMemoryRegion

from host.axi import configuration_writes, mask, reset_write, start_write
from host.driver import End, Patience, Status, Words
from hw.config.counters import counter_index
from hw.config.registers import OFFSETS
from sim.bench.streams import start

__all__ = ["PATIENCE", "AxiDriver", "Memory"]

#: In microseconds; no layer of a bench takes a tenth of this.
PATIENCE = Patience(idle=5_000, total=5_000)
POLL_US = 50


class Memory(SparseMemoryRegion):
    """All 2^64 bytes; an access to an address in `bad` fails, which its slave answers by SLVERR."""

    def __init__(self) -> None:
        super().__init__()
        self.bad_reads = self.bad_writes = range(0)

    async def _read(self, address: int, length: int, **kwargs: Any) -> bytes:
        if address in self.bad_reads:
            raise ValueError(f"no read of {address:#x}")
        return await super()._read(address, length, **kwargs)

    async def _write(self, address: int, data: bytes, **kwargs: Any) -> None:
        if address in self.bad_writes:
            raise ValueError(f"no write of {address:#x}")
        await super()._write(address, data, **kwargs)


class AxiDriver:
    """A `host.driver.Driver`, and the registers by name. `elapsed` is in microseconds.

    Parameters
    ----------
    dut : handle
        `hdl/axi_bench.sv`, in reset until `begin`.
    base : int
        Byte address of memory word 0.
    stall : float
        Fraction of the cycles in which each channel of either bus stalls.
    seed : int
        Of these.
    """

    def __init__(self, dut: Any, base: int = 0, *, stall: float = 0.0, seed: int = 1) -> None:
        self.dut, self.base, self.memory = dut, base, Memory()
        self._stall, self._chance, self._started = stall, random.Random(seed), 0.0

    async def begin(self, core_ns: float = 5, link_ns: float = 16.666) -> None:
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

    def _pauses(self, chance: random.Random) -> Iterator[bool]:
        while True:
            yield chance.random() < self._stall

    async def write(self, name: str, value: int) -> None:
        """Write a register; it must be accepted."""
        assert await self.try_write(OFFSETS[name], value) == AxiResp.OKAY, name

    async def try_write(self, offset: int, value: int, octets: int = 4) -> AxiResp:
        """Write at an offset; the bus's response."""
        return (await self._lite.write(offset, value.to_bytes(4, "little")[:octets])).resp

    async def read(self, name: str) -> int:
        """Read a register; it must be accepted."""
        answer = await self._lite.read(OFFSETS[name], 4)
        assert answer.resp == AxiResp.OKAY, name
        return int.from_bytes(answer.data, "little")

    async def try_read(self, offset: int) -> AxiResp:
        """Read at an offset; the bus's response."""
        return (await self._lite.read(offset, 4)).resp

    async def reset(self) -> None:
        """Soft reset; wait until it is over."""
        await self.write(*reset_write())
        for _ in range(2_000):
            if not await self.read("STATUS") & (mask("STATUS.BUSY") | mask("STATUS.RESETTING")):
                return
        raise AssertionError("the reset never ends")

    async def configure(self, bits: Sequence[int]) -> None:
        """All that is written before the start; see `host.axi.configuration_writes`."""
        for name, value in configuration_writes(bits, self.base):
            await self.write(name, value)

    async def start(self) -> None:
        """Start the job that is configured."""
        await self.write(*start_write())
        self._started = get_sim_time("us")

    async def wait(self, most: float) -> End | None:
        """Wait for the interrupt and clear it, at most POLL_US."""
        if not await self.high(self.dut.irq, min(most, POLL_US)):
            return None
        await self.clear()
        errors = await self.read("ERROR")
        responses = mask("ERROR.READ_RESPONSE") | mask("ERROR.WRITE_RESPONSE")
        broken = bool(int(self.dut.violation.value))
        return End(Status.FAULT if errors or broken else Status.DONE, bool(errors & responses), broken)

    def elapsed(self) -> float:
        """Microseconds since `start`."""
        return get_sim_time("us") - self._started

    async def counter(self, name: str) -> int:
        """A counter of `hw.config.counters`."""
        await self.write("COUNTER_SELECT", counter_index(name))
        while await self.read("STATUS") & mask("STATUS.COUNTER_BUSY"):
            pass
        return await self.read("COUNTER_LOW") | await self.read("COUNTER_HIGH") << 32

    async def write_memory(self, address: int, words: Words) -> None:
        """Put words into the model of the memory."""
        first = self.base + 8 * address
        self.memory[first:first + 8 * len(words)] = np.asarray(words, dtype="<u8").tobytes()

    async def read_memory(self, address: int, count: int) -> Words:
        """Words of the model of the memory."""
        first = self.base + 8 * address
        return np.frombuffer(bytes(self.memory[first:first + 8 * count]), dtype="<u8").astype(np.uint64)

    async def end(self) -> int:
        """Wait for the interrupt, which must come, and clear it; what was pending."""
        assert await self.high(self.dut.irq, PATIENCE.total), "irq never came"
        return await self.clear()

    async def clear(self) -> int:
        """Clear what is pending; what was."""
        pending = await self.read("INTERRUPT_PENDING")
        await self.write("INTERRUPT_PENDING", pending)
        assert not int(self.dut.irq.value), "interrupt was cleared"
        return pending

    async def high(self, handle: Any, microseconds: float) -> bool:
        """Wait for a pin to be high, so long; whether it is."""
        if int(handle.value):
            return True
        edge = RisingEdge(handle)
        return await First(edge, Timer(max(0.01, microseconds), "us")) is edge
