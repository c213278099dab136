"""Zero skipping, an option beyond the chip: a zero of the ifmap costs no cycles (`ChipConfig.zero_skip`).

The paper's PE gates its MACs while the ifmap value is zero but spends the p cycles all the same. Here a
scanner runs ahead of the MACs, a value a cycle, and hands on only what is not zero: while the p MACs of
one value are done, up to p - 1 zeros after it are passed over.

    ifmaps -> scanner -> group of p MACs -> psum spad
                 |             |
                 +-- address --+-> filter spad
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import Pe
from hw.kit.block import Block, place
from hw.kit.memory import TwoPortSram
from hw.kit.payloads import ifmap_bus_word, value_shape
from hw.kit.settings import Settings
from hw.kit.stream import signals, wrapped_increment

from .mac import MacFlags, mac_pipeline
from .pe import join_psums, pe_ports, shift_of
from .spads import IfmapSpad, PsumSpad, unpack_weights

__all__ = ["SkippingFilterSpad", "ZeroScanner", "ZeroSkipPE", "group_layout"]


def group_layout(depth, value):
    """One ifmap value that meets p weights, or just the `marker` of a position's end.

    `address` is the first weight's in the filter spad, `index` its number in the pass; `first` and `ends`
    tell the first and the last group of a position, `pass_ends` that it is the pass's last position.
    """
    return data.StructLayout({
        "value": value, "zero": 1, "address": range(depth), "index": range(depth), "first": 1, "ends": 1,
        "marker": 1, "pass_ends": 1,
    })


def _group(chip):
    return group_layout(chip.filter_spad_words, value_shape(chip.data_width))


class ZeroScanner(Block):
    """Finds the values of each window that are not zero.

    Latency: a group is at `o` a cycle after its value was at the spad's read pointer. Throughput: a value a cycle.

    Members
    -------
    pe : In(Settings).
    i : In(stream), words of the ifmap bus.
    o : Out(stream of group_layout), groups. A window of zeros makes one group, of its last value.
    """

    module_name = "zero_scanner"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "pe": In(Settings(Pe, chip)),
            "i": In(stream.Signature(ifmap_bus_word(chip.ifmap_bus_values, chip.data_width))),
            "o": Out(stream.Signature(_group(chip))),
        })

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        spad = place(m, IfmapSpad(chip.ifmap_spad_words, chip.ifmap_fifo_depth, chip.ifmap_bus_values,
                                  chip.data_width), "ifmap_spad")
        connect(m, flipped(self.i), spad.i)
        step = Signal.like(self.pe.steps_last)
        some, last, emits, advance = signals("some last emits advance")  # some: a group of this window is out
        row_ends, row_ended, pass_ends, pass_ended = signals("row_ends row_ended pass_ends pass_ended")
        group = self.o.payload
        m.d.comb += [
            last.eq(step == self.pe.steps_last), emits.eq(~spad.zero | last),
            advance.eq(spad.available & (~emits | ~self.o.valid | self.o.ready)),
            row_ends.eq(Mux(step == 0, spad.row_ends, row_ended)),
            pass_ends.eq(Mux(step == 0, spad.pass_ends, pass_ended)),
            spad.step.eq(advance), spad.rewind.eq(last), spad.retire.eq(row_ends | (step < self.pe.slide)),
        ]
        index, address = self._places(m, advance, last, pass_ends)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += self.o.valid.eq(advance & emits)
        with m.If(advance):
            m.d.sync += [
                step.eq(Mux(last, 0, step + 1)), some.eq(~last & (some | ~spad.zero)),
                row_ended.eq(row_ends), pass_ended.eq(pass_ends),
            ]
            with m.If(emits):
                m.d.sync += [
                    group.value.eq(spad.value), group.zero.eq(spad.zero), group.address.eq(address),
                    group.index.eq(index), group.first.eq(~some), group.ends.eq(last),
                    group.marker.eq(spad.zero & some), group.pass_ends.eq(pass_ends),
                ]
        return m

    def _places(self, m, advance, last, pass_ends):
        """(index, address) of the first weight that the value at hand meets."""
        depth = self._chip.filter_spad_words
        index, base, address = signals("index base address", range(depth))
        total = Signal(range(2 * depth))
        following = Signal(range(depth))
        m.d.comb += [
            total.eq(address + self.pe.p_last + 1),
            following.eq(Mux(total >= depth, total - depth, total)),
        ]
        with m.If(advance):
            m.d.sync += [
                index.eq(Mux(last, 0, index + self.pe.p_last + 1)),
                address.eq(Mux(last & ~pass_ends, base, following)),
            ]
            with m.If(last & pass_ends):
                m.d.sync += base.eq(following)
        return index, address


class SkippingFilterSpad(Block):
    """The filter spad for groups that may leave weights out.

    Members
    -------
    i, words : as in `FilterSpad`.
    index : In(range(depth)), number in the pass of the weight wanted.
    available : Out(1), it is there.
    read : In(1), read it in this cycle.
    address : In(range(depth)), where it is, with `read`.
    data : Out(signed(width)), the weight, in the cycle after `read`.
    retire : In(1), all weights of the pass before number `upto` are dead from the next cycle on; they need not have
        come yet.
    upto : In(range(depth + 1)), with `retire`; if it is `words`, numbers are those of the next pass from then on.
    """

    def __init__(self, depth, bus_values=4, width=16):
        self._depth, self._bus_values, self._width = depth, bus_values, width
        self.module_name = f"skipping_filter_spad_{depth}"
        super().__init__({
            "i": In(stream.Signature(width * bus_values)), "words": In(range(depth + 1)),
            "index": In(range(depth)), "available": Out(1),
            "read": In(1), "address": In(range(depth)), "data": Out(signed(width)),
            "retire": In(1), "upto": In(range(depth + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        sram = place(m, TwoPortSram(self._depth, self._width), "sram")
        released, freed = signals("released freed", range(self._depth + 1))
        # below 0 where a pass ends with zeros before its last weights have come: they are dead on arrival
        held = Signal(range(-self._depth, self._depth + 1))
        write_address = Signal(range(self._depth))
        push, weight = unpack_weights(m, self.i, self._bus_values, self.words, held != self._depth, self._width)
        m.d.comb += [
            self.available.eq(self.index < released + held),
            freed.eq(Mux(self.retire, self.upto - released, 0)),
            sram.write_enable.eq(push), sram.write_address.eq(write_address), sram.write_data.eq(weight),
            sram.read_enable.eq(self.read), sram.read_address.eq(self.address), self.data.eq(sram.read_data),
        ]
        m.d.sync += held.eq(held + push - freed)
        with m.If(push):
            m.d.sync += write_address.eq(wrapped_increment(write_address, self._depth))
        with m.If(self.retire):
            m.d.sync += released.eq(Mux(self.upto == self.words, 0, self.upto))
        return m


class ZeroSkipPE(Block):
    """A PE (see `hw.array.pe.PE`, whose ports it has) that skips zeros.

    Latency: a MAC changes its psum three cycles after it was issued. Throughput: a MAC a cycle, and a value a cycle
    where it is zero.
    """

    module_name = "pe_zero_skip"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(pe_ports(chip))

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        scanner = place(m, ZeroScanner(chip), "scanner")
        weights = place(m, SkippingFilterSpad(chip.filter_spad_words, chip.filter_bus_values, chip.data_width),
                        "filter_spad")
        psum = place(m, PsumSpad(chip.psum_spad_words, chip.psum_fifo_depth, chip.psum_bus_values, zero_skip=True,
                                 width=chip.psum_width), "psum_spad")
        connect(m, flipped(self.ifmaps), scanner.i)
        connect(m, flipped(self.filters), weights.i)
        join_psums(m, self, psum)
        m.d.comb += [
            weights.words.eq(self.pe.filter_words), psum.p_last.eq(self.pe.p_last),
        ]
        connect(m, flipped(self.pe), scanner.pe)
        group = Signal(_group(chip))
        issued = self._issue(m, scanner, weights, psum, group)
        mac, value = mac_pipeline(m, chip.data_width, issued, group.value, weights.data, shift_of(self.pe, chip))
        m.d.comb += [
            psum.accumulate.eq(mac.valid), psum.first.eq(mac.first), psum.rewind.eq(mac.group_ends),
            psum.finish.eq(mac.last), psum.value.eq(value),
            self.mac.eq(mac.valid), self.gated.eq(mac.valid & mac.zero),
        ]
        return m

    def _issue(self, m, scanner, weights, psum, group):
        """Stage 1: the MACs of a group, one a cycle; the MacFlags of a MAC, all but `last` 0 where there is none."""
        busy, issue, group_ends, done, finish = signals("busy issue group_ends done finish")
        k = Signal.like(self.pe.p_last)
        flags, issued = signals("flags issued", MacFlags)
        m.d.comb += [
            issue.eq(busy & ~group.marker & weights.available & (psum.space | ~group.first)),
            group_ends.eq(k == self.pe.p_last),
            done.eq((issue & group_ends) | (busy & group.marker)), finish.eq(done & group.ends),
            scanner.o.ready.eq(~busy | done),
            weights.index.eq(group.index), weights.address.eq(group.address),
            weights.read.eq(issue & ~group.zero),
            weights.retire.eq(done & group.pass_ends),
            weights.upto.eq(Mux(group.ends, self.pe.filter_words, group.index + 1)),
            psum.reserve.eq(issue & group.first),
            flags.valid.eq(issue), flags.zero.eq(group.zero), flags.first.eq(group.first),
            flags.group_ends.eq(group_ends),
        ]
        m.d.comb += [issued.eq(Mux(issue, flags, 0)), issued.last.eq(finish)]
        with m.If(issue):
            m.d.sync += [
                k.eq(Mux(group_ends, 0, k + 1)), group.index.eq(group.index + 1),
                group.address.eq(wrapped_increment(group.address, self._chip.filter_spad_words)),
            ]
        with m.If(scanner.o.ready):
            m.d.sync += [busy.eq(scanner.o.valid), group.eq(scanner.o.payload)]
        return issued
