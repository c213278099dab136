"""Reading ahead: queues before and behind a memory that answers one cycle after the request."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.kit.block import Block, place
from hw.kit.interfaces import GlbRead
from hw.kit.payloads import QUAD, glb_address
from hw.kit.stream import Queue

__all__ = ["GlbReader", "Prefetch"]


class Prefetch(Block):
    """A queue with room promised before a word is asked for.

    Latency: a word is at `o` two cycles after `requested`. Throughput: a word a cycle.

    Members
    -------
    room : Out(1), a request may be made in this cycle.
    requested : In(1), a request is made in this cycle; its word is at `data` in the next one.
    data : In(64), the word asked for in the cycle before.
    o : Out(stream of 64 bits), the words in order.
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
        connect(m, queue.o, flipped(self.o))
        return m


class GlbReader(Block):
    """Words of the GLB for addresses that wait in a queue.

    The queue is there for its registers: whatever computes an address has a cycle of its own.
    Latency: a word is at `o` three cycles after its address was at `i`, or later where the GLB stalls.
    Throughput: a word a cycle.

    Members
    -------
    i : In(stream of glb_address), addresses.
    o : Out(stream of 64 bits), their words in order.
    granted : Out(1), a word is read in this cycle.
    read : Out(GlbRead), to the GLB.
    """

    module_name = "glb_reader"

    def __init__(self, chip):
        self._address = glb_address(chip)
        super().__init__({
            "i": In(stream.Signature(self._address)), "o": Out(stream.Signature(QUAD)), "granted": Out(1),
            "read": Out(GlbRead(chip)),
        })

    def elaborate(self, platform):
        m = Module()
        addresses = place(m, Queue(self._address, 2), "addresses")
        prefetch = place(m, Prefetch(), "prefetch")
        connect(m, flipped(self.i), addresses.i)
        connect(m, prefetch.o, flipped(self.o))
        m.d.comb += [
            self.read.valid.eq(addresses.o.valid & prefetch.room), self.read.address.eq(addresses.o.payload),
            self.granted.eq(self.read.valid & self.read.ready), addresses.o.ready.eq(self.granted),
            prefetch.requested.eq(self.granted), prefetch.data.eq(self.read.data),
        ]
        return m
