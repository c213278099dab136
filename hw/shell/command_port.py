"""A host's commands to the chip's pins, and what the chip has to say as replies: core clock.

Whatever carries commands, a register map or a serial line, is in front of this.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block
from hw.kit.stream import signals

__all__ = ["WORD", "Command", "CommandKind", "CommandPort", "HostPort", "Reply", "ReplyKind", "attach_host"]

WORD = 32  # bits of the scan chain in a command


class CommandKind(enum.Enum, shape=2):
    CONFIG = 0  # shift WORD bits into the scan chain, bit 0 first
    START = 1
    COUNTER = 2  # reply with the counter of this number


class Command(data.Struct):
    kind: CommandKind
    value: WORD


class ReplyKind(enum.Enum, shape=1):
    END = 0  # of a layer; the value is 1 for a fault
    COUNTER = 1


class Reply(data.Struct):
    kind: ReplyKind
    value: 64


class CommandPort(wiring.Signature):
    """Commands to a chip, and its replies, as seen from who commands.

    Members
    -------
    commands : Out(stream of Command).
    replies : In(stream of Reply).
    """

    def __init__(self):
        super().__init__({"commands": Out(stream.Signature(Command)), "replies": In(stream.Signature(Reply))})


class HostPort(Block):
    """Commands one after another, replies as they come.

    The scan chain takes a whole number of words; the first bits, which pad them, leave it again at its end.
    Throughput: a CONFIG takes 33 cycles, a COUNTER five.

    Members
    -------
    port : In(CommandPort).
    scan_enable, scan_in, start : Out(1), to the chip.
    done, fault : In(1), from the chip.
    counter_select : Out(6), to the chip.
    counter_value : In(64), from the chip, a cycle after `counter_select`.
    """

    module_name = "host_port"

    def __init__(self):
        super().__init__({
            "port": In(CommandPort()),
            "scan_enable": Out(1), "scan_in": Out(1), "start": Out(1), "done": In(1), "fault": In(1),
            "counter_select": Out(6), "counter_value": In(64),
        })

    def elaborate(self, platform):
        m = Module()
        word = Signal(WORD)
        bits = Signal(range(WORD + 1))
        asked = Signal(3)  # where in its way a counter is: the chip's select, its value, here
        running, ended, accept = signals("running ended accept")
        m.d.comb += [
            self.scan_enable.eq(bits != 0), self.scan_in.eq(word[0]),
            self.port.commands.ready.eq((bits == 0) & (asked == 0)),
            accept.eq(self.port.commands.valid & self.port.commands.ready),
            ended.eq(running & (self.done | self.fault)),
        ]
        m.d.sync += [self.start.eq(0), asked.eq(asked << 1)]
        with m.If(self.start):  # `done` and `fault` are the new layer's from the next cycle on
            m.d.sync += running.eq(1)
        with m.If(bits != 0):
            m.d.sync += [word.eq(word >> 1), bits.eq(bits - 1)]
        with m.If(accept):
            with m.Switch(self.port.commands.payload.kind):
                with m.Case(CommandKind.CONFIG):
                    m.d.sync += [word.eq(self.port.commands.payload.value), bits.eq(WORD)]
                with m.Case(CommandKind.START):
                    m.d.sync += self.start.eq(1)
                with m.Case(CommandKind.COUNTER):
                    m.d.sync += [self.counter_select.eq(self.port.commands.payload.value), asked.eq(1)]
        self._reply(m, running, ended, asked)
        return m

    def _reply(self, m, running, ended, asked):
        """The end of a layer goes first; a counter that has come waits for it."""
        free = Signal()
        m.d.comb += free.eq(~self.port.replies.valid | self.port.replies.ready)
        with m.If(free):
            m.d.sync += self.port.replies.valid.eq(0)
        with m.If(free & ended):
            m.d.sync += [
                self.port.replies.valid.eq(1), self.port.replies.payload.kind.eq(ReplyKind.END),
                self.port.replies.payload.value.eq(self.fault), running.eq(0),
            ]
        with m.Elif(free & asked[-1]):
            m.d.sync += [
                self.port.replies.valid.eq(1), self.port.replies.payload.kind.eq(ReplyKind.COUNTER),
                self.port.replies.payload.value.eq(self.counter_value),
            ]
        with m.If(asked[-1] & (~free | ended)):
            m.d.sync += asked.eq(asked)


def attach_host(m, port, chip):
    """Wire a HostPort to the pins of the chip."""
    m.d.comb += [
        chip.scan_enable.eq(port.scan_enable), chip.scan_in.eq(port.scan_in), chip.start.eq(port.start),
        chip.counter_select.eq(port.counter_select),
        port.done.eq(chip.done), port.fault.eq(chip.fault), port.counter_value.eq(chip.counter_value),
    ]
