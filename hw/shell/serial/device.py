"""The device on a board's serial line: the commands of `hw.config.serial_ops` carried out."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.config.fields import ADDRESS_BITS
from hw.config.serial_ops import Op, Status, parameters
from hw.kit.block import Block
from hw.kit.interfaces import Sram
from hw.kit.payloads import QUAD
from hw.kit.stream import signals
from hw.shell.command_port import CommandKind, CommandPort, ReplyKind

__all__ = ["SerialHost"]


class SerialHost(Block):
    """Bytes to commands of `hw.shell.command_port` and to accesses of the memory.

    A host sends nothing more until it has the reply that it asked for; without one, it need not wait.

    Members
    -------
    i : In(stream of 8 bits), bytes from the host; always ready.
    o : Out(stream of 8 bits), bytes to the host.
    port : Out(CommandPort), to the chip.
    memory : Out(Sram), to the memory.
    out_of_range : In(1), from the memory.
    status : Out, the bits of Status, in this cycle.
    reset : Out(1), to chip and memory, for RESET_CYCLES cycles.
    """

    module_name = "serial_host"
    RESET_CYCLES = 16

    def __init__(self, chip, memory_words):
        self._parameters = list(parameters(chip, memory_words).values())
        super().__init__({
            "i": In(stream.Signature(8)), "o": Out(stream.Signature(8)),
            "port": Out(CommandPort()), "memory": Out(Sram(ADDRESS_BITS, QUAD)),
            "out_of_range": In(1), "status": Out(len(Status)), "reset": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        op, argument = Signal(8), Signal(64)
        execute = self._receive(m, op, argument)
        reply, load = Signal(64), Signal()
        reply_free = self._transmit(m, reply, load)
        busy, done, fault = signals("busy done fault")
        m.d.comb += self.status.eq(Cat(busy, done, fault, self.out_of_range))
        self._memory(m, execute, op, argument, reply, load, reply_free)
        with m.Switch(Mux(execute, op, Op.NOP)):
            with m.Case(Op.PARAMETER):
                m.d.comb += load.eq(1)
                with m.Switch(argument):
                    for number, value in enumerate(self._parameters):
                        with m.Case(number):
                            m.d.comb += reply.eq(value)
            with m.Case(Op.STATUS):
                m.d.comb += [load.eq(1), reply.eq(self.status)]
        self._commands(m, execute, op, argument)
        m.d.comb += [self.i.ready.eq(1), self.port.replies.ready.eq(1)]
        with m.If(execute & (op == Op.START)):
            m.d.sync += [busy.eq(1), done.eq(0), fault.eq(0)]
        with m.If(self.port.replies.valid):
            with m.If(self.port.replies.payload.kind == ReplyKind.COUNTER):
                m.d.comb += [load.eq(1), reply.eq(self.port.replies.payload.value)]
            with m.Else():
                m.d.sync += [busy.eq(0), done.eq(1), fault.eq(self.port.replies.payload.value[0])]
        with m.If(self.reset):
            m.d.sync += [busy.eq(0), done.eq(0), fault.eq(0)]
        return m

    def _receive(self, m, op, argument):
        """Gather a command; the pulse that it is there."""
        left = Signal(range(9))  # bytes of the argument
        execute = Signal()
        m.d.sync += execute.eq(self.i.valid & (left == 1))
        with m.If(self.i.valid & (left == 0)):
            m.d.sync += [op.eq(self.i.payload), left.eq(Mux(self.i.payload == Op.NOP, 0, 8))]
        with m.Elif(self.i.valid):
            m.d.sync += [argument.eq(Cat(argument[8:], self.i.payload)), left.eq(left - 1)]
        return execute

    def _transmit(self, m, reply, load):
        """Send a reply; whether there is none."""
        word = Signal(64)
        left = Signal(range(9))
        m.d.comb += [self.o.valid.eq(left != 0), self.o.payload.eq(word[:8])]
        with m.If(load):
            m.d.sync += [word.eq(reply), left.eq(8)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [word.eq(word >> 8), left.eq(left - 1)]
        return left == 0

    def _memory(self, m, execute, op, argument, reply, load, reply_free):
        """Words one after another; a read brings its word a cycle later, which is sent before the next is read."""
        address, words = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        write, read, coming = signals("write read coming")
        m.d.comb += [
            write.eq(execute & (op == Op.WRITE)), read.eq((words != 0) & reply_free & ~coming),
            self.memory.enable.eq(write | read), self.memory.write.eq(write),
            self.memory.address.eq(address), self.memory.write_data.eq(argument),
        ]
        m.d.sync += coming.eq(read)
        with m.If(coming):
            m.d.comb += [load.eq(1), reply.eq(self.memory.read_data)]
        with m.If(execute & (op == Op.ADDRESS)):
            m.d.sync += address.eq(argument)
        with m.Elif(self.memory.enable):
            m.d.sync += address.eq(address + 1)
        with m.If(execute & (op == Op.READ)):
            m.d.sync += words.eq(argument)
        with m.Elif(read):
            m.d.sync += words.eq(words - 1)

    def _commands(self, m, execute, op, argument):
        """To the chip, and its reset. The next command is 90 bits away: each has its turn."""
        kinds = {Op.CONFIG: CommandKind.CONFIG, Op.START: CommandKind.START, Op.COUNTER: CommandKind.COUNTER}
        left = Signal(range(self.RESET_CYCLES), init=self.RESET_CYCLES - 1)
        with m.If(self.port.commands.ready):
            m.d.sync += self.port.commands.valid.eq(0)
        for code, kind in kinds.items():
            with m.If(execute & (op == code)):
                m.d.sync += [self.port.commands.valid.eq(1), self.port.commands.payload.kind.eq(kind),
                             self.port.commands.payload.value.eq(argument)]
        m.d.sync += self.reset.eq(left != 0)
        with m.If(execute & (op == Op.RESET)):
            m.d.sync += left.eq(self.RESET_CYCLES - 1)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
