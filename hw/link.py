"""Every crossing between the core clock and the link clock: asynchronous FIFOs (Fig. 2), single levels."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In, Out

from .layouts import QUAD, Burst
from .place import Block, place
from .stream import join

__all__ = ["AsyncQueue", "LevelSync", "Link"]


class AsyncQueue(Block):
    """A queue from clock domain `write` to clock domain `read`.

    Members
    -------
    i, o : streams, each in its own domain.
    empty : every word has been taken, as seen from the `write` side some cycles late.
    """

    domains = ("write", "read")

    def __init__(self, width, depth):
        self._width, self._depth = width, depth
        self.module_name = f"async_queue_{width}x{depth}"
        super().__init__({
            "i": In(stream.Signature(width)), "o": Out(stream.Signature(width)), "empty": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = AsyncFIFO(width=self._width, depth=self._depth,
                                             w_domain="write", r_domain="read")
        m.d.comb += [
            fifo.w_data.eq(self.i.payload), fifo.w_en.eq(self.i.valid), self.i.ready.eq(fifo.w_rdy),
            self.o.payload.eq(fifo.r_data), self.o.valid.eq(fifo.r_rdy), fifo.r_en.eq(self.o.ready),
            self.empty.eq(fifo.w_level == 0),
        ]
        return m


class LevelSync(Block):
    """A single bit into this module's clock domain, through two flip-flops.

    For levels that stay until they were seen; `i` comes from a flip-flop of the other domain.
    """

    module_name = "level_sync"

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        first = Signal(reset_less=True)
        settled = Signal(reset_less=True)
        m.d.sync += [first.eq(self.i), settled.eq(first)]
        m.d.comb += self.o.eq(settled)
        return m


class Link(Block):
    """Commands and write data to the link, read data from it.

    Members
    -------
    bursts, write_words, read_words : core side.
    link_bursts, link_write_words, link_read_words : link side.
    written : the link has taken every command and write word.
    """

    module_name = "link"
    domains = ("sync", "link")
    DEPTH = 8  # enough for a word a link cycle in spite of the synchronisers; one module serves all three

    def __init__(self):
        super().__init__({
            "bursts": In(stream.Signature(Burst)), "write_words": In(stream.Signature(QUAD)),
            "read_words": Out(stream.Signature(QUAD)), "written": Out(1),
            "link_bursts": Out(stream.Signature(Burst)), "link_write_words": Out(stream.Signature(QUAD)),
            "link_read_words": In(stream.Signature(QUAD)),
        })

    def elaborate(self, platform):
        m = Module()
        outward, inward = {"write": "sync", "read": "link"}, {"write": "link", "read": "sync"}
        commands = place(m, AsyncQueue(QUAD, self.DEPTH), "commands", outward)
        writes = place(m, AsyncQueue(QUAD, self.DEPTH), "writes", outward)
        reads = place(m, AsyncQueue(QUAD, self.DEPTH), "reads", inward)
        join(m, self.bursts, commands.i)
        join(m, commands.o, self.link_bursts)
        join(m, self.write_words, writes.i)
        join(m, writes.o, self.link_write_words)
        join(m, self.link_read_words, reads.i)
        join(m, reads.o, self.read_words)
        m.d.comb += self.written.eq(commands.empty & writes.empty)
        return m
