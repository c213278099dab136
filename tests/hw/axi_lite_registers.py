"""AxiLitePort and registers that answer at once: a bench that samples at the edge would be a cycle late."""

from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.config.registers import ADDRESS_BITS
from hw.kit.block import Block, place
from hw.kit.stream import join
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
        for name, (_, way) in LITE_CHANNELS.items():
            inside, outside = getattr(port, name), getattr(self, name)
            join(m, *((inside, outside) if way is Out else (outside, inside)))
        m.d.comb += [
            self.write.eq(port.write), self.write_address.eq(port.write_address), self.write_data.eq(port.write_data),
            port.write_ready.eq(self.write_ready), port.write_refused.eq(port.write_address[-1]),
            port.read_data.eq(port.read_address ^ VALUE), port.read_refused.eq(port.read_address[-1]),
        ]
        return m
