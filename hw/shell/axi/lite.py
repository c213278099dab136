"""AXI4-Lite to reads and writes of registers."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config.registers import ADDRESS_BITS
from hw.kit.block import Block
from hw.kit.stream import signals

from .bus import LITE_CHANNELS, OKAY, SLVERR

__all__ = ["AxiLitePort", "RegisterBus"]


class RegisterBus(wiring.Signature):
    """Reads and writes of registers, as seen from the bus.

    Members
    -------
    write : Out(1), a register is to be written, until `write_ready`.
    write_address : Out(12), in bytes, with `write`.
    write_data : Out(32), with `write`.
    write_ready : In(1), it is written at the end of this cycle.
    write_refused : In(1), no register takes it, with `write_ready`.
    read_address : Out(12), in bytes.
    read_data : In(32), the register, in this cycle.
    read_refused : In(1), there is none, in this cycle.
    """

    def __init__(self):
        super().__init__({
            "write": Out(1), "write_address": Out(ADDRESS_BITS), "write_data": Out(32),
            "write_ready": In(1), "write_refused": In(1),
            "read_address": Out(ADDRESS_BITS), "read_data": In(32), "read_refused": In(1),
        })


class AxiLitePort(Block):
    """A register is written or read in one cycle; a write may have to wait.

    Members
    -------
    aw, w, ar : In(stream), the channels from the host.
    b, r : Out(stream), answers, a cycle later; SLVERR where a write is not one of four whole bytes, and where the
        registers refuse.
    registers : Out(RegisterBus).

    Throughput: a write or a read in two cycles.
    """

    module_name = "axi_lite_port"

    def __init__(self):
        super().__init__({
            "registers": Out(RegisterBus()),
        } | {name: way(stream.Signature(payload)) for name, (payload, way) in LITE_CHANNELS.items()})

    def elaborate(self, platform):
        m = Module()
        whole, written, read = signals("whole written read")
        both = Signal()
        m.d.comb += [
            both.eq(self.aw.valid & self.w.valid & ~self.b.valid), whole.eq(self.w.payload.strb.all()),
            self.registers.write.eq(both & whole), written.eq(both & (~whole | self.registers.write_ready)),
            self.aw.ready.eq(written), self.w.ready.eq(written),
            self.registers.write_address.eq(self.aw.payload.addr), self.registers.write_data.eq(self.w.payload.data),
            self.ar.ready.eq(~self.r.valid), read.eq(self.ar.valid & self.ar.ready),
            self.registers.read_address.eq(self.ar.payload.addr),
        ]
        with m.If(written):
            m.d.sync += [self.b.valid.eq(1), self.b.payload.resp.eq(OKAY)]
            with m.If(~whole | self.registers.write_refused):
                m.d.sync += self.b.payload.resp.eq(SLVERR)
        with m.Elif(self.b.ready):
            m.d.sync += self.b.valid.eq(0)
        with m.If(read):
            m.d.sync += [
                self.r.valid.eq(1), self.r.payload.data.eq(self.registers.read_data), self.r.payload.resp.eq(OKAY),
            ]
            with m.If(self.registers.read_refused):
                m.d.sync += self.r.payload.resp.eq(SLVERR)
        with m.Elif(self.r.ready):
            m.d.sync += self.r.valid.eq(0)
        return m
