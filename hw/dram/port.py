"""All that faces DRAM, as one module: the readers and the writer, the arbiter, the link."""

from amaranth.hdl import Module, Mux
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import BLOCK_BITS, LOOP_BITS, Dram
from hw.kit.block import Block, place
from hw.kit.crossing import Link, LinkTick
from hw.kit.interfaces import DramLink
from hw.kit.payloads import QUAD
from hw.kit.settings import Settings
from hw.kit.stream import Queue

from .bursts import BurstArbiter, BurstReader, BurstWriter

__all__ = ["DramPort"]

READING = data.StructLayout({"bias": 1, "filter": 1, "ifmap": 1})


class DramPort(Block):
    """The chip's side of DRAM.

    Members
    -------
    dram : In(Settings).
    filters_last : In(12), blocks_last : In(16), settings of the layer's loops.
    start : In(1), begin the layer in this cycle.
    bias_words, ifmap_words : Out(stream of 64 bits), from DRAM, out of queues.
    filter_words : Out(stream of 64 bits), from DRAM; must be ready: only what the filter buffer has room for was
        asked for.
    filter_freed : In(1), a word leaves the filter buffer in this cycle.
    reading : Out(READING), for each reader, a word is still to be read, or lies in a queue.
    ofmap_words : In(stream of 64 bits), to DRAM.
    flush : In(1), no more ofmap words will come.
    wrote : Out(1), an ofmap word leaves for the link in this cycle.
    written : Out(1), all ofmap words have been taken on the link side.
    link_tick : Out(1), see `LinkTick`.
    link : Out(DramLink), link clock.
    """

    module_name = "dram_port"
    domains = ("sync", "link")

    def __init__(self, chip):
        self._chip = chip
        words = stream.Signature(QUAD)
        super().__init__({
            "dram": In(Settings(Dram, chip)), "filters_last": In(LOOP_BITS), "blocks_last": In(BLOCK_BITS),
            "start": In(1), "bias_words": Out(words), "filter_words": Out(words), "ifmap_words": Out(words),
            "filter_freed": In(1), "link_tick": Out(1), "reading": Out(READING),
            "ofmap_words": In(words), "flush": In(1), "written": Out(1), "wrote": Out(1), "link": Out(DramLink()),
        })

    def elaborate(self, platform):
        m = Module()
        link, arbiter = place(m, Link(), "link"), place(m, BurstArbiter(), "arbiter")
        tick = place(m, LinkTick(), "tick")
        connect(m, link.link, flipped(self.link))
        connect(m, arbiter.bursts, link.core.bursts)
        connect(m, link.core.read_words, arbiter.words)
        m.d.comb += self.link_tick.eq(tick.o)
        self._read(m, arbiter)
        self._write(m, arbiter, link)
        return m

    def _read(self, m, arbiter):
        """Weights and biases again for each block, ifmaps again for each group of filters."""
        chip, dram = self._chip, self.dram
        connect(m, arbiter.filter_words, flipped(self.filter_words))
        filters = self._reader(m, "filter", arbiter.filter, 2 * chip.filter_bank_words, self.filter_freed)
        biases, bias_queue = self._queued_reader(m, "bias", arbiter.bias, arbiter.bias_words, self.bias_words)
        ifmaps, ifmap_queue = self._queued_reader(m, "ifmap", arbiter.ifmap, arbiter.ifmap_words, self.ifmap_words)
        for reader in (filters, biases):
            m.d.comb += [reader.stretch_last.eq(self.filters_last), reader.repeat_last.eq(self.blocks_last)]
        m.d.comb += [
            filters.base.eq(dram.filter_base), filters.last.eq(dram.filter_last),
            filters.ragged.eq(dram.filter_ragged),
            biases.base.eq(dram.bias_base), biases.last.eq(dram.bias_last), biases.ragged.eq(dram.bias_ragged),
            ifmaps.base.eq(dram.ifmap_base), ifmaps.last.eq(dram.ifmap_last), ifmaps.ragged.eq(dram.ifmap_last),
            ifmaps.stretch_last.eq(0), ifmaps.repeat_last.eq(Mux(dram.ifmap_once, 0, self.filters_last)),
            self.reading.filter.eq(filters.running), self.reading.bias.eq(biases.running | bias_queue.o.valid),
            self.reading.ifmap.eq(ifmaps.running | ifmap_queue.o.valid),
        ]

    def _reader(self, m, name, bursts, capacity, freed):
        """Bursts for a buffer of `capacity` words that is `freed` of one."""
        reader = place(m, BurstReader(self._chip), f"{name}_reader")
        connect(m, reader.bursts, bursts)
        m.d.comb += [reader.start.eq(self.start), reader.capacity.eq(capacity)]
        m.d.sync += reader.freed.eq(freed)
        return reader

    def _queued_reader(self, m, name, bursts, words, out):
        """The same for words that wait in a queue of two bursts; the reader and the queue."""
        depth = 2 * self._chip.burst_words
        queue = place(m, Queue(QUAD, depth), f"{name}_queue")
        connect(m, words, queue.i)
        connect(m, queue.o, flipped(out))
        return self._reader(m, name, bursts, depth, queue.o.valid & queue.o.ready), queue

    def _write(self, m, arbiter, link):
        writer = place(m, BurstWriter(self._chip), "writer")
        connect(m, flipped(self.ofmap_words), writer.i)
        connect(m, writer.bursts, arbiter.ofmap)
        connect(m, writer.o, link.core.write_words)
        m.d.comb += [
            writer.start.eq(self.start), writer.base.eq(self.dram.ofmap_base), writer.flush.eq(self.flush),
            self.written.eq(writer.empty & link.written), self.wrote.eq(writer.o.valid & writer.o.ready),
        ]
