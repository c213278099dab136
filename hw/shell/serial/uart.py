"""A serial line: eight bits, no parity, one stop bit, lowest bit first."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.crossing import LevelSync

__all__ = ["UartReceiver", "UartTransmitter"]


def _check(clocks_per_bit):
    if clocks_per_bit < 4:
        raise ValueError(f"clocks_per_bit must be at least 4, not {clocks_per_bit!r}")
    return clocks_per_bit


class UartReceiver(Block):
    """Bytes from a line.

    Parameters
    ----------
    clocks_per_bit : int
        At least 4, so that a bit is sampled within half a bit of its middle.

    Members
    -------
    rx : the line, of no clock; high at rest.
    o : a byte, offered for one cycle at its stop bit; a byte without one is dropped. Nobody may be late.
    """

    module_name = "uart_receiver"

    def __init__(self, clocks_per_bit):
        self._clocks_per_bit = _check(clocks_per_bit)
        super().__init__({"rx": In(1), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        sync = place(m, LevelSync(), "sync")
        m.d.comb += sync.i.eq(self.rx)
        line = sync.o
        ticks = Signal(range(self._clocks_per_bit * 3 // 2))
        bits = Signal(range(10))  # left of a byte and its stop bit
        word = Signal(8)
        rested = Signal()  # the line was high: what is low now is a start bit
        m.d.comb += [self.o.payload.eq(word), self.o.valid.eq((bits == 1) & (ticks == 0) & line)]
        with m.If(bits == 0):
            m.d.sync += rested.eq(line)
            with m.If(rested & ~line):
                # to the middle of the first data bit, one and a half bits away; half a clock has gone by on average
                m.d.sync += [bits.eq(9), ticks.eq(self._clocks_per_bit * 3 // 2 - 2)]
        with m.Elif(ticks != 0):
            m.d.sync += ticks.eq(ticks - 1)
        with m.Else():
            m.d.sync += [bits.eq(bits - 1), ticks.eq(self._clocks_per_bit - 1), rested.eq(line)]
            with m.If(bits != 1):
                m.d.sync += word.eq(Cat(word[1:], line))
        return m


class UartTransmitter(Block):
    """Bytes to a line.

    Members
    -------
    i : bytes; the next is taken when the one before has gone.
    tx : the line, from a flip-flop.
    """

    module_name = "uart_transmitter"

    def __init__(self, clocks_per_bit):
        self._clocks_per_bit = _check(clocks_per_bit)
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        ticks = Signal(range(self._clocks_per_bit))
        bits = Signal(range(11))
        frame = Signal(10, init=-1)
        m.d.comb += self.i.ready.eq(bits == 0)
        m.d.sync += self.tx.eq(frame[0])
        with m.If(bits == 0):
            with m.If(self.i.valid):
                m.d.sync += [frame.eq(Cat(Const(0, 1), self.i.payload, Const(1, 1))), bits.eq(10),
                             ticks.eq(self._clocks_per_bit - 1)]
        with m.Elif(ticks != 0):
            m.d.sync += ticks.eq(ticks - 1)
        with m.Else():
            m.d.sync += [frame.eq(Cat(frame[1:], Const(1, 1))), bits.eq(bits - 1), ticks.eq(self._clocks_per_bit - 1)]
        return m
