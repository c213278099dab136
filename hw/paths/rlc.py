"""The run-length codec (Section IV-B, Fig. 8); `golden.rlc` is its twin and describes the format.

Both sides pass one (run, level) pair a cycle, more than the link can (0.3 words of three pairs a core
cycle), and up to four zeros a cycle within a run.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.kit.block import Block, place
from hw.kit.payloads import LANES, QUAD
from hw.kit.stream import Queue, lanes, signals

__all__ = ["DecodedWord", "RlcDecoder", "RlcEncoder", "RlcWord", "StreamWord"]

PAIRS = 3
MOST_RUN = 31


class Pair(data.Struct):
    """`run` zeros and then `level`."""

    run: 5
    level: 16


class RlcWord(data.Struct):
    """Three pairs, and whether they are the last of a stream."""

    pairs: data.ArrayLayout(Pair, PAIRS)
    last: 1


class DecodedWord(data.Struct):
    """Four values, or, where `ends`, no values but the end of a stream; `bad` if it ended amid a word."""

    values: QUAD
    ends: 1
    bad: 1


class StreamWord(data.Struct):
    """Four values, whether they are the last of a stream, and which of them are not zero."""

    values: QUAD
    last: 1
    nonzero: LANES


class RlcDecoder(Block):
    """Pairs to words of four values.

    Latency: two cycles from the pair that fills a word to that word, or a cycle where `raw`.
    Throughput: a pair and up to four values a cycle.

    Members
    -------
    raw : In(1), setting: words pass as they are, and no stream ends.
    i : In(stream of 64 bits), RLC words.
    o : Out(stream of DecodedWord), decoded words, and a mark after each stream.
    """

    module_name = "rlc_decoder"

    def __init__(self):
        super().__init__({
            "raw": In(1), "i": In(stream.Signature(QUAD)), "o": Out(stream.Signature(DecodedWord)),
        })

    def elaborate(self, platform):
        m = Module()
        word = RlcWord(self.i.payload)
        pair = Signal(range(PAIRS))
        taken = Signal(5)
        lane = Signal(range(LANES))
        kept = Signal(QUAD - 16)  # lanes of a word that is not full yet
        ending, active, fits, fills, last_pair = signals("ending active fits fills last_pair")
        out = place(m, Queue(DecodedWord, 2), "out")
        connect(m, out.o, flipped(self.o))
        current = Signal(Pair)
        present, final, free = signals("present final free")  # there is a pair; it is the stream's last
        run = Signal(5)
        after = Signal(6)
        m.d.comb += [
            run.eq(current.run - taken),  # zeros of this pair that are still to come
            # the next word gathers while the last one waits for its taker
            active.eq(present & ~ending & (~fills | out.i.ready)), free.eq(~present | (active & fits)),
            after.eq(lane + run + 1),
            fits.eq(after <= LANES), fills.eq(after >= LANES), last_pair.eq(pair == PAIRS - 1),
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
                     for index, earlier in enumerate([*lanes(kept), Const(0, 16)]))
        m.d.comb += [
            out.i.valid.eq((active & fills) | ending | (self.raw & self.i.valid)),
            out.i.payload.values.eq(Mux(self.raw, self.i.payload, values)), out.i.payload.ends.eq(ending),
            out.i.payload.bad.eq((lane == LANES - 1) | kept.any()),
        ]
        with m.If(ending & out.i.ready):
            m.d.sync += [ending.eq(0), lane.eq(0), kept.eq(0)]
        with m.If(active):
            m.d.sync += [
                lane.eq(Mux(fills, 0, after)), kept.eq(Mux(fills, 0, values)),
                taken.eq(Mux(fits, 0, taken + LANES - lane)),
            ]
            with m.If(fits & final):
                m.d.sync += ending.eq(1)
        return m


class RlcEncoder(Block):
    """Words of four values to pairs.

    Latency: an RLC word is at `o` a cycle after the pair that follows its last one, or after the end of its stream;
    a cycle where `raw`. Throughput: a pair, or up to four zeros, a cycle.

    Members
    -------
    raw : In(1), setting: words pass as they are.
    i : In(stream of StreamWord), words of values.
    o : Out(stream of 64 bits), RLC words.
    running : Out(1), a value, a pair or a word is held.
    """

    module_name = "rlc_encoder"

    def __init__(self):
        super().__init__({
            "raw": In(1), "i": In(stream.Signature(StreamWord)), "o": Out(stream.Signature(QUAD)),
            "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        pair = Signal(Pair)
        pair_valid, stream_ends, accepted = signals("pair_valid stream_ends accepted")
        self._pairs(m, pair, pair_valid, stream_ends, accepted)
        self._words(m, pair, pair_valid, stream_ends, accepted)
        return m

    def _pairs(self, m, pair, pair_valid, stream_ends, accepted):
        """Find the next value that is not zero, or 32 zeros, or the end."""
        skip = Signal(range(LANES))
        run = Signal(5)
        flushing = Signal()
        values = lanes(self.i.payload.values)
        nonzero = Cat(flag & (index >= skip) for index, flag in enumerate(self.i.payload.nonzero))
        first = Signal(range(LANES + 1))
        found = Signal()
        rest = Signal(range(LANES))
        zeros = Signal(6)
        later = Signal()
        m.d.comb += [first.eq(LANES), found.eq(nonzero.any())]
        for index in reversed(range(LANES)):
            with m.If(nonzero[index]):
                m.d.comb += first.eq(index)
        m.d.comb += [
            zeros.eq(run + first - skip),
            rest.eq(LANES - 1 - first),
            later.eq((nonzero & (nonzero - 1)[:LANES]).any()),  # another one follows in this word
        ]
        level = Signal(16)
        with m.Switch(first):
            for index, value in enumerate(values):
                with m.Case(index):
                    m.d.comb += level.eq(value)
        offered = self.i.valid & ~self.raw & ~flushing
        full = zeros > MOST_RUN
        word_done = Signal()  # nothing of this word is left after this cycle
        m.d.comb += [
            pair_valid.eq(Mux(flushing, run != 0, offered & (found | full))),
            pair.run.eq(Mux(flushing, run - 1, Mux(full, MOST_RUN, zeros))),
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
                run.eq(Mux(full, zeros - MOST_RUN - 1, Mux(~found, zeros, Mux(later, 0, rest)))),
                skip.eq(Mux(word_done, 0, Mux(full, first, first + 1))),
                flushing.eq(word_done & self.i.payload.last),
            ]
        m.d.comb += self.running.eq(flushing | self.i.valid | self.o.valid)

    def _words(self, m, pair, pair_valid, stream_ends, accepted):
        """Gather three pairs; a full word waits for what follows, as it may be the last."""
        kept, with_pair = signals("kept with_pair", data.ArrayLayout(Pair, PAIRS))
        count = Signal(range(PAIRS + 1))
        waiting = Signal()
        space = ~self.o.valid | self.o.ready
        joins = Signal()  # the pair still finds place in the word
        coded = Signal(RlcWord)
        m.d.comb += [joins.eq(count != PAIRS), with_pair.eq(kept)]
        for index in range(PAIRS):
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
