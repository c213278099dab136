"""The chip's own DRAM traffic: three streams in, one stream out, all in order, in bursts.

A reader asks for a burst only when its buffer has room for all of it, so no stream ever blocks another
behind it on the link.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import ADDRESS_BITS, COUNT_BITS
from hw.kit.block import Block, place
from hw.kit.payloads import QUAD, Burst
from hw.kit.stream import Queue, signals

__all__ = ["BurstArbiter", "BurstReader", "BurstWriter"]


class BurstReader(Block):
    """Asks for one or several stretches of DRAM, each of them `repeat_last` + 1 times over.

        for stretch in 0 .. stretch_last:                           one after another in DRAM
            for repeat in 0 .. repeat_last:
                `last` + 1 words; `ragged` + 1 in the last stretch

    Members
    -------
    start : In(1), begin in this cycle.
    base : In(28), address of the first word, a setting.
    last, ragged : In(28), words less one, see above, settings.
    stretch_last, repeat_last : In(16), counts less one, see above, settings.
    capacity : In(16), words that the buffer behind holds; sampled at `start`.
    freed : In(1), the buffer has room for one more word from this cycle on.
    bursts : Out(stream of Burst), commands.
    running : Out(1), a burst is left to ask for.

    Latency: a burst is asked for two cycles after there is room for it. Throughput: a command in two cycles.
    """

    module_name = "burst_reader"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "start": In(1), "base": In(ADDRESS_BITS), "last": In(COUNT_BITS), "ragged": In(COUNT_BITS),
            "stretch_last": In(16), "repeat_last": In(16), "capacity": In(16), "freed": In(1),
            "bursts": Out(stream.Signature(Burst)), "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        address, first = signals("address first", ADDRESS_BITS)
        length = Signal(range(self._chip.burst_words + 1))
        room = Signal(17)
        enough, sent, repeat_ends, stretch_ends = signals("enough sent repeat_ends stretch_ends")
        m.d.comb += [
            self.bursts.valid.eq(self.running & enough),
            self.bursts.payload.address.eq(address), self.bursts.payload.length.eq(length - 1),
            sent.eq(self.bursts.valid & self.bursts.ready),
        ]
        with m.If(self.start):
            m.d.sync += [address.eq(self.base), first.eq(self.base), room.eq(self.capacity)]
        with m.Else():
            m.d.sync += room.eq(room + self.freed - Mux(sent, length, 0))
        # room only grows until the next burst: to compare takes a cycle of its own
        m.d.sync += enough.eq(~self.start & ~sent & (room >= length))
        with m.If(sent):
            m.d.sync += address.eq(Mux(repeat_ends & ~stretch_ends, first, address + length))
        with m.If(stretch_ends):
            m.d.sync += first.eq(address + length)
        self._loops(m, length, sent, repeat_ends, stretch_ends)
        return m

    def _loops(self, m, length, sent, repeat_ends, stretch_ends):
        """What is left of each loop, and whether that is the last, in registers."""
        burst_words = self._chip.burst_words
        tail_bits = burst_words.bit_length() - 1
        stretches, repeats = signals("stretches repeats", 16)
        bursts, next_bursts = signals("bursts next_bursts", COUNT_BITS - tail_bits)  # before a repeat's last
        tail, next_tail = signals("tail next_tail", tail_bits)  # words of the last one, less one
        last_burst, last_repeat, last_stretch = signals("last_burst last_repeat last_stretch")
        ragged = Signal()  # what a start or the next repeat begins with is the last stretch
        m.d.comb += [
            repeat_ends.eq(sent & last_burst), stretch_ends.eq(repeat_ends & last_repeat),
            ragged.eq(Mux(self.start, self.stretch_last == 0, Mux(last_repeat, stretches == 1, last_stretch))),
            Cat(next_tail, next_bursts).eq(Mux(ragged, self.ragged, self.last)),
        ]
        with m.If(self.start | repeat_ends):
            m.d.sync += [bursts.eq(next_bursts), tail.eq(next_tail), last_burst.eq(next_bursts == 0),
                         last_stretch.eq(ragged), length.eq(Mux(next_bursts == 0, next_tail + 1, burst_words))]
        with m.Elif(sent):
            m.d.sync += [bursts.eq(bursts - 1), last_burst.eq(bursts == 1),
                         length.eq(Mux(bursts == 1, tail + 1, burst_words))]
        with m.If(self.start | stretch_ends):
            m.d.sync += [repeats.eq(self.repeat_last), last_repeat.eq(self.repeat_last == 0)]
        with m.Elif(repeat_ends):
            m.d.sync += [repeats.eq(repeats - 1), last_repeat.eq(repeats == 1)]
        with m.If(self.start):
            m.d.sync += [self.running.eq(1), stretches.eq(self.stretch_last)]
        with m.Elif(stretch_ends):
            m.d.sync += [self.running.eq(~last_stretch), stretches.eq(stretches - 1)]


class BurstWriter(Block):
    """Gathers words and writes them in bursts, one after another from `base`.

    Members
    -------
    start : In(1), begin at `base` in this cycle.
    base : In(28), address of the first word, a setting.
    flush : In(1), no more words will come; write what is there.
    i : In(stream of 64 bits), words.
    bursts : Out(stream of Burst), a command before its words.
    o : Out(stream of 64 bits), those words.
    empty : Out(1), all words have been handed on.

    Latency: a burst is asked for a cycle after its last word came. Throughput: a word a cycle, less a cycle a burst.
    """

    module_name = "burst_writer"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "start": In(1), "base": In(ADDRESS_BITS), "flush": In(1), "i": In(stream.Signature(QUAD)),
            "bursts": Out(stream.Signature(Burst)), "o": Out(stream.Signature(QUAD)), "empty": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        burst_words = self._chip.burst_words
        queue = place(m, Queue(QUAD, 2 * burst_words), "queue")
        connect(m, flipped(self.i), queue.i)
        address = Signal(ADDRESS_BITS)
        left = Signal(range(burst_words + 1))
        length = Signal.like(left)
        sent = Signal()
        m.d.comb += [
            length.eq(Mux(queue.level < burst_words, queue.level, burst_words)),
            self.bursts.valid.eq((left == 0) & ((queue.level >= burst_words)
                                                | (self.flush & (queue.level != 0)))),
            self.bursts.payload.write.eq(1), self.bursts.payload.address.eq(address),
            self.bursts.payload.length.eq(length - 1),
            sent.eq(self.bursts.valid & self.bursts.ready),
            self.o.valid.eq(left != 0), self.o.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.o.valid & self.o.ready),
            self.empty.eq((queue.level == 0) & (left == 0)),
        ]
        with m.If(self.start):
            m.d.sync += address.eq(self.base)
        with m.Elif(sent):
            m.d.sync += [address.eq(address + length), left.eq(length)]
        with m.Elif(queue.o.ready):
            m.d.sync += left.eq(left - 1)
        return m


class BurstArbiter(Block):
    """One command stream of four, and words from DRAM back to the reader that asked for them.

    Round robin; the command at `bursts` does not change until it is taken.
    Latency: two cycles for a command, none for a word. Throughput: a command in two cycles, a word a cycle.

    Members
    -------
    bias, filter, ifmap, ofmap : In(stream of Burst), commands.
    bursts : Out(stream of Burst), commands, through a register.
    words : In(stream of 64 bits), from DRAM.
    bias_words, filter_words, ifmap_words : Out(stream of 64 bits), handed on; they must be ready.
    """

    module_name = "burst_arbiter"
    OUTSTANDING = 8

    def __init__(self):
        bursts, words = stream.Signature(Burst), stream.Signature(QUAD)
        super().__init__({
            "bias": In(bursts), "filter": In(bursts), "ifmap": In(bursts), "ofmap": In(bursts),
            "bias_words": Out(words), "filter_words": Out(words), "ifmap_words": Out(words),
            "bursts": Out(bursts), "words": In(words),
        })

    def elaborate(self, platform):
        m = Module()
        sources = (self.bias, self.filter, self.ifmap, self.ofmap)  # the order of service where all ask at once
        count = len(sources)
        owners = place(m, Queue(data.StructLayout({"source": range(count), "length": 8}), self.OUTSTANDING), "owners")
        chosen, nearest = signals("chosen nearest", range(count))
        valids = Signal(count)
        decided, load = signals("decided load")
        m.d.comb += [
            valids.eq(Cat(source.valid for source in sources)),
            load.eq(decided & owners.i.ready & ~self.bursts.valid),
            owners.i.payload.source.eq(chosen), owners.i.payload.length.eq(self._length(m, sources, chosen)),
            owners.i.valid.eq(load & (chosen != count - 1)),
        ]
        with m.Switch(chosen):  # the nearest after the last one served
            for served in range(count):
                with m.Case(served):
                    for distance in range(count, 0, -1):
                        index = (served + distance) % count
                        with m.If(valids[index]):
                            m.d.comb += nearest.eq(index)
        with m.If(~decided):  # in a cycle of its own: a command, once chosen, is a long path to its reader's counters
            m.d.sync += [decided.eq(valids.any()), chosen.eq(Mux(valids.any(), nearest, chosen))]
        with m.Elif(load):
            m.d.sync += decided.eq(0)
        with m.If(load | self.bursts.ready):
            m.d.sync += self.bursts.valid.eq(load)
        for index, source in enumerate(sources):
            with m.If(load & (chosen == index)):
                m.d.comb += source.ready.eq(1)
                m.d.sync += self.bursts.payload.eq(source.payload)
        self._return(m, owners.o)
        return m

    def _length(self, m, sources, chosen):
        length = Signal(8)
        with m.Switch(chosen):
            for index, source in enumerate(sources):
                with m.Case(index):
                    m.d.comb += length.eq(source.payload.length)
        return length

    def _return(self, m, owners):
        word = Signal(8)
        for index, sink in enumerate((self.bias_words, self.filter_words, self.ifmap_words)):
            mine = owners.valid & (owners.payload.source == index)
            m.d.comb += [sink.valid.eq(self.words.valid & mine), sink.payload.eq(self.words.payload)]
            with m.If(mine):
                m.d.comb += self.words.ready.eq(sink.ready)
        m.d.comb += owners.ready.eq(self.words.valid & self.words.ready & (word == owners.payload.length))
        with m.If(self.words.valid & self.words.ready):
            m.d.sync += word.eq(Mux(owners.ready, 0, word + 1))
