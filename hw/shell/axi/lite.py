"""AXI4-Lite to reads and writes of registers."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.config.registers import ADDRESS_BITS
from hw.kit.block import Block
from hw.kit.stream import signals

from .bus import LITE_CHANNELS, OKAY, SLVERR

__all__ = ["AxiLitePort"]


class AxiLitePort(Block):
    """A register is written or read in one cycle; a write may have to wait.

    Members
    -------
    aw, w, b, ar, r : the channels. Answers follow a cycle later, and are SLVERR where a write is not one of four
        whole bytes, and where the registers refuse.
    write, write_address, write_data : a write, until it is `write_ready`; `write_refused` goes with that.
    read_address, read_data, read_refused : in the same cycle.
    """

    module_name = "axi_lite_port"

    def __init__(self):
        super().__init__({
            "write": Out(1), "write_address": Out(ADDRESS_BITS), "write_data": Out(32),
            "write_ready": In(1), "write_refused": In(1),
            "read_address": Out(ADDRESS_BITS), "read_data": In(32), "read_refused": In(1),
        } | {name: way(stream.Signature(payload)) for name, (payload, way) in LITE_CHANNELS.items()})

    def elaborate(self, platform):
        m = Module()
        whole, written, read = signals("whole written read")
        both = Signal()
        m.d.comb += [
            both.eq(self.aw.valid & self.w.valid & ~self.b.valid), whole.eq(self.w.payload.strb.all()),
            self.write.eq(both & whole), written.eq(both & (~whole | self.write_ready)),
            self.aw.ready.eq(written), self.w.ready.eq(written),
            self.write_address.eq(self.aw.payload.addr), self.write_data.eq(self.w.payload.data),
            self.ar.ready.eq(~self.r.valid), read.eq(self.ar.valid & self.ar.ready),
            self.read_address.eq(self.ar.payload.addr),
        ]
        with m.If(written):
            m.d.sync += [self.b.valid.eq(1), self.b.payload.resp.eq(OKAY)]
            with m.If(~whole | self.write_refused):
                m.d.sync += self.b.payload.resp.eq(SLVERR)
        with m.Elif(self.b.ready):
            m.d.sync += self.b.valid.eq(0)
        with m.If(read):
            m.d.sync += [self.r.valid.eq(1), self.r.payload.data.eq(self.read_data), self.r.payload.resp.eq(OKAY)]
            with m.If(self.read_refused):
                m.d.sync += self.r.payload.resp.eq(SLVERR)
        with m.Elif(self.r.ready):
            m.d.sync += self.r.valid.eq(0)
        return m
