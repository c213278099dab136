"""AxiLitePort and registers that answer at once: a bench that samples at the edge would be a cycle late."""

from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.registers import ADDRESS_BITS
from hw.kit.block import Block, place
from hw.shell.axi.bus import LITE_CHANNELS
from hw.shell.axi.lite import AxiLitePort

VALUE = 0xCAFE_0000


class AxiLiteRegisters(Block):
    """Each register reads as its address with VALUE; those from the middle of the map on are refused."""

    module_name = "axi_lite_registers"

    def __init__(self):
        super().__init__({
            "write": Out(1), "write_address": Out(ADDRESS_BITS), "write_data": Out(32), "write_ready": In(1),
        } | {name: way(stream.Signature(payload)) for name, (payload, way) in LITE_CHANNELS.items()})

    def elaborate(self, platform):
        m = Module()
        port = place(m, AxiLitePort(), "port")
        connect(m, flipped(self.aw), port.aw)
        connect(m, flipped(self.w), port.w)
        connect(m, port.b, flipped(self.b))
        connect(m, flipped(self.ar), port.ar)
        connect(m, port.r, flipped(self.r))
        bus = port.registers
        m.d.comb += [
            self.write.eq(bus.write), self.write_address.eq(bus.write_address), self.write_data.eq(bus.write_data),
            bus.write_ready.eq(self.write_ready), bus.write_refused.eq(bus.write_address[-1]),
            bus.read_data.eq(bus.read_address ^ VALUE), bus.read_refused.eq(bus.read_address[-1]),
        ]
        return m
