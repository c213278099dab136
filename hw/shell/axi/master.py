"""The AXI4 master: the chip's DRAM commands as bursts, several of them outstanding.

All of it can be halted at any moment: no burst is begun any more, and those that were begun are finished as the
protocol wants it.
"""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.kit.block import Block, place
from hw.kit.interfaces import DramLink
from hw.kit.payloads import QUAD, Burst
from hw.kit.stream import Queue, signals

from .bus import MASTER_CHANNELS, MEMORY_BITS, MemoryBurst, Request

__all__ = ["AxiMaster", "AxiReader", "AxiSplitter", "AxiWriter"]

PAGE = 4096  # bytes that no AXI burst may cross the end of
BYTES = QUAD // 8
OUTSTANDING = 8


class AxiSplitter(Block):
    """Chip's commands to AXI bursts: byte addresses, cut at 4 KB.

    Members
    -------
    bursts : the chip's commands. A command is taken when the one before has gone.
    base : address of DRAM word 0, a multiple of 8.
    o : `Request`s, one or two cycles after the command.
    halt : take no command, and no further part of one. What is at `o` already stays.
    idle : nothing is at `o`.
    """

    module_name = "axi_splitter"

    def __init__(self):
        super().__init__({
            "bursts": In(stream.Signature(Burst)), "base": In(MEMORY_BITS), "halt": In(1),
            "o": Out(stream.Signature(Request)), "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        write, sent = signals("write sent")
        word = Signal(MEMORY_BITS - 3)
        left, room, length = signals("left room length", 10)
        words_a_page = PAGE // BYTES
        m.d.comb += [
            self.idle.eq(left == 0), self.o.valid.eq(left != 0),
            self.bursts.ready.eq(self.idle & ~self.halt),
            room.eq(words_a_page - word[:words_a_page.bit_length() - 1]),
            length.eq(Mux(left < room, left, room)),
            self.o.payload.write.eq(write), self.o.payload.burst.addr.eq(word << 3),
            self.o.payload.burst.len.eq(length - 1),
            sent.eq(self.o.valid & self.o.ready),
        ]
        with m.If(self.bursts.valid & self.bursts.ready):
            m.d.sync += [
                write.eq(self.bursts.payload.write), left.eq(self.bursts.payload.length + 1),
                word.eq(self.base[3:] + self.bursts.payload.address),
            ]
        with m.If(sent):
            m.d.sync += [left.eq(Mux(self.halt, 0, left - length)), word.eq(word + length)]
        return m


class AxiReader(Block):
    """Reads: bursts out on AR, words back from R, in order as all have one ID.

    Members
    -------
    i : bursts. ar, r : the channels.
    words : to the chip.
    discard : throw words away instead.
    idle : no burst is waiting or outstanding.
    error : pulse; a word came with SLVERR or DECERR.
    """

    module_name = "axi_reader"

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(MemoryBurst)), "words": Out(stream.Signature(QUAD)),
            "discard": In(1), "idle": Out(1), "error": Out(1),
            "ar": Out(stream.Signature(MemoryBurst)), "r": In(stream.Signature(MASTER_CHANNELS["r"][0])),
        })

    def elaborate(self, platform):
        m = Module()
        begun, moved, ended = signals("begun moved ended")
        outstanding = begin_bursts(m, self.i, self.ar, begun, ended)
        m.d.comb += [
            begun.eq(self.i.valid & self.i.ready),
            self.words.valid.eq(self.r.valid & ~self.discard), self.words.payload.eq(self.r.payload.data),
            self.r.ready.eq(self.words.ready | self.discard),
            moved.eq(self.r.valid & self.r.ready),
            ended.eq(moved & self.r.payload.last), self.error.eq(moved & self.r.payload.resp[1]),
            self.idle.eq(outstanding == 0),
        ]
        return m


