"""Queue: no word is lost, doubled, changed or overtaken; what is offered stays."""

import pytest
from amaranth.hdl import Assert, Mux, Signal

from hw.kit.internals import AnySeq
from hw.kit.stream import Queue
from tests.formal.prove import never_reset, prove

pytestmark = pytest.mark.slow

WIDTH = 4


class ProvedQueue(Queue):
    """Follows one word, any one that a free input picks, from its entrance to its exit.

    Where each word comes out unchanged after as many others as were before it, all do.
    """

    def __init__(self, depth):
        super().__init__(WIDTH, depth)
        self.module_name = "proved_queue"

    def elaborate(self, platform):
        m = super().elaborate(platform)
        depth = self._depth
        following = Signal()
        ahead = Signal(range(depth + 1))
        word = Signal(WIDTH)
        push, pop = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        with m.If(push & AnySeq(1) & ~following):
            m.d.sync += [following.eq(1), word.eq(self.i.payload), ahead.eq(self.level - pop)]
        with m.If(following & pop):
            m.d.sync += [following.eq(ahead != 0), ahead.eq(Mux(ahead != 0, ahead - 1, 0))]
            with m.If(ahead == 0):
                m.d.comb += Assert(self.o.payload == word)

        m.d.comb += Assert(self.level <= depth)
        place = self._at(m, ahead)
        with m.If(following):
            m.d.comb += [Assert(ahead < self.level), Assert(place == word)]
        self._stays(m)
        never_reset(m)
        return m

    def _at(self, m, ahead):
        """The word that `ahead` others are before: what makes the proof inductive."""
        depth = self._depth
        if depth == 1:
            return self.o.payload
        words = m.submodules.words
        head, tail = words.read_ports[0].addr, words.write_ports[0].addr
        place = words.read_port(domain="comb")
        wrapped = Signal(range(2 * depth + 1))
        m.d.comb += [
            wrapped.eq(head + self.level),
            Assert(head < depth), Assert(tail < depth),  # the pointers enclose `level` words
            Assert(tail == Mux(wrapped >= depth, wrapped - depth, wrapped)),
            place.addr.eq(Mux(head + ahead >= depth, head + ahead - depth, head + ahead)),
        ]
        return place.data

    def _stays(self, m):
        waiting = Signal()
        offered = Signal(WIDTH)
        m.d.sync += [waiting.eq(self.o.valid & ~self.o.ready), offered.eq(self.o.payload)]
        with m.If(waiting):
            m.d.comb += [Assert(self.o.valid), Assert(self.o.payload == offered)]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_queue(depth, tmp_path):
    assert prove(ProvedQueue(depth), tmp_path)


@pytest.mark.parametrize("pattern, new", [
    (r"{ \\push \[0\] \\push \[0\]", "{ 1'0 \\push [0]"),
    (r"connect \\B 2'10\n    connect \\Y \\i__ready", "connect \\B 2'11\n    connect \\Y \\i__ready"),
    (r"connect \\B \\o__ready \[0\]\n    connect \\Y \\pop", "connect \\B 1'1\n    connect \\Y \\pop"),
], ids=["bit_not_written", "overfilled", "pops_unasked"])
def test_broken_queue(pattern, new, tmp_path):
    assert not prove(ProvedQueue(2), tmp_path, change=("proved_queue", pattern, new))
