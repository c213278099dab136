"""Every memory of the chip, and the modules that an ASIC or FPGA flow may swap: SRAMs and register files."""

from amaranth.hdl import Module
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .block import Block

__all__ = ["RegisterFile", "SinglePortSram", "TwoPortSram", "memory"]


def memory(width, depth, *, collides=True):
    """The words of a memory, whose ports the caller makes: no module of the chip has another.

    What it holds at power-on is undefined, as in an SRAM: `hw.verilog.generate` leaves out the zeros that Amaranth
    writes.

    Parameters
    ----------
    collides : bool
        Whether a word may be read and written in one cycle. Where not, Yosys need not add logic that gives what
        was there before.
    """
    return Memory(shape=width, depth=depth, init=[], attrs={} if collides else {"no_rw_check": 1})


class SinglePortSram(Block):
    """One port: a read or a write a cycle; read data one cycle later, held until the next read."""

    def __init__(self, depth, width):
        self._depth, self._width = depth, width
        self.module_name = f"sram_1p_{depth}x{width}"
        super().__init__({
            "enable": In(1), "write": In(1), "address": In(range(depth)),
            "write_data": In(width), "read_data": Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        words = memory(self._width, self._depth, collides=False)
        m.submodules.words = words
        write, read = words.write_port(), words.read_port()
        m.d.comb += [
            write.en.eq(self.enable & self.write), write.addr.eq(self.address),
            write.data.eq(self.write_data),
            read.en.eq(self.enable & ~self.write), read.addr.eq(self.address),
            self.read_data.eq(read.data),
        ]
        return m


class TwoPortSram(Block):
    """One write port, one read port with one cycle of latency; the two never meet at an address."""

    def __init__(self, depth, width):
        self._depth, self._width = depth, width
        self.module_name = f"sram_2p_{depth}x{width}"
        super().__init__({
            "write_enable": In(1), "write_address": In(range(depth)), "write_data": In(width),
            "read_enable": In(1), "read_address": In(range(depth)), "read_data": Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        words = memory(self._width, self._depth, collides=False)
        m.submodules.words = words
        write, read = words.write_port(), words.read_port()
        m.d.comb += [
            write.en.eq(self.write_enable), write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            read.en.eq(self.read_enable), read.addr.eq(self.read_address),
            self.read_data.eq(read.data),
        ]
        return m


class RegisterFile(Block):
    """Registers with one write port and combinational reads: the ifmap and psum spads (Section V-C).

    Members
    -------
    write_enable, write_address, write_data : a word is there from the next cycle on.
    read_address_<n>, read_data_<n> : read port n of `reads`, in the same cycle.
    """

    def __init__(self, depth, width, reads):
        self._depth, self._width, self._reads = depth, width, reads
        self.module_name = f"registers_{depth}x{width}_{reads}r"
        ports = {
            "write_enable": In(1), "write_address": In(range(depth)), "write_data": In(width),
        }
        for port in range(reads):
            ports |= {f"read_address_{port}": In(range(depth)), f"read_data_{port}": Out(width)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory(self._width, self._depth)
        write = words.write_port()
        m.d.comb += [
            write.en.eq(self.write_enable), write.addr.eq(self.write_address), write.data.eq(self.write_data),
        ]
        for port in range(self._reads):
            read = words.read_port(domain="comb")
            m.d.comb += [
                read.addr.eq(getattr(self, f"read_address_{port}")),
                getattr(self, f"read_data_{port}").eq(read.data),
            ]
        return m
