"""Ring: the read pointer stays between the oldest word held and the write pointer, whatever comes."""

import pytest
from amaranth.hdl import Assert, Assume, Mux, Signal

from hw.ring import Ring
from tests.formal.prove import inner, never_reset, prove


class ProvedRing(Ring):
    def __init__(self, depth, *, variable=False):
        super().__init__(depth, variable=variable)
        self.module_name = "proved_ring"

    def elaborate(self, platform):
        m = super().elaborate(platform)
        tail, held, ahead = (inner(m, name) for name in ("tail", "held", "ahead"))
        limit = self._limit(m)

        def distance(start, end):
            return Mux(end >= start, end - start, end + limit - start)

        m.d.comb += [
            # the protocol
            Assume(~self.push | self.ready), Assume(~self.step | self.available),
            # the pointers
            Assert(tail < limit), Assert(self.read_address < limit), Assert(self.write_address < limit),
            Assert(ahead <= held), Assert(held <= limit),
            Assert(distance(tail, self.write_address) == Mux(held == limit, 0, held)),
            Assert(distance(self.read_address, self.write_address) == Mux(ahead == limit, 0, ahead)),
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


@pytest.mark.parametrize("old, new", [
    ("connect \\B 3'101\n    connect \\Y \\ready", "connect \\B 3'110\n    connect \\Y \\ready"),
    ("\\read_address [2:0]\n    connect \\B 3'100", "\\read_address [2:0]\n    connect \\B 3'011"),
], ids=["overfilled", "wraps_early"])
def test_broken_ring(old, new, tmp_path):
    assert not prove(ProvedRing(5), tmp_path, change=("proved_ring", old, new))
