"""Reading ahead: a queue behind a memory that answers one cycle after the request."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from .layouts import QUAD
from .place import Block, place
from .stream import Queue, join

__all__ = ["Prefetch"]


class Prefetch(Block):
    """A queue with room promised before a word is asked for.

    Members
    -------
    room : a request may be made in this cycle.
    requested : a request was made; its word is at `data` in the next cycle.
    o : the words.
    """

    DEPTH = 4
    module_name = "prefetch"

    def __init__(self):
        super().__init__({
            "room": Out(1), "requested": In(1), "data": In(QUAD), "o": Out(stream.Signature(QUAD)),
        })

    def elaborate(self, platform):
        m = Module()
        queue = place(m, Queue(QUAD, self.DEPTH), "queue")
        coming = Signal()
        m.d.sync += coming.eq(self.requested)
        m.d.comb += [
            self.room.eq(queue.level + coming < self.DEPTH),
            queue.i.valid.eq(coming), queue.i.payload.eq(self.data),
        ]
        join(m, queue.o, self.o)
        return m
