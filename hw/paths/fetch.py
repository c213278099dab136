"""Reading ahead: queues before and behind a memory that answers one cycle after the request."""

from amaranth.hdl import Cat, Module, Shape, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.payloads import QUAD
from hw.kit.settings import attach
from hw.kit.stream import Queue, join

__all__ = ["GlbReader", "Prefetch", "wire_reader"]


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


class GlbReader(Block):
    """Words of the GLB, from places that wait in a queue: what leads to the next place ends there.

    Members
    -------
    i : places, bank and row; o : their words.
    granted : a word is read in this cycle.
    read_* : requests to the GLB.
    """

    module_name = "glb_reader"

    def __init__(self, chip):
        bank, row = Shape.cast(range(chip.glb_banks)), Shape.cast(range(chip.glb_bank_words))
        super().__init__({
            "i": In(stream.Signature(bank.width + row.width)), "o": Out(stream.Signature(QUAD)), "granted": Out(1),
            "read_valid": Out(1), "read_ready": In(1), "read_bank": Out(bank), "read_row": Out(row),
            "read_data": In(QUAD),
        })

    def elaborate(self, platform):
        m = Module()
        places = place(m, Queue(len(self.i.payload), 2), "places")
        prefetch = place(m, Prefetch(), "prefetch")
        join(m, self.i, places.i)
        join(m, prefetch.o, self.o)
        m.d.comb += [
            self.read_valid.eq(places.o.valid & prefetch.room),
            Cat(self.read_bank, self.read_row).eq(places.o.payload),
            self.granted.eq(self.read_valid & self.read_ready), places.o.ready.eq(self.granted),
            prefetch.requested.eq(self.granted), prefetch.data.eq(self.read_data),
        ]
        return m


def wire_reader(m, reader, owner):
    """Wire the requests of a `GlbReader` to the ports of the data path it is part of."""
    attach(m, owner, reader, "read_valid read_bank read_row")
    attach(m, reader, owner, "read_ready read_data")
