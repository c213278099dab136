"""The three scratch pads of a PE (Fig. 12), each with the pointers that make it last."""

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.kit.block import Block, place
from hw.kit.memory import RegisterFile, TwoPortSram
from hw.kit.payloads import ifmap_bus_word, ifmap_word, value_shape
from hw.kit.ring import Ring
from hw.kit.stream import Queue, lanes, signals, wrapped_increment

__all__ = ["FilterSpad", "IfmapSpad", "IfmapUnpacker", "PsumSpad", "unpack_weights"]


class IfmapUnpacker(Block):
    """Cuts the words of an ifmap bus of `values` values.

    Latency: none. Throughput: a value a cycle.

    Members
    -------
    i : In(stream of ifmap_bus_word), words of the bus.
    o : Out(stream of ifmap_word), their values.
    """

    def __init__(self, values, bits=16):
        self._values = values
        self.module_name = f"ifmap_unpacker_{values}"
        super().__init__({
            "i": In(stream.Signature(ifmap_bus_word(values, bits))), "o": Out(stream.Signature(ifmap_word(bits))),
        })

    def elaborate(self, platform):
        m = Module()
        lane = Signal(range(self._values))
        word, last = self.i.payload, lane == self.i.payload.last
        m.d.comb += [
            self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready & last),
            self.o.payload.value.eq(word.values[lane]),
            self.o.payload.row_ends.eq(word.row_ends & (lane == 0)),
            self.o.payload.pass_ends.eq(word.pass_ends & (lane == 0)),
        ]
        with m.If(self.i.valid & self.o.ready):
            m.d.sync += lane.eq(Mux(last, 0, lane + 1))
        return m


