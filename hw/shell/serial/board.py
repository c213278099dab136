"""The chip on a board: a serial line to the host, block RAM for DRAM, one clock."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.chip import Eyeriss
from hw.config.fields import ADDRESS_BITS
from hw.dram.pins import pins_to_link
from hw.kit.block import Block, place
from hw.kit.interfaces import DramLink, Sram
from hw.kit.memory import SinglePortSram
from hw.kit.payloads import QUAD
from hw.kit.stream import signals
from hw.paths.fetch import Prefetch
from hw.shell.command_port import HostPort, attach_host

from .device import SerialHost
from .uart import UartReceiver, UartTransmitter

__all__ = ["Board", "BoardMemory"]


class BoardMemory(Block):
    """Block RAM that serves the chip's bursts one after another, a word a cycle, and the host in between.

    Parameters
    ----------
    words : int
        Of 64 bits; a power of two.

    Members
    -------
    dram : In(DramLink), the chip's.
    host : In(Sram), the host's, which goes first.
    out_of_range : Out(1), the chip has asked for a word beyond the last one; until a reset.
    """

    module_name = "board_memory"

    def __init__(self, words):
        if words < 2 or words & (words - 1):
            raise ValueError(f"words must be a power of two, not {words!r}")
        self._words = words
        super().__init__({
            "dram": In(DramLink()), "host": In(Sram(ADDRESS_BITS, QUAD)), "out_of_range": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        ram = place(m, SinglePortSram(self._words, QUAD), "ram")
        fetch = place(m, Prefetch(), "fetch")
        write, moves = signals("write moves")
        address = Signal(ADDRESS_BITS)
        left = Signal(9)
        m.d.comb += [
            self.dram.bursts.ready.eq(left == 0),
            self.dram.write_words.ready.eq((left != 0) & write & ~self.host.enable),
            fetch.requested.eq((left != 0) & ~write & ~self.host.enable & fetch.room),
            moves.eq(fetch.requested | (self.dram.write_words.valid & self.dram.write_words.ready)),
            ram.enable.eq(self.host.enable | moves), ram.write.eq(write), ram.address.eq(address),
            ram.write_data.eq(self.dram.write_words.payload),
            fetch.data.eq(ram.read_data), self.host.read_data.eq(ram.read_data),
        ]
        with m.If(self.host.enable):
            m.d.comb += [
                ram.write.eq(self.host.write), ram.address.eq(self.host.address),
                ram.write_data.eq(self.host.write_data),
            ]
        connect(m, fetch.o, flipped(self.dram.read_words))
        with m.If(self.dram.bursts.valid & self.dram.bursts.ready):
            m.d.sync += [write.eq(self.dram.bursts.payload.write), address.eq(self.dram.bursts.payload.address),
                         left.eq(self.dram.bursts.payload.length + 1)]
        with m.Elif(moves):
            m.d.sync += [address.eq(address + 1), left.eq(left - 1)]
            with m.If(address >= self._words):
                m.d.sync += self.out_of_range.eq(1)
        return m


class Board(Block):
    """The chip with all it needs but a clock.

        rx --> receiver --> serial host <--> host port <--> chip
        tx <-- transmitter <---+  +-- memory <-- DRAM streams --+

    Parameters
    ----------
    chip : ChipConfig
    memory_words : int
        Of 64 bits, in place of DRAM; a power of two.
    clocks_per_bit : int
        Of the serial line.

    Members
    -------
    rx : In(1), tx : Out(1), serial line, high at rest.
    leds : Out(4), busy, done, fault, an address out of range.
    """

    module_name = "eyeriss_board"

    def __init__(self, chip, *, memory_words, clocks_per_bit):
        self._chip, self._memory_words, self._clocks_per_bit = chip, memory_words, clocks_per_bit
        super().__init__({"rx": In(1), "tx": Out(1, init=1), "leds": Out(4)})

    def elaborate(self, platform):
        m = Module()
        receiver = place(m, UartReceiver(self._clocks_per_bit), "receiver")
        transmitter = place(m, UartTransmitter(self._clocks_per_bit), "transmitter")
        host = place(m, SerialHost(self._chip, self._memory_words), "serial_host")
        resets = {"sync": host.reset, "link": host.reset}
        port = place(m, HostPort(), "host_port", resets=resets)
        chip = place(m, Eyeriss(self._chip), "chip", {"link": "sync"}, resets)
        memory = place(m, BoardMemory(self._memory_words), "memory", resets=resets)
        m.d.comb += [
            receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx), self.leds.eq(host.status),
            host.out_of_range.eq(memory.out_of_range),
        ]
        connect(m, host.memory, memory.host)
        connect(m, receiver.o, host.i)
        connect(m, host.o, transmitter.i)
        connect(m, host.port, port.port)
        attach_host(m, port, chip)
        pins_to_link(m, chip, memory.dram)
        return m