class AxiWriter(Block):
    """Writes: bursts out on AW, their words on W, and an answer for each on B.

    Members
    -------
    i : bursts. aw, w, b : the channels.
    words : from the chip, a cycle before they are at `w`.
    discard : fill up the bursts that were begun with words that write no byte.
    idle : no burst is waiting or outstanding.
    error : pulse; a burst was answered by SLVERR or DECERR.
    """

    module_name = "axi_writer"

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(MemoryBurst)), "words": In(stream.Signature(QUAD)),
            "discard": In(1), "idle": Out(1), "error": Out(1),
            "aw": Out(stream.Signature(MemoryBurst)), "w": Out(stream.Signature(MASTER_CHANNELS["w"][0])),
            "b": In(stream.Signature(MASTER_CHANNELS["b"][0])),
        })

    def elaborate(self, platform):
        m = Module()
        begun, ended, load, last = signals("begun ended load last")
        word = Signal(8)
        lengths = place(m, Queue(8, OUTSTANDING), "lengths")  # never full: at most as many bursts are outstanding
        outstanding = begin_bursts(m, self.i, self.aw, begun, ended)
        m.d.comb += [
            begun.eq(self.i.valid & self.i.ready),
            lengths.i.valid.eq(begun), lengths.i.payload.eq(self.i.payload.len),
            load.eq(lengths.o.valid & (self.words.valid | self.discard) & (~self.w.valid | self.w.ready)),
            self.words.ready.eq(load & ~self.discard),
            last.eq(word == lengths.o.payload), lengths.o.ready.eq(load & last),
            self.b.ready.eq(1), ended.eq(self.b.valid), self.error.eq(self.b.valid & self.b.payload.resp[1]),
            self.idle.eq(outstanding == 0),
        ]
        with m.If(~self.w.valid | self.w.ready):
            m.d.sync += self.w.valid.eq(load)
        with m.If(load):
            m.d.sync += [
                self.w.payload.data.eq(self.words.payload), self.w.payload.last.eq(last),
                self.w.payload.strb.eq(Mux(self.discard, 0, Const(-1, BYTES))),
                word.eq(Mux(last, 0, word + 1)),
            ]
        return m


def begin_bursts(m, i, channel, begun, ended):
    """Bursts from `i` through a register to an address channel; the number outstanding, at most OUTSTANDING."""
    outstanding = Signal(range(OUTSTANDING + 1), name="outstanding")
    m.d.comb += i.ready.eq((~channel.valid | channel.ready) & (outstanding != OUTSTANDING))
    m.d.sync += outstanding.eq(outstanding + begun - ended)
    with m.If(~channel.valid | channel.ready):
        m.d.sync += [channel.valid.eq(begun), channel.payload.eq(i.payload)]
    return outstanding


class AxiMaster(Block):
    """The chip's DRAM streams on one side, an AXI4 master on the other.

        commands --> splitter --+--> reader --> AR      words <-- reader <-- R
                                +--> writer --> AW      words --> writer --> W, B

    Reads and writes do not wait for each other: no layer reads what it wrote.

    Members
    -------
    dram : In(DramLink), the chip's.
    ar, aw, w : Out(stream), r, b : In(stream), the channels.
    base : In(64), address of DRAM word 0, a multiple of 8.
    halt : In(1), begin no burst, and finish those that were begun without the chip.
    idle : Out(1), no burst is waiting or outstanding.
    read_error, write_error : Out(1), a word, or a burst, was answered by SLVERR or DECERR in this cycle.
    """

    module_name = "axi_master"

    def __init__(self):
        super().__init__({
            "dram": In(DramLink()), "base": In(MEMORY_BITS),
            "halt": In(1), "idle": Out(1), "read_error": Out(1), "write_error": Out(1),
        } | {name: way(stream.Signature(payload)) for name, (payload, way) in MASTER_CHANNELS.items()})

    def elaborate(self, platform):
        m = Module()
        splitter, reader, writer = (place(m, block, name) for block, name in (
            (AxiSplitter(), "splitter"), (AxiReader(), "reader"), (AxiWriter(), "writer")))
        connect(m, flipped(self.dram.bursts), splitter.bursts)
        connect(m, flipped(self.dram.write_words), writer.words)
        connect(m, reader.words, flipped(self.dram.read_words))
        writes = splitter.o.payload.write
        for block, mine in ((reader, ~writes), (writer, writes)):
            m.d.comb += [
                block.i.valid.eq(splitter.o.valid & mine), block.i.payload.eq(splitter.o.payload.burst),
                block.discard.eq(self.halt),
            ]
        connect(m, reader.ar, flipped(self.ar))
        connect(m, flipped(self.r), reader.r)
        connect(m, writer.aw, flipped(self.aw))
        connect(m, writer.w, flipped(self.w))
        connect(m, flipped(self.b), writer.b)
        m.d.comb += [
            splitter.o.ready.eq(Mux(writes, writer.i.ready, reader.i.ready)),
            splitter.base.eq(self.base), splitter.halt.eq(self.halt),
            self.idle.eq(splitter.idle & reader.idle & writer.idle),
            self.read_error.eq(reader.error), self.write_error.eq(writer.error),
        ]
        return m
