"""The run-length codec (Section IV-B, Fig. 8); `golden.rlc` is its twin and describes the format.

Both sides pass one (run, level) pair a cycle, more than the link can (0.3 words of three pairs a core
cycle), and up to a word of zeros a cycle within a run.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.kit.block import Block, place
from hw.kit.payloads import QUAD
from hw.kit.stream import Queue, lanes, signals

__all__ = ["DecodedWord", "RlcDecoder", "RlcEncoder", "RlcWord", "StreamWord"]

def _pair(chip):
    """`run` zeros and then `level`."""
    return data.StructLayout({"run": chip.run_bits, "level": chip.data_width})


class RlcWord(data.FlexibleLayout):
    """The pairs of a word, and whether they are the last of a stream."""

    def __init__(self, chip):
        pairs = data.ArrayLayout(_pair(chip), chip.word_pairs)
        super().__init__(QUAD, {"pairs": data.Field(pairs, 0), "last": data.Field(1, QUAD - 1)})


class DecodedWord(data.Struct):
    """A word of values, or, where `ends`, no values but the end of a stream; `bad` if it ended amid a word."""

    values: QUAD
    ends: 1
    bad: 1


def StreamWord(chip):
    """A word of values, whether they are the last of a stream, and which of them are not zero."""
    return data.StructLayout({"values": QUAD, "last": 1, "nonzero": chip.word_values})


class RlcDecoder(Block):
    """Pairs to words of values.

    Latency: two cycles from the pair that fills a word to that word, or a cycle where `raw`.
    Throughput: a pair and up to a word of values a cycle.

    Members
    -------
    raw : In(1), setting: words pass as they are, and no stream ends.
    i : In(stream of 64 bits), RLC words.
    o : Out(stream of DecodedWord), decoded words, and a mark after each stream.
    """

    module_name = "rlc_decoder"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "raw": In(1), "i": In(stream.Signature(QUAD)), "o": Out(stream.Signature(DecodedWord)),
        })

    def elaborate(self, platform):
        m = Module()
        count, width, pairs = self._chip.word_values, self._chip.data_width, self._chip.word_pairs
        word = data.View(RlcWord(self._chip), self.i.payload)
        pair = Signal(range(pairs))
        taken = Signal(self._chip.run_bits)
        lane = Signal(range(count))
        kept = Signal(QUAD - width)  # lanes of a word that is not full yet
        ending, active, fits, fills, last_pair = signals("ending active fits fills last_pair")
        out = place(m, Queue(DecodedWord, 2), "out")
        connect(m, out.o, flipped(self.o))
        current = Signal(_pair(self._chip))
        present, final, free = signals("present final free")  # there is a pair; it is the stream's last
        run = Signal(self._chip.run_bits)
        after = Signal(self._chip.run_bits + 1)
        m.d.comb += [
            run.eq(current.run - taken),  # zeros of this pair that are still to come
            # the next word gathers while the last one waits for its taker
            active.eq(present & ~ending & (~fills | out.i.ready)), free.eq(~present | (active & fits)),
            after.eq(lane + run + 1),
            fits.eq(after <= count), fills.eq(after >= count), last_pair.eq(pair == pairs - 1),
            self.i.ready.eq(Mux(self.raw, out.i.ready, free & last_pair)),
        ]
        with m.If(free):
            m.d.sync += [
                present.eq(self.i.valid & ~self.raw), current.eq(word.pairs[pair]),
                final.eq(last_pair & word.last),
            ]
            with m.If(self.i.valid & ~self.raw):
                m.d.sync += pair.eq(Mux(last_pair, 0, pair + 1))
        values = Cat(Mux(lane > index, earlier, Mux(fits & (lane + run == index), current.level, 0))
                     for index, earlier in enumerate([*lanes(kept, width), Const(0, width)]))
        m.d.comb += [
            out.i.valid.eq((active & fills) | ending | (self.raw & self.i.valid)),
            out.i.payload.values.eq(Mux(self.raw, self.i.payload, values)), out.i.payload.ends.eq(ending),
            # more lanes are left than pairs of a last word that stand for nothing
            out.i.payload.bad.eq(lane.matches(*range(pairs, count)) | kept.any()),
        ]
        with m.If(ending & out.i.ready):
            m.d.sync += [ending.eq(0), lane.eq(0), kept.eq(0)]
        with m.If(active):
            m.d.sync += [
                lane.eq(Mux(fills, 0, after)), kept.eq(Mux(fills, 0, values)),
                taken.eq(Mux(fits, 0, taken + count - lane)),
            ]
            with m.If(fits & final):
                m.d.sync += ending.eq(1)
        return m


class RlcEncoder(Block):
    """Words of values to pairs.

    Latency: an RLC word is at `o` a cycle after the pair that follows its last one, or after the end of its stream;
    a cycle where `raw`. Throughput: a pair, or up to a word of zeros, a cycle.

    Members
    -------
    raw : In(1), setting: words pass as they are.
    i : In(stream of StreamWord), words of values.
    o : Out(stream of 64 bits), RLC words.
    running : Out(1), a value, a pair or a word is held.
    """

    module_name = "rlc_encoder"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "raw": In(1), "i": In(stream.Signature(StreamWord(chip))), "o": Out(stream.Signature(QUAD)),
            "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        pair = Signal(_pair(self._chip))
        pair_valid, stream_ends, accepted = signals("pair_valid stream_ends accepted")
        self._pairs(m, pair, pair_valid, stream_ends, accepted)
        self._words(m, pair, pair_valid, stream_ends, accepted)
        return m

    def _pairs(self, m, pair, pair_valid, stream_ends, accepted):
        """Find the next value that is not zero, or a run of zeros longer than the longest, or the end."""
        count, most_run = self._chip.word_values, (1 << self._chip.run_bits) - 1
        skip = Signal(range(count))
        run = Signal(self._chip.run_bits)
        flushing = Signal()
        values = lanes(self.i.payload.values, self._chip.data_width)
        nonzero = Cat(flag & (index >= skip) for index, flag in enumerate(self.i.payload.nonzero))
        first = Signal(range(count + 1))
        found = Signal()
        rest = Signal(range(count))
        zeros = Signal(self._chip.run_bits + 1)
        later = Signal()
        m.d.comb += [first.eq(count), found.eq(nonzero.any())]
        for index in reversed(range(count)):
            with m.If(nonzero[index]):
                m.d.comb += first.eq(index)
        m.d.comb += [
            zeros.eq(run + first - skip),
            rest.eq(count - 1 - first),
            later.eq((nonzero & (nonzero - 1)[:count]).any()),  # another one follows in this word
        ]
        level = Signal(self._chip.data_width)
        with m.Switch(first):
            for index, value in enumerate(values):
                with m.Case(index):
                    m.d.comb += level.eq(value)
        offered = self.i.valid & ~self.raw & ~flushing
        full = zeros > most_run
        word_done = Signal()  # nothing of this word is left after this cycle
        m.d.comb += [
            pair_valid.eq(Mux(flushing, run != 0, offered & (found | full))),
            pair.run.eq(Mux(flushing, run - 1, Mux(full, most_run, zeros))),
            pair.level.eq(Mux(flushing | full, 0, level)),
            stream_ends.eq(flushing),
            word_done.eq(offered & Mux(full, ~found, ~later)),
        ]
        stepped = Mux(flushing | pair_valid, accepted, offered)
        m.d.comb += self.i.ready.eq(Mux(self.raw, accepted, word_done & stepped))
        with m.If(flushing & accepted):
            m.d.sync += [flushing.eq(0), run.eq(0)]
        with m.Elif(offered & stepped):
            m.d.sync += [
                run.eq(Mux(full, zeros - most_run - 1, Mux(~found, zeros, Mux(later, 0, rest)))),
                skip.eq(Mux(word_done, 0, Mux(full, first, first + 1))),
                flushing.eq(word_done & self.i.payload.last),
            ]
        m.d.comb += self.running.eq(flushing | self.i.valid | self.o.valid)

    def _words(self, m, pair, pair_valid, stream_ends, accepted):
        """Gather pairs; a full word waits for what follows, as it may be the last."""
        pairs = self._chip.word_pairs
        kept, with_pair = signals("kept with_pair", data.ArrayLayout(_pair(self._chip), pairs))
        count = Signal(range(pairs + 1))
        waiting = Signal()
        space = ~self.o.valid | self.o.ready
        joins = Signal()  # the pair still finds place in the word
        coded = Signal(RlcWord(self._chip))
        m.d.comb += [joins.eq(count != pairs), with_pair.eq(kept)]
        for index in range(pairs):
            with m.If(pair_valid & (count == index)):
                m.d.comb += with_pair[index].eq(pair)
        sends = (stream_ends & (joins | ~pair_valid)) | (pair_valid & ~joins)
        m.d.comb += [
            waiting.eq(stream_ends & pair_valid & ~joins),  # the last pair needs a word of its own
            accepted.eq(Mux(self.raw, space, (~sends | space) & ~waiting)),
            coded.pairs.eq(Mux(joins, with_pair, kept)), coded.last.eq(stream_ends & ~waiting),
        ]
        with m.If(space):
            m.d.sync += self.o.valid.eq(Mux(self.raw, self.i.valid, sends))
            m.d.sync += self.o.payload.eq(Mux(self.raw, self.i.payload.values, coded))
        with m.If(~self.raw & (~sends | space)):
            with m.If(sends):
                m.d.sync += [kept.eq(0), count.eq(0)]
                with m.If(pair_valid & ~joins & ~waiting):
                    m.d.sync += [kept[0].eq(pair), count.eq(1)]
            with m.Elif(pair_valid):
                m.d.sync += [kept.eq(with_pair), count.eq(count + 1)]