class IfmapSpad(Block):
    """Sliding windows of q S ifmap values, and the zero buffer.

    Latency: a value is at the read pointer two cycles after its bus word was accepted. Throughput: a value a cycle.

    Members
    -------
    i : In(stream of ifmap_bus_word), words of a bus of `bus_values` values. A FIFO of `fifo_depth` of them is ahead
        of the spad.
    available : Out(1), the value at the read pointer is there.
    value : Out(`value_shape(width)`), while `available`.
    zero : Out(1), it is zero.
    row_ends, pass_ends : Out(1), its flags, see `ifmap_word`.
    step, retire, rewind : In(1), as in `Ring`.
    """

    def __init__(self, depth, fifo_depth, bus_values=1, width=16):
        self._depth, self._fifo_depth, self._bus_values, self._width = depth, fifo_depth, bus_values, width
        self.module_name = (f"ifmap_spad_{depth}_{fifo_depth}" + (f"x{bus_values}" if bus_values > 1 else "")
                            + _suffix(width))
        super().__init__({
            "i": In(stream.Signature(ifmap_bus_word(bus_values, width))),
            "available": Out(1), "value": Out(value_shape(width)), "zero": Out(1),
            "row_ends": Out(1), "pass_ends": Out(1),
            "step": In(1), "retire": In(1), "rewind": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        fifo = place(m, Queue(ifmap_bus_word(self._bus_values, self._width), self._fifo_depth), "fifo")
        ring = place(m, Ring(self._depth), "ring")
        connect(m, flipped(self.i), fifo.i)
        arriving = fifo.o
        if self._bus_values > 1:
            unpacker = place(m, IfmapUnpacker(self._bus_values, self._width), "unpacker")
            connect(m, fifo.o, unpacker.i)
            arriving = unpacker.o
        kept = data.StructLayout({"value": value_shape(self._width), "row_ends": 1, "pass_ends": 1, "zero": 1})
        words = place(m, RegisterFile(self._depth, kept.size, 1), "registers")  # with the zero buffer
        word, entering = data.View(kept, words.read_data_0), Signal(kept)
        arrived = data.View(ifmap_word(self._width), Value.cast(arriving.payload))
        m.d.comb += [
            ring.push.eq(arriving.valid & ring.ready), arriving.ready.eq(ring.ready),
            ring.step.eq(self.step), ring.retire.eq(self.retire), ring.rewind.eq(self.rewind),
            words.write_enable.eq(ring.push), words.write_address.eq(ring.write_address),
            # of the word that arrives: a field compared with its own word would be a loop to simulators
            entering.value.eq(arrived.value), entering.zero.eq(arrived.value[:self._width] == 0),
            entering.row_ends.eq(arrived.row_ends), entering.pass_ends.eq(arrived.pass_ends),
            words.write_data.eq(entering),
            words.read_address_0.eq(ring.read_address),
            self.available.eq(ring.available), self.value.eq(word.value), self.zero.eq(word.zero),
            self.row_ends.eq(word.row_ends), self.pass_ends.eq(word.pass_ends),
        ]
        return m


class FilterSpad(Block):
    """The p q S weights of a pass and the head of the next pass's, in an SRAM of `width` bits.

    Members
    -------
    i : In(stream), words of `bus_values` weights; a pass is padded to whole words, the padding is dropped.
    words : In(range(depth + 1)), weights of a pass (p q S), a setting.
    available : Out(1), the weight at the read pointer is there.
    read : In(1), read it in this cycle.
    data : Out(signed(width)), the weight, in the cycle after `read`.
    step, retire, rewind : In(1), as in `Ring`; a `step` without `read` passes over a gated weight.

    Latency: a weight is available two cycles after its word was accepted. Throughput: a weight a cycle.
    """

    def __init__(self, depth, bus_values=4, width=16):
        self._depth, self._bus_values, self._width = depth, bus_values, width
        self.module_name = f"filter_spad_{depth}{_bus_suffix(bus_values)}{_suffix(width)}"
        super().__init__({
            "i": In(stream.Signature(width * bus_values)), "words": In(range(depth + 1)),
            "available": Out(1), "read": In(1), "data": Out(signed(width)),
            "step": In(1), "retire": In(1), "rewind": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        ring = place(m, Ring(self._depth), "ring")
        sram = place(m, TwoPortSram(self._depth, self._width), "sram")
        push, weight = unpack_weights(m, self.i, self._bus_values, self.words, ring.ready, self._width)
        m.d.comb += [
            ring.push.eq(push), ring.step.eq(self.step),
            ring.retire.eq(self.retire), ring.rewind.eq(self.rewind),
            sram.write_enable.eq(push), sram.write_address.eq(ring.write_address),
            sram.write_data.eq(weight),
            sram.read_enable.eq(self.read), sram.read_address.eq(ring.read_address),
            self.data.eq(sram.read_data), self.available.eq(ring.available),
        ]
        return m


def _suffix(width):
    """Of module names; the paper's 16 bits go without saying."""
    return "" if width == 16 else f"_{width}bit"


def _bus_suffix(values):
    """Of module names; the paper's filter and psum buses of four values go without saying."""
    return "" if values == 4 else f"x{values}"


def unpack_weights(m, words, values, count, ready, bits=16):
    """Cut stream `words` of `values` weights of `bits` each, dropping the padding after each pass's `count`.

    Returns (push, weight): the weight of this cycle, if any; it is taken while `ready`.
    """
    if values == 1:
        # ready from a register: on an FPGA all PEs and back are a long way, and a bus seldom meets a PE twice running
        queue = place(m, Queue(bits, 1), "weights")
        connect(m, flipped(words), queue.i)
        m.d.comb += queue.o.ready.eq(ready)
        return queue.o.valid & ready, queue.o.payload
    word = Signal(bits * values, reset_less=True)
    lane = Signal(range(values))
    index = Signal.like(count, init=1)
    full, push, pass_filled, word_ends = signals("full push pass_filled word_ends")
    m.d.comb += [
        push.eq(full & ready),
        pass_filled.eq(index == count),
        word_ends.eq(pass_filled | (lane == values - 1)),
        words.ready.eq(~full | (push & word_ends)),
    ]
    with m.If(push):
        m.d.sync += [
            lane.eq(Mux(word_ends, 0, lane + 1)),
            index.eq(Mux(pass_filled, 1, index + 1)),
        ]
    with m.If(words.ready):
        m.d.sync += full.eq(words.valid)
    with m.If(words.valid & words.ready):
        m.d.sync += word.eq(words.payload)
    return push, word.word_select(lane, bits)


class PsumSpad(Block):
    """Accumulates p psums at a time and drains the finished ones beside that.

    The spad is a ring: while the MAC fills the next p words, the last p leave, one a cycle, each joined
    on its way out by the psum from the PE below or the GLB. So neither draining nor accumulating across
    PEs takes a cycle from the MAC, unless the streams fall behind by more than the spad holds.

    Members
    -------
    p_last : In(range(depth)), p - 1, a setting.
    space : Out(1), a word for one more psum is free.
    reserve : In(1), take it; only while `space`.
    accumulate : In(1), add `value` to the psum at the MAC's pointer in this cycle.
    first : In(1), with `accumulate`: start from zero.
    last : In(1), with `accumulate`: the psum is finished.
    rewind : In(1), with `accumulate`: it is psum p - 1, psum 0 is next.
    finish : In(1), with zero skipping, instead of `last`: all p psums are finished, by this `accumulate` or by an
        earlier one, as it is only known later which value that is not zero was the last.
    value : In(signed(16)), with `accumulate`.
    i : In(stream), words of `bus_values` psums of `width` bits each to be added, ceil(p / bus_values) a position.
    o : Out(stream), the sums.

    Throughput: a psum a cycle.
    """

    def __init__(self, depth, fifo_depth, bus_values=4, *, zero_skip=False, width=16):
        self._width = width
        self._depth, self._fifo_depth, self._bus_values, self._zero_skip = depth, fifo_depth, bus_values, zero_skip
        self.module_name = f"psum_spad_{depth}_{fifo_depth}{_bus_suffix(bus_values)}{_suffix(width)}" + (
            "_skip" if zero_skip else "")
        super().__init__({
            "p_last": In(range(depth)), "space": Out(1), "reserve": In(1),
            "accumulate": In(1), "first": In(1), "finish" if zero_skip else "last": In(1), "rewind": In(1),
            "value": In(signed(16)),
            "i": In(stream.Signature(width * bus_values)), "o": Out(stream.Signature(width * bus_values)),
        })

    def elaborate(self, platform):
        m = Module()
        psums = place(m, RegisterFile(self._depth, self._width, 2), "registers")
        base, pointer, after = signals("base pointer after", range(self._depth))
        m.d.comb += [
            after.eq(wrapped_increment(pointer, self._depth)),
            psums.read_address_0.eq(pointer), psums.write_address.eq(pointer),
            psums.write_enable.eq(self.accumulate),
            psums.write_data.eq(Mux(self.first, 0, psums.read_data_0) + self.value),
        ]
        if self._zero_skip:
            end = Signal.like(base)  # behind the last psum of this position
            group_ends = self.accumulate & self.rewind
            with m.If(self.finish):
                m.d.sync += [place.eq(Mux(group_ends, after, end)) for place in (base, pointer)]
            with m.Elif(self.accumulate):
                m.d.sync += pointer.eq(Mux(self.rewind, base, after))
            with m.If(group_ends):
                m.d.sync += end.eq(after)
            gained = Mux(self.finish, self.p_last + 1, 0)
        else:
            with m.If(self.accumulate):
                m.d.sync += pointer.eq(Mux(self.rewind & ~self.last, base, after))
                with m.If(self.rewind & self.last):
                    m.d.sync += base.eq(after)
            gained = self.accumulate & self.last
        draining = self._drain(m, psums, gained)
        reserved = Signal(range(self._depth + 1))
        m.d.comb += self.space.eq(reserved != self._depth)
        m.d.sync += reserved.eq(reserved + self.reserve - draining)
        return m

    def _drain(self, m, psums, gained):
        """The way out of finished psums, of which `gained` more are there; the strobe of one that leaves.

        `word` gathers as many as a bus takes; it is the last entry of the way out.
        """
        fifo_in = place(m, Queue(len(self.i.payload), self._fifo_depth), "fifo_in")
        connect(m, flipped(self.i), fifo_in.i)
        done = Signal(range(self._depth + 1))
        k = Signal(range(self._depth))
        draining, word_ends, free = signals("draining word_ends free")
        lane = Signal(range(self._bus_values), name="lane") if self._bus_values > 1 else Const(0, 1)
        total = Signal(self._width)
        drain = Signal(range(self._depth))
        m.d.comb += [
            psums.read_address_1.eq(drain),
            word_ends.eq((lane == self._bus_values - 1) | (k == self.p_last)),
            draining.eq((done != 0) & fifo_in.o.valid & free),
            total.eq(psums.read_data_1 + fifo_in.o.payload.word_select(lane, self._width)),
            fifo_in.o.ready.eq(draining & word_ends),
        ]
        m.d.sync += done.eq(done + gained - draining)
        with m.If(draining):
            m.d.sync += [
                drain.eq(wrapped_increment(drain, self._depth)),
                k.eq(Mux(k == self.p_last, 0, k + 1)),
            ]
            if self._bus_values > 1:
                m.d.sync += lane.eq(Mux(word_ends, 0, lane + 1))
        self._gather(m, total, lane, draining, word_ends, free)
        return draining

    def _gather(self, m, total, lane, draining, word_ends, free):
        """Put psums in their lanes, zeros behind the last; `free` while there is room for one more."""
        word = Signal(len(self.o.payload), reset_less=True)
        full = Signal()
        out = self.o
        if self._fifo_depth > 1:
            fifo_out = place(m, Queue(len(word), self._fifo_depth - 1), "fifo_out")
            connect(m, fifo_out.o, flipped(self.o))
            out = fifo_out.i
        m.d.comb += [
            out.valid.eq(full), out.payload.eq(word),
            # not so without a queue: what takes the word would be in one path with the next one's additions
            free.eq(~full | out.ready if self._fifo_depth > 1 else ~full),
        ]
        with m.If(draining & word_ends):
            m.d.sync += full.eq(1)
        with m.Elif(out.ready):
            m.d.sync += full.eq(0)
        with m.If(draining), m.Switch(lane):
            for index, place_ in enumerate(lanes(word, self._width)):
                with m.Case(index):
                    # the first one clears the others
                    m.d.sync += place_.eq(total) if index else word.eq(total)
