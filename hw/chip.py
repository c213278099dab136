"""The top (Fig. 2): array, GLB, data paths, link."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, connect

from hw.array.array import PEArray
from hw.config.counters import COUNTERS
from hw.dram.pins import DRAM_PINS, link_to_pins
from hw.dram.port import DramPort
from hw.kit.block import Block, place
from hw.paths.filter import FilterBuffer, FilterDecoder, FilterSender
from hw.paths.glb import Glb
from hw.paths.ifmap import IfmapLoader, IfmapReader, IfmapSender
from hw.paths.int8_ofmap import Int8OfmapDrain
from hw.paths.ofmap import OfmapDrain
from hw.paths.psum import PsumCollector, PsumReader, PsumSender
from hw.paths.rlc import RlcDecoder, RlcEncoder
from hw.paths.wide_ifmap import WideIfmapSender

from .controller import LayerController
from .counters import Counters
from .scan import ScanChain

__all__ = ["Eyeriss"]


class Eyeriss(Block):
    """The whole chip.

        link | core
        DRAM <-> dram port ------------> filter buffer -> sender -> filter GIN -+
                   | +--> RLC decoder -> GLB ifmaps ----> sender -> ifmap GIN --+-> PEs -> GON
                   |                     GLB psums -----> sender -> psum GIN ---+           |
                   +- RLC encoder <- ofmap drain <- GLB psums <--------- collector <--------+

    `rst` and `link_rst` are active high, synchronous each to its clock, and are high together for at least four
    cycles of the slower one.

    Members
    -------
    scan_enable, scan_in, scan_out : In(1), In(1), Out(1), the scan chain, see `ScanChain`.
    start : In(1), begin a layer in this cycle.
    busy : Out(1), a layer runs, from the cycle after `start` on.
    done : Out(1), the last layer has ended, until the next start.
    fault : Out(1), it met a fault, until the next start.
    counter_select : In(6), number of a counter.
    counter_value : Out(64), that counter, a cycle later.
    dram_* : link clock, see `hw.dram.pins`: commands (word address, words - 1), write data, read data.
    """

    module_name = "eyeriss"
    domains = ("sync", "link")

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "scan_enable": In(1), "scan_in": In(1), "scan_out": Out(1),
            "start": In(1), "busy": Out(1), "done": Out(1), "fault": Out(1),
            "counter_select": In(6), "counter_value": Out(64),
        } | DRAM_PINS)

    def elaborate(self, platform):
        m = Module()
        parts = _Parts(m, self._chip)
        parts.configure(m)
        parts.stream(m)
        parts.keep_in_glb(m)
        parts.watch(m)
        parts.count(m)
        self._pins(m, parts)
        return m

    def _pins(self, m, parts):
        scan, control, counters = parts.scan, parts.control, parts.counters
        link_to_pins(m, parts.port.link, self)
        m.d.comb += [
            scan.enable.eq(self.scan_enable), scan.scan_in.eq(self.scan_in), self.scan_out.eq(scan.scan_out),
            control.start.eq(self.start), self.busy.eq(control.busy), self.done.eq(control.done),
            self.fault.eq(control.fault),
            counters.select.eq(self.counter_select), self.counter_value.eq(counters.value),
        ]


def _moved(words):
    return words.valid & words.ready


class _Parts:
    """The chip's modules, and the wires between them."""

    def __init__(self, m, chip):
        self._chip = chip
        self.scan = place(m, ScanChain(chip), "scan")
        self.control = place(m, LayerController(self._chip.rows), "control")
        self.counters = place(m, Counters(chip), "counters")
        self.array = place(m, PEArray(chip), "array")
        self.glb = place(m, Glb(chip), "glb")
        self.filter_buffer = place(m, FilterBuffer(chip), "filter_buffer")
        self.filter_decoder = place(m, FilterDecoder(chip), "filter_decoder") if chip.coded_weights else None
        self.filter_sender = place(m, FilterSender(chip), "filter_sender")
        self.decoder = place(m, RlcDecoder(chip), "rlc_decoder")
        self.loader = place(m, IfmapLoader(chip), "ifmap_loader")
        self.ifmap_reader = place(m, IfmapReader(chip), "ifmap_reader")
        sender = IfmapSender if chip.ifmap_bus_values == 1 else WideIfmapSender
        self.ifmap_sender = place(m, sender(chip), "ifmap_sender")
        self.psum_reader = place(m, PsumReader(chip), "psum_reader")
        self.psum_sender = place(m, PsumSender(chip), "psum_sender")
        self.collector = place(m, PsumCollector(chip), "psum_collector")
        self.drain = place(m, (OfmapDrain if chip.data_width == 16 else Int8OfmapDrain)(chip), "ofmap_drain")
        self.encoder = place(m, RlcEncoder(chip), "rlc_encoder")
        self.port = place(m, DramPort(chip), "dram_port")

    def configure(self, m):
        """The scan chain's fields, and the start of a layer."""
        scan, port = self.scan, self.port
        connect(m, scan.pe, self.array.pe)
        connect(m, scan.networks, self.array.networks)
        connect(m, scan.filter_walk, self.filter_sender.filter_walk)
        connect(m, scan.ifmap_tile, self.ifmap_sender.ifmap_tile)
        connect(m, scan.dram, port.dram)
        for loops in (self.loader.loops, self.ifmap_reader.loops, self.ifmap_sender.loops, self.psum_reader.loops,
                      self.psum_sender.loops, self.collector.loops, self.drain.loops):
            connect(m, scan.loops, loops)
        for words in (self.loader.tile_words, self.ifmap_reader.tile_words, self.psum_reader.tile_words):
            connect(m, scan.tile_words, words)
        for path in (self.psum_sender, self.collector, self.drain):
            connect(m, scan.ofmap_tile, path.ofmap_tile)
            connect(m, scan.psum_walk, path.psum_walk)
        for glb in (self.ifmap_reader.glb, self.psum_reader.glb, self.collector.glb, self.drain.glb):
            connect(m, scan.glb, glb)
        int8 = self._chip.data_width == 8
        m.d.comb += [
            port.filters_last.eq(scan.loops.filters_last), port.blocks_last.eq(scan.loops.blocks_last),
            self.decoder.raw.eq(scan.formats.ifmap_raw), self.loader.raw.eq(scan.formats.ifmap_raw),
            self.loader.ifmap_coded.eq(scan.formats.ifmap_coded),
            self.ifmap_reader.ifmap_coded.eq(scan.formats.ifmap_coded),
            self.encoder.raw.eq(scan.formats.ofmap_raw),
            self.drain.ofmap_zero.eq(scan.formats.ofmap_zero) if int8 else self.drain.relu.eq(scan.formats.relu),
        ]
        if self.filter_decoder:
            m.d.comb += self.filter_decoder.filter_raw.eq(scan.formats.filter_raw)
        if self._chip.filter_bus_values < self._chip.word_values:
            m.d.comb += self.filter_sender.filter_words.eq(scan.pe.filter_words)
        if self._chip.psum_bus_values < self._chip.word_psums:
            m.d.comb += [self.psum_sender.p_last.eq(scan.pe.p_last), self.collector.p_last.eq(scan.pe.p_last)]
        m.d.comb += [path.start.eq(self.control.go) for path in (
            self.loader, self.ifmap_reader, self.ifmap_sender, self.psum_reader, self.psum_sender, self.collector,
            self.drain, port)]

    def stream(self, m):
        """Words from DRAM to the array and back."""
        port, array = self.port, self.array
        connect(m, port.filter_words, self.filter_buffer.i)
        if self.filter_decoder:
            connect(m, self.filter_buffer.o, self.filter_decoder.i)
        connect(m, (self.filter_decoder or self.filter_buffer).o, self.filter_sender.i)
        connect(m, self.filter_sender.o, array.filters)
        self._ifmaps(m)
        connect(m, self.ifmap_sender.o, array.ifmaps)
        connect(m, self.psum_reader.o, self.psum_sender.i)
        connect(m, self.psum_sender.o, array.psums)
        connect(m, self.collector.requests, array.requests)
        connect(m, array.ofmaps, self.collector.i)
        connect(m, port.bias_words, self.drain.biases)
        connect(m, self.drain.o, self.encoder.i)
        connect(m, self.encoder.o, port.ofmap_words)
        m.d.comb += [
            port.filter_freed.eq(self.filter_buffer.freed), port.flush.eq(self.control.flush),
            self.control.written.eq(port.written), self.psum_reader.written.eq(self.collector.written),
            self.drain.finished.eq(self.collector.finished), self.collector.drained.eq(self.drain.drained),
        ]

    def _ifmaps(self, m):
        """The checked decoder ahead of the GLB, or, for ifmaps that are coded in the GLB, behind it."""
        coded, words = self.scan.formats.ifmap_coded, self.port.ifmap_words
        decoder, loader, reader, sender = self.decoder, self.loader, self.ifmap_reader, self.ifmap_sender
        connect(m, decoder.o, loader.i)
        for sink, ahead, behind in (
            (decoder.i, words, reader.o), (reader.i, loader.o, words), (sender.i, reader.o, loader.o),
        ):
            m.d.comb += [
                sink.valid.eq(Mux(coded, behind.valid, ahead.valid)),
                sink.payload.eq(Mux(coded, behind.payload, ahead.payload)),
            ]
        for source, ahead, behind in (
            (words, decoder.i, reader.i), (reader.o, sender.i, decoder.i), (loader.o, reader.i, sender.i),
        ):
            m.d.comb += source.ready.eq(Mux(coded, behind.ready, ahead.ready))

    def keep_in_glb(self, m):
        connect(m, self.ifmap_reader.read, self.glb.ifmap_read)
        connect(m, self.ifmap_reader.write, self.glb.ifmap_write)
        connect(m, self.collector.write, self.glb.psum_write)
        connect(m, self.psum_reader.read, self.glb.psum_read)
        connect(m, self.drain.read, self.glb.ofmap_read)

    def watch(self, m):
        """What the controller sees, and the words that are left over when a layer has ended."""
        control, port, array = self.control, self.port, self.array
        self.leftover = leftover = Signal(data.StructLayout({"filters": 1, "ifmaps": 1, "biases": 1}))
        m.d.comb += [
            control.unclaimed.eq(array.unclaimed.as_value().any()), control.macs_busy.eq(array.macs != 0),
            control.ifmap_starved.eq(self.ifmap_reader.starved),
            control.filter_starved.eq(self.filter_buffer.starved),
            control.malformed.eq(self.loader.malformed),
            leftover.filters.eq(port.reading.filter | ~self.filter_buffer.starved | self.filter_sender.partial
                                | array.filters_held),
            leftover.ifmaps.eq(port.reading.ifmap | self.loader.running),
            leftover.biases.eq(port.reading.bias),
            control.leftover.eq(leftover.as_value().any()), control.link_tick.eq(port.link_tick),
            control.link_moves.eq(_moved(port.ifmap_words) | _moved(port.filter_words)
                                  | _moved(port.bias_words) | port.wrote),
            control.ofmap_blocked.eq(self.collector.blocked), control.collecting.eq(self.collector.running),
            control.draining.eq(self.drain.running | self.encoder.running),
        ]

    def count(self, m):
        """Each event to its counter."""
        # the table of counters is the list of inputs, by their names
        inputs = {path[0]: value for path, _, value in self.counters.signature.flatten(self.counters)}
        grows = self._events() | self._faults()
        m.d.comb += self.counters.clear.eq(self.control.begins)
        m.d.comb += [inputs[name].eq(grows[name]) for name in COUNTERS]

    def _events(self):
        control, array, port = self.control, self.array, self.port
        return {
            "cycles": control.busy, "mac_cycles": control.mac_cycle, "ramp_cycles": control.ramp,
            "wait_ifmap_cycles": control.wait_ifmap, "wait_filter_cycles": control.wait_filter,
            "wait_ofmap_cycles": control.wait_ofmap,
            "macs": array.macs, "gated_macs": array.gated, "passes": self.ifmap_sender.pass_ends,
            "glb_ifmap_reads": _moved(self.ifmap_reader.read), "glb_ifmap_writes": _moved(self.ifmap_reader.write),
            "glb_psum_reads": _moved(self.psum_reader.read), "glb_psum_writes": _moved(self.collector.write),
            "glb_ofmap_reads": _moved(self.drain.read),
            "glb_filter_reads": self.filter_buffer.freed, "glb_filter_writes": _moved(self.filter_buffer.i),
            "noc_ifmaps": _moved(array.ifmaps), "noc_filters": _moved(array.filters),
            "noc_psums_in": _moved(array.psums), "noc_psums_out": _moved(array.ofmaps),
            "dram_ifmap": _moved(port.ifmap_words), "dram_filter": _moved(port.filter_words),
            "dram_bias": _moved(port.bias_words), "dram_ofmap": port.wrote,
        }

    def _faults(self):
        control, unclaimed, leftover = self.control, self.array.unclaimed, self.leftover
        return {
            "unclaimed_filters": unclaimed.filters, "unclaimed_ifmaps": unclaimed.ifmaps,
            "unclaimed_psums": unclaimed.psums, "unclaimed_requests": unclaimed.requests,
            "malformed_ifmaps": self.loader.malformed,
            "stuck_ifmaps": control.stuck & control.wait_ifmap, "stuck_filters": control.stuck & control.wait_filter,
            "stuck_ofmaps": control.stuck & control.wait_ofmap,
            "stuck_array": control.stuck & (control.ramp | control.mac_cycle),
            "surplus_filters": control.ends & leftover.filters, "surplus_ifmaps": control.ends & leftover.ifmaps,
            "surplus_biases": control.ends & leftover.biases,
        }
