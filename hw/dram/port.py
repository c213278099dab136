"""All that faces DRAM, as one module: the readers and the writer, the arbiter, the link."""

from amaranth.hdl import Module
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hw.config.fields import ADDRESS_BITS
from hw.kit.block import Block, place
from hw.kit.crossing import Link, LinkTick
from hw.kit.payloads import QUAD
from hw.kit.settings import setting_ports
from hw.kit.stream import Queue, join

from .bursts import READERS, BurstArbiter, BurstReader, BurstWriter

__all__ = ["DramPort"]


class DramPort(Block):
    """The chip's side of DRAM.

    Members
    -------
    start : begin the layer.
    bias_words, filter_words, ifmap_words : from DRAM. Filter words never wait: their buffer has room for
        what was asked for, and tells by `filter_freed` of each word that leaves; the others have queues.
    reading : for each reader, a word is still to be read, or lies in a queue.
    link_tick : see `LinkTick`.
    ofmap_words : to DRAM; `flush` says that no more will come; `written` that DRAM has them all;
        `wrote` counts them.
    dram_* : link clock.
    """

    module_name = "dram_port"
    domains = ("sync", "link")
    SETTINGS = ("ifmap_base ifmap_last filter_base filter_last filter_ragged bias_base bias_last"
                " bias_ragged ofmap_base filters_last blocks_last")

    def __init__(self, chip):
        self._chip = chip
        words = {f"{name}_words": Out(stream.Signature(QUAD)) for name in READERS}
        super().__init__(setting_ports(chip, self.SETTINGS) | words | {
            "start": In(1), "filter_freed": In(1), "link_tick": Out(1),
            "reading": Out(data.StructLayout(dict.fromkeys(READERS, 1))),
            "ofmap_words": In(stream.Signature(QUAD)), "flush": In(1), "written": Out(1), "wrote": Out(1),
            "dram_cmd_valid": Out(1), "dram_cmd_ready": In(1), "dram_cmd_write": Out(1),
            "dram_cmd_address": Out(ADDRESS_BITS), "dram_cmd_length": Out(8),
            "dram_wdata_valid": Out(1), "dram_wdata_ready": In(1), "dram_wdata": Out(QUAD),
            "dram_rdata_valid": In(1), "dram_rdata_ready": Out(1), "dram_rdata": In(QUAD),
        })

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        arbiter = place(m, BurstArbiter(), "arbiter")
        by_filters = {"stretch_last": self.filters_last, "repeat_last": self.blocks_last}
        weights = self._reader(m, arbiter, "filter", **by_filters, ragged=self.filter_ragged,
                               capacity=2 * chip.filter_bank_words, freed=self.filter_freed)
        join(m, arbiter.filter_words, self.filter_words)
        biases = self._queued_reader(m, arbiter, "bias", **by_filters, ragged=self.bias_ragged)
        ifmaps = self._queued_reader(m, arbiter, "ifmap", stretch_last=0, repeat_last=self.filters_last,
                                     ragged=self.ifmap_last)
        tick = place(m, LinkTick(), "tick")
        m.d.comb += [
            self.reading.filter.eq(weights), self.reading.bias.eq(biases), self.reading.ifmap.eq(ifmaps),
            self.link_tick.eq(tick.o),
        ]
        writer = place(m, BurstWriter(chip), "writer")
        link = place(m, Link(), "link")
        join(m, self.ofmap_words, writer.i)
        join(m, writer.bursts, arbiter.ofmap)
        join(m, writer.o, link.write_words)
        join(m, arbiter.bursts, link.bursts)
        join(m, link.read_words, arbiter.words)
        m.d.comb += [
            writer.start.eq(self.start), writer.base.eq(self.ofmap_base), writer.flush.eq(self.flush),
            self.written.eq(writer.empty & link.written), self.wrote.eq(writer.o.valid & writer.o.ready),
        ]
        self._pins(m, link)
        return m

    def _reader(self, m, arbiter, name, *, stretch_last, repeat_last, ragged, capacity, freed):
        """Bursts for a data type; returns whether some are still to come."""
        reader = place(m, BurstReader(self._chip), f"{name}_reader")
        m.d.comb += [
            reader.start.eq(self.start), reader.base.eq(getattr(self, f"{name}_base")),
            reader.last.eq(getattr(self, f"{name}_last")), reader.ragged.eq(ragged),
            reader.stretch_last.eq(stretch_last), reader.repeat_last.eq(repeat_last),
            reader.capacity.eq(capacity),
        ]
        m.d.sync += reader.freed.eq(freed)
        join(m, reader.bursts, getattr(arbiter, name))
        return reader.running

    def _queued_reader(self, m, arbiter, name, **stretches):
        """The same for a data type whose words wait in a queue of two bursts."""
        depth = 2 * self._chip.burst_words
        queue = place(m, Queue(QUAD, depth), f"{name}_queue")
        join(m, getattr(arbiter, f"{name}_words"), queue.i)
        join(m, queue.o, getattr(self, f"{name}_words"))
        running = self._reader(m, arbiter, name, **stretches, capacity=depth,
                               freed=queue.o.valid & queue.o.ready)
        return running | queue.o.valid

    def _pins(self, m, link):
        m.d.comb += [
            self.dram_cmd_valid.eq(link.link_bursts.valid), link.link_bursts.ready.eq(self.dram_cmd_ready),
            self.dram_cmd_write.eq(link.link_bursts.payload.write),
            self.dram_cmd_address.eq(link.link_bursts.payload.address),
            self.dram_cmd_length.eq(link.link_bursts.payload.length),
            self.dram_wdata_valid.eq(link.link_write_words.valid),
            link.link_write_words.ready.eq(self.dram_wdata_ready),
            self.dram_wdata.eq(link.link_write_words.payload),
            link.link_read_words.valid.eq(self.dram_rdata_valid),
            self.dram_rdata_ready.eq(link.link_read_words.ready),
            link.link_read_words.payload.eq(self.dram_rdata),
        ]
