"""Filters: DRAM -> the filter banks of the GLB -> filter GIN.

Each word of weights is used in one pass and not kept, so the two banks are a queue: while the array works on a pass,
the weights of the next ones gather in it (Section V-A).
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import FilterWalk
from hw.kit.block import Block, place
from hw.kit.interfaces import Tagged
from hw.kit.memory import SinglePortSram
from hw.kit.payloads import QUAD, tagged_word
from hw.kit.settings import Settings
from hw.kit.stream import Queue, lanes, signals

from .fetch import Prefetch
from .rlc import RlcWord

__all__ = ["FilterBuffer", "FilterDecoder", "FilterSender"]


class FilterBuffer(Block):
    """A queue in two single-port banks, even words in one, odd words in the other.

    Latency: a word is at `o` three cycles after it was accepted at `i`. Throughput: a word a cycle at `o`, and at
    `i` in each cycle in which the read goes to the other bank.

    Members
    -------
    i : In(stream of 64 bits), from DRAM.
    o : Out(stream of 64 bits), to the sender.
    freed : Out(1), a word is read in this cycle: there is room for one more.
    starved : Out(1), no word is held.
    """

    module_name = "filter_buffer"

    def __init__(self, chip):
        self._depth = chip.filter_bank_words
        super().__init__({
            "i": In(stream.Signature(QUAD)), "o": Out(stream.Signature(QUAD)),
            "freed": Out(1), "starved": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        prefetch = place(m, Prefetch(), "prefetch")
        banks = [place(m, SinglePortSram(self._depth, QUAD), f"bank_{index}") for index in range(2)]
        head, tail = signals("head tail", range(2 * self._depth))
        level = Signal(range(2 * self._depth + 1))
        reading, writing, odd = signals("reading writing odd")
        connect(m, prefetch.o, flipped(self.o))
        m.d.comb += [
            reading.eq((level != 0) & prefetch.room),
            writing.eq(self.i.valid & (level != 2 * self._depth) & ~(reading & (head[0] == tail[0]))),
            self.i.ready.eq(writing), self.freed.eq(reading), self.starved.eq(~self.o.valid & (level == 0)),
            prefetch.requested.eq(reading),
            prefetch.data.eq(Mux(odd, banks[1].read_data, banks[0].read_data)),
        ]
        for index, bank in enumerate(banks):
            m.d.comb += [
                bank.write.eq(writing & (tail[0] == index)),
                bank.enable.eq(bank.write | (reading & (head[0] == index))),
                bank.address.eq(Mux(bank.write, tail[1:], head[1:])), bank.write_data.eq(self.i.payload),
            ]
        m.d.sync += [level.eq(level + writing - reading), head.eq(head + reading), tail.eq(tail + writing)]
        with m.If(reading):
            m.d.sync += odd.eq(head[0])
        return m


class FilterDecoder(Block):
    """Run-length coded words to words of weights, all pairs of a word at once; an option, `ChipConfig.coded_weights`.

    It stands behind the banks, so that a word of DRAM is a word of them, and they hold more weights. An m group's
    weights are a stream, which begins anew each time they are read. Words behind its end, which keep m groups at
    equal distances in DRAM, are streams without a word of values.

    Each pair knows the place of its level, counted from the first value of the word of weights that is being made.
    While the last of them lies behind that word, the word is full, and all places move up by as many values.

    Latency: two cycles, or a cycle where `filter_raw`. Throughput: a word of weights a cycle, and a cycle more for a
    coded word that does not end with one.

    Members
    -------
    filter_raw : In(1), setting: words pass as they are.
    i : In(stream of 64 bits), from the filter buffer.
    o : Out(stream of 64 bits), words of weights, to the sender.
    """

    module_name = "filter_decoder"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "filter_raw": In(1), "i": In(stream.Signature(QUAD)), "o": Out(stream.Signature(QUAD)),
        })

    def elaborate(self, platform):
        m = Module()
        chip, count = self._chip, self._chip.word_values
        out = place(m, Queue(QUAD, 2), "out")
        connect(m, out.o, flipped(self.o))
        # a coded word is there, the last of its stream; it makes a word of weights full; it is used up
        present, final, fills, used, active, free = signals("present final fills used active free")
        lane = Signal(range(count))  # of the coded word's first value
        kept = Signal(QUAD)  # the lanes before it
        places, values = self._values(m, lane, kept, load=free, step=active & ~used)
        m.d.comb += [
            free.eq(~present | (active & used)),
            fills.eq(places[-1] >= count - 1), used.eq(places[-1] < count),
            active.eq(present & (~fills | out.i.ready)),
            out.i.valid.eq(Mux(self.filter_raw, self.i.valid, present & fills)),
            out.i.payload.eq(Mux(self.filter_raw, self.i.payload, values)),
            self.i.ready.eq(Mux(self.filter_raw, out.i.ready, free)),
        ]
        with m.If(free):
            m.d.sync += [present.eq(self.i.valid & ~self.filter_raw),
                         final.eq(data.View(RlcWord(chip), self.i.payload).last)]
        with m.If(active):
            m.d.sync += kept.eq(Mux(fills | final, 0, values))
            with m.If(used):  # what the unused pairs of a last word stand for is dropped
                m.d.sync += lane.eq(Mux(final, 0, places[-1] + 1))
        return m

    def _values(self, m, lane, kept, load, step):
        """(place of each level, the word of weights as far as it is known)."""
        chip, count = self._chip, self._chip.word_values
        word = data.View(RlcWord(chip), self.i.payload)
        # places of passed levels are negative, and never as low as to look like the first ones again
        width = (count + chip.word_pairs * chip.pair_values - 1).bit_length()
        places, levels, zeros = [], [], 0
        for index in range(chip.word_pairs):
            distance = Signal(width, name=f"distance_{index}", reset_less=True)  # from the coded word's first value
            level = Signal(chip.data_width, name=f"level_{index}", reset_less=True)
            here = Signal(width, name=f"place_{index}")
            zeros = zeros + word.pairs[index].run
            with m.If(load):
                m.d.sync += [distance.eq(zeros + index), level.eq(word.pairs[index].level)]
            with m.Elif(step):
                m.d.sync += distance.eq(distance - count)
            m.d.comb += here.eq(distance + lane)
            places.append(here)
            levels.append(level)
        pairs = list(zip(places, levels, strict=True))
        return places, Cat(reduce(or_, (Mux(here == index, level, 0) for here, level in pairs), earlier)
                           for index, earlier in enumerate(lanes(kept, chip.data_width)))


class FilterSender(Block):
    """Sends each word of weights to its PEs.

    The words of a PE's p q S weights come one after another, each of them for every row of PEs, and within a row for
    every column of sets. Passes are not counted: the next one's weights follow as soon as the PEs have room for them.

    A word of the GLB crosses a bus of fewer values in parts; parts of a pass's last word that are padding alone
    are left out. Latency: a cycle. Throughput: a word of the bus a cycle.

    Members
    -------
    filter_walk : In(Settings).
    filter_words : In, weights of a PE in a pass; only on a bus of fewer values than a word of the GLB.
    i : In(stream of 64 bits), words of weights.
    o : Out(Tagged), to the filter GIN.
    partial : Out(1), not all PEs have had the word of their weights that is being sent.
    """

    module_name = "filter_sender"

    def __init__(self, chip):
        self._chip, self._values = chip, chip.filter_bus_values
        ports = {
            "filter_walk": In(Settings(FilterWalk, chip)), "i": In(stream.Signature(QUAD)),
            "o": Out(Tagged(chip, "filter")), "partial": Out(1),
        }
        if self._values < chip.word_values:
            ports["filter_words"] = In(range(chip.filter_spad_words + 1))
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        row = Signal.like(self.filter_walk.filter_rows_last)
        column = Signal.like(self.filter_walk.filter_columns_last)
        last_column, last_row = signals("last_column last_row")
        out = place(m, Queue(tagged_word(self._chip, "filter"), 2), "out")
        connect(m, out.o, flipped(self.o))
        produce = Signal()
        m.d.comb += [
            self.partial.eq(self.o.valid | row.any() | column.any()),
            last_column.eq(column == self.filter_walk.filter_columns_last),
            last_row.eq(last_column & (row == self.filter_walk.filter_rows_last)),
            produce.eq(self.i.valid & self.i.ready),
            out.i.valid.eq(self.i.valid),
        ]
        with m.If(produce):
            m.d.sync += column.eq(Mux(last_column, 0, column + 1))
            with m.If(last_column):
                m.d.sync += row.eq(Mux(last_row, 0, row + 1))
        part, last_part = self._part(m, out.i.valid & out.i.ready, produce & last_row)
        m.d.comb += [
            self.i.ready.eq(out.i.ready & last_part),
            out.i.payload.data.eq(part), out.i.payload.tag.row.eq(row), out.i.payload.tag.col.eq(column),
        ]
        return m

    def _part(self, m, sent, word_ends):
        """(the part of a word of the GLB that is to be sent, whether it is the last one)."""
        bits, lanes = self._chip.data_width, self._chip.word_values
        if self._values == lanes:
            return self.i.payload, 1
        within = (lanes - 1).bit_length()
        part = Signal(range(lanes // self._values))
        word = Signal(len(self.filter_words) - within)
        weights_last = Signal.like(self.filter_words)
        pass_ends, last_part = signals("pass_ends last_part")
        m.d.sync += weights_last.eq(self.filter_words - 1)
        m.d.comb += [
            pass_ends.eq(word == weights_last[within:]),
            last_part.eq(part == Mux(pass_ends, weights_last[:within] // self._values, lanes // self._values - 1)),
        ]
        with m.If(sent):
            m.d.sync += part.eq(Mux(last_part, 0, part + 1))
        with m.If(word_ends):
            m.d.sync += word.eq(Mux(pass_ends, 0, word + 1))
        return self.i.payload.word_select(part, bits * self._values), last_part
