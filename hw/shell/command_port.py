"""A host's commands to the chip's pins, and what the chip has to say as replies: core clock.

Whatever carries commands, a register map or a serial line, is in front of this.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, enum, stream
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block
from hw.kit.payloads import Burst
from hw.kit.stream import signals

__all__ = ["WORD", "Command", "CommandKind", "HostPort", "Reply", "ReplyKind", "attach_host", "attach_memory"]

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


class HostPort(Block):
    """Commands one after another, replies as they come.

    The scan chain is a whole number of words with the bits that are too many in front: they fall out at its end.

    Members
    -------
    commands, replies : streams. A CONFIG takes 33 cycles, a COUNTER five.
    scan_enable, scan_in, start, done, fault, counter_select, counter_value : the chip's.
    """

    module_name = "host_port"

    def __init__(self):
        super().__init__({
            "commands": In(stream.Signature(Command)), "replies": Out(stream.Signature(Reply)),
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
            self.commands.ready.eq((bits == 0) & (asked == 0)),
            accept.eq(self.commands.valid & self.commands.ready),
            ended.eq(running & (self.done | self.fault)),
        ]
        m.d.sync += [self.start.eq(0), asked.eq(asked << 1)]
        with m.If(self.start):  # `done` and `fault` are the new layer's from the next cycle on
            m.d.sync += running.eq(1)
        with m.If(bits != 0):
            m.d.sync += [word.eq(word >> 1), bits.eq(bits - 1)]
        with m.If(accept):
            with m.Switch(self.commands.payload.kind):
                with m.Case(CommandKind.CONFIG):
                    m.d.sync += [word.eq(self.commands.payload.value), bits.eq(WORD)]
                with m.Case(CommandKind.START):
                    m.d.sync += self.start.eq(1)
                with m.Case(CommandKind.COUNTER):
                    m.d.sync += [self.counter_select.eq(self.commands.payload.value), asked.eq(1)]
        self._reply(m, running, ended, asked)
        return m

    def _reply(self, m, running, ended, asked):
        """The end of a layer goes first; a counter that has come waits for it."""
        free = Signal()
        m.d.comb += free.eq(~self.replies.valid | self.replies.ready)
        with m.If(free):
            m.d.sync += self.replies.valid.eq(0)
        with m.If(free & ended):
            m.d.sync += [
                self.replies.valid.eq(1), self.replies.payload.kind.eq(ReplyKind.END),
                self.replies.payload.value.eq(self.fault), running.eq(0),
            ]
        with m.Elif(free & asked[-1]):
            m.d.sync += [
                self.replies.valid.eq(1), self.replies.payload.kind.eq(ReplyKind.COUNTER),
                self.replies.payload.value.eq(self.counter_value),
            ]
        with m.If(asked[-1] & (~free | ended)):
            m.d.sync += asked.eq(asked)


def attach_host(m, port, chip):
    """Wire a HostPort to the chip."""
    for name in ("scan_enable", "scan_in", "start", "counter_select"):
        m.d.comb += getattr(chip, name).eq(getattr(port, name))
    for name in ("done", "fault", "counter_value"):
        m.d.comb += getattr(port, name).eq(getattr(chip, name))


def attach_memory(m, memory, chip):
    """Wire the streams `commands`, `write_words` and `read_words` of an instance to the chip's DRAM pins."""
    burst = Burst(memory.commands.payload)
    m.d.comb += [
        memory.commands.valid.eq(chip.dram_cmd_valid), chip.dram_cmd_ready.eq(memory.commands.ready),
        burst.write.eq(chip.dram_cmd_write), burst.address.eq(chip.dram_cmd_address),
        burst.length.eq(chip.dram_cmd_length),
        memory.write_words.valid.eq(chip.dram_wdata_valid), chip.dram_wdata_ready.eq(memory.write_words.ready),
        memory.write_words.payload.eq(chip.dram_wdata),
        chip.dram_rdata_valid.eq(memory.read_words.valid), memory.read_words.ready.eq(chip.dram_rdata_ready),
        chip.dram_rdata.eq(memory.read_words.payload),
    ]
