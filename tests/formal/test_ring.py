"""Ring: the read pointer stays between the oldest word held and the write pointer, whatever comes."""

from collections import namedtuple

import pytest
from amaranth.hdl import Assert, Assume, Mux, Signal

from hw.kit.ring import Ring
from tests.formal.prove import inner, never_reset, prove

pytestmark = pytest.mark.slow

Pointer = namedtuple("Pointer", "address lap")


class ProvedRing(Ring):
    def __init__(self, depth, *, variable=False):
        super().__init__(depth, variable=variable)
        self.module_name = "proved_ring"

    def elaborate(self, platform):
        m = super().elaborate(platform)
        tail, read, write = (Pointer(signal[:-1], signal[-1])
                             for signal in (inner(m, name) for name in ("tail", "read", "write")))
        limit = self._limit(m)

        def distance(start, end):
            return Mux(end.lap == start.lap, end.address - start.address, end.address + limit - start.address)

        held, ahead = Signal(range(-self._depth, 2 * self._depth)), Signal(range(-self._depth, 2 * self._depth))
        m.d.comb += [
            held.eq(distance(tail, write)), ahead.eq(distance(read, write)),
            # the protocol
            Assume(~self.push | self.ready), Assume(~self.step | self.available),
            # the pointers
            Assert(tail.address < limit), Assert(read.address < limit), Assert(write.address < limit),
            Assert(ahead >= 0), Assert(ahead <= held), Assert(held <= limit),
            # so no word is overwritten that is held, and none is read that has not come
            Assert(self.ready == (held < limit)), Assert(self.available == (ahead > 0)),
        ]
        self._words_stay(m)
        never_reset(m)
        return m

    def _limit(self, m):
        if not self._variable:
            return self._depth
        before, begun = Signal.like(self.words), Signal()
        m.d.sync += [before.eq(self.words), begun.eq(1)]
        m.d.comb += [Assume(self.words > 0), Assume(self.words <= self._depth)]
        m.d.comb += Assume(~begun | (self.words == before))  # configuration: it does not change
        return self.words

    def _words_stay(self, m):
        """A word that was not yet read is not overwritten."""
        m.d.comb += Assert(~(self.push & self.available & (self.write_address == self.read_address)))


@pytest.mark.parametrize("depth, variable", [(4, False), (5, False), (5, True)])
def test_ring(depth, variable, tmp_path):
    assert prove(ProvedRing(depth, variable=variable), tmp_path)


@pytest.mark.parametrize("pattern, new", [
    (r"connect \\B \$\d+ \[0\]\n    connect \\Y \\ready", "connect \\B 1'1\n    connect \\Y \\ready"),
    (r"connect \\A \\step \[0\]\n    connect \\B \\retire \[0\]", "connect \\A 1'1\n    connect \\B \\retire [0]"),
], ids=["overfilled", "releases_unasked"])
def test_broken_ring(pattern, new, tmp_path):
    assert not prove(ProvedRing(5), tmp_path, change=("proved_ring", pattern, new))
