"""The top (Fig. 2): array, GLB, data paths, link."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from hw.array.array import ID_SETTINGS, NETWORKS, PE_SETTINGS, UNCLAIMED, PEArray
from hw.config.fields import ADDRESS_BITS
from hw.dram.port import DramPort
from hw.kit.block import Block, place
from hw.kit.payloads import QUAD
from hw.kit.settings import attach
from hw.kit.stream import join
from hw.paths.filter import FilterBuffer, FilterSender
from hw.paths.glb import CLIENTS, WRITERS, Glb
from hw.paths.ifmap import IfmapLoader, IfmapReader, IfmapSender, ifmap_route
from hw.paths.ofmap import OfmapDrain
from hw.paths.psum import PsumCollector, PsumReader, PsumSender
from hw.paths.rlc import RlcDecoder, RlcEncoder
from hw.paths.wide_ifmap import WideIfmapSender

from .controller import LayerController
from .counters import COUNTERS, Counters
from .scan import ScanChain

__all__ = ["Eyeriss"]

ARRAY_SETTINGS = f"{' '.join(PE_SETTINGS)} {ID_SETTINGS}"


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
    scan_enable, scan_in, scan_out : configuration, core clock.
    start, busy, done, fault : a layer; `start` is a pulse.
    counter_select, counter_value : see `hw.counters`; one cycle of latency.
    dram_* : link clock; commands (word address, words - 1), write data, read data.
    """

    module_name = "eyeriss"
    domains = ("sync", "link")

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "scan_enable": In(1), "scan_in": In(1), "scan_out": Out(1),
            "start": In(1), "busy": Out(1), "done": Out(1), "fault": Out(1),
            "counter_select": In(6), "counter_value": Out(64),
            "dram_cmd_valid": Out(1), "dram_cmd_ready": In(1), "dram_cmd_write": Out(1),
            "dram_cmd_address": Out(ADDRESS_BITS), "dram_cmd_length": Out(8),
            "dram_wdata_valid": Out(1), "dram_wdata_ready": In(1), "dram_wdata": Out(QUAD),
            "dram_rdata_valid": In(1), "dram_rdata_ready": Out(1), "dram_rdata": In(QUAD),
        })

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        scan = place(m, ScanChain(chip), "scan")
        control = place(m, LayerController(chip.rows), "control")
        counters = place(m, Counters(chip), "counters")
        array = place(m, PEArray(chip), "array")
        glb = place(m, Glb(chip), "glb")
        attach(m, array, scan, ARRAY_SETTINGS)
        paths = {name: self._path(m, block, name, scan, control) for name, block in {
            "filter_buffer": FilterBuffer(chip), "filter_sender": FilterSender(chip),
            "rlc_decoder": RlcDecoder(), "ifmap_loader": IfmapLoader(chip),
            "ifmap_reader": IfmapReader(chip),
            "ifmap_sender": (IfmapSender if chip.ifmap_bus_values == 1 else WideIfmapSender)(chip),
            "psum_reader": PsumReader(chip), "psum_sender": PsumSender(chip),
            "psum_collector": PsumCollector(chip), "ofmap_drain": OfmapDrain(chip),
            "rlc_encoder": RlcEncoder(),
        }.items()}
        self._streams(m, array, paths)
        self._glb(m, glb, paths)
        port = self._path(m, DramPort(chip), "dram_port", scan, control)
        self._dram(m, port, scan, control, paths)
        self._host(m, scan, control, counters)
        self._watch(m, control, counters, array, paths, port)
        return m

    def _path(self, m, block, name, scan, control):
        ports = place(m, block, name)
        attach(m, ports, scan, getattr(block, "SETTINGS", ""))
        if "start" in block.signature.members:
            m.d.comb += ports.start.eq(control.go)
        return ports

    def _streams(self, m, array, paths):
        join(m, paths["filter_buffer"].o, paths["filter_sender"].i)
        join(m, paths["psum_reader"].o, paths["psum_sender"].i)
        for name in NETWORKS:
            join(m, paths[f"{name}_sender"].o, getattr(array, f"{name}s"))
        collector, drain = paths["psum_collector"], paths["ofmap_drain"]
        join(m, collector.requests, array.requests)
        join(m, array.ofmaps, collector.i)
        m.d.comb += [
            paths["psum_reader"].written.eq(collector.written),
            drain.finished.eq(collector.finished), collector.drained.eq(drain.drained),
        ]

    def _glb(self, m, glb, paths):
        owners = {"ifmap_read": "ifmap_reader", "ifmap_write": "ifmap_reader", "psum_write": "psum_collector",
                  "psum_read": "psum_reader", "ofmap_read": "ofmap_drain"}
        for client in CLIENTS:
            owner, way = paths[owners[client]], client.split("_")[1]
            m.d.comb += [getattr(glb, f"{client}_{port}").eq(getattr(owner, f"{way}_{port}"))
                         for port in ("valid", "bank", "row")]
            m.d.comb += getattr(owner, f"{way}_ready").eq(getattr(glb, f"{client}_ready"))
            near, far = getattr(owner, f"{way}_data"), getattr(glb, f"{client}_data")
            m.d.comb += far.eq(near) if client in WRITERS else near.eq(far)

    def _dram(self, m, port, scan, control, paths):
        drain, weights = paths["ofmap_drain"], paths["filter_buffer"]
        decoder, loader, encoder = paths["rlc_decoder"], paths["ifmap_loader"], paths["rlc_encoder"]
        join(m, port.bias_words, drain.biases)
        join(m, port.filter_words, weights.i)
        ifmap_route(m, scan.ifmap_coded, port.ifmap_words, decoder, loader, paths["ifmap_reader"],
                    paths["ifmap_sender"])
        join(m, drain.o, encoder.i)
        join(m, encoder.o, port.ofmap_words)
        m.d.comb += [
            decoder.raw.eq(scan.ifmap_raw), loader.raw.eq(scan.ifmap_raw), encoder.raw.eq(scan.ofmap_raw),
            port.start.eq(control.go), port.flush.eq(control.flush), control.written.eq(port.written),
            port.filter_freed.eq(weights.freed),
        ]
        for name, flow in port.signature.members.items():
            if name.startswith("dram_"):
                inner, outer = getattr(port, name), getattr(self, name)
                m.d.comb += inner.eq(outer) if flow.flow == In else outer.eq(inner)

    def _host(self, m, scan, control, counters):
        m.d.comb += [
            scan.enable.eq(self.scan_enable), scan.scan_in.eq(self.scan_in),
            self.scan_out.eq(scan.scan_out),
            control.start.eq(self.start), self.busy.eq(control.busy), self.done.eq(control.done),
            self.fault.eq(control.fault),
            counters.clear.eq(control.begins), counters.select.eq(self.counter_select),
            self.counter_value.eq(counters.value),
        ]

    def _watch(self, m, control, counters, array, paths, port):
        """What the controller and the counters see."""
        collector, drain, weights = paths["psum_collector"], paths["ofmap_drain"], paths["filter_buffer"]
        leftover = Signal(data.StructLayout({"filters": 1, "ifmaps": 1, "biases": 1}))

        def moved(words):
            return words.valid & words.ready

        m.d.comb += [
            control.unclaimed.eq(array.unclaimed.as_value().any()), control.macs_busy.eq(array.macs != 0),
            control.ifmap_starved.eq(paths["ifmap_reader"].starved),
            control.filter_starved.eq(weights.starved),
            control.malformed.eq(paths["ifmap_loader"].malformed),
            leftover.filters.eq(port.reading.filter | ~weights.starved | paths["filter_sender"].partial
                                | array.filters_held),
            leftover.ifmaps.eq(port.reading.ifmap | paths["ifmap_loader"].running),
            leftover.biases.eq(port.reading.bias),
            control.leftover.eq(leftover.as_value().any()), control.link_tick.eq(port.link_tick),
            control.link_moves.eq(moved(port.ifmap_words) | moved(port.filter_words)
                                  | moved(port.bias_words) | port.wrote),
            control.ofmap_blocked.eq(collector.blocked), control.collecting.eq(collector.running),
            control.draining.eq(drain.running | paths["rlc_encoder"].running),
        ]

        def granted(path, way):
            return getattr(paths[path], f"{way}_valid") & getattr(paths[path], f"{way}_ready")

        events = {
            "cycles": control.busy, "mac_cycles": control.mac_cycle, "ramp_cycles": control.ramp,
            "wait_ifmap_cycles": control.wait_ifmap, "wait_filter_cycles": control.wait_filter,
            "wait_ofmap_cycles": control.wait_ofmap,
            "macs": array.macs, "gated_macs": array.gated, "passes": paths["ifmap_sender"].pass_ends,
            "glb_ifmap_reads": granted("ifmap_reader", "read"),
            "glb_ifmap_writes": granted("ifmap_reader", "write"),
            "glb_psum_reads": granted("psum_reader", "read"),
            "glb_psum_writes": granted("psum_collector", "write"),
            "glb_ofmap_reads": granted("ofmap_drain", "read"),
            "glb_filter_reads": weights.freed,
            "glb_filter_writes": moved(weights.i),
            "noc_ifmaps": moved(array.ifmaps), "noc_filters": moved(array.filters),
            "noc_psums_in": moved(array.psums), "noc_psums_out": moved(array.ofmaps),
            "dram_ifmap": moved(port.ifmap_words), "dram_filter": moved(port.filter_words),
            "dram_bias": moved(port.bias_words), "dram_ofmap": port.wrote,
            "malformed_ifmaps": paths["ifmap_loader"].malformed,
            "stuck_ifmaps": control.stuck & control.wait_ifmap, "stuck_filters": control.stuck & control.wait_filter,
            "stuck_ofmaps": control.stuck & control.wait_ofmap,
            "stuck_array": control.stuck & (control.ramp | control.mac_cycle),
        }
        events |= {f"unclaimed_{name}": array.unclaimed[name] for name in UNCLAIMED.members}
        events |= {f"surplus_{name}": control.ends & leftover[name] for name in leftover.shape().members}
        m.d.comb += [getattr(counters, name).eq(events[name]) for name in COUNTERS]
