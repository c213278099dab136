"""Tokens: `any` says whether there are any, at every count."""

import pytest
from amaranth.hdl import Assert, Assume, Signal

from hw.kit.tokens import Tokens
from tests.formal.prove import inner, never_reset, prove

pytestmark = pytest.mark.slow


class ProvedTokens(Tokens):
    """Against a count that is simply added to."""

    def __init__(self):
        super().__init__(6)
        self.module_name = "proved_tokens"

    def elaborate(self, platform):
        m = super().elaborate(platform)
        expected = Signal(range(7))
        with m.If(self.restart):
            m.d.sync += expected.eq(self.words)
        with m.Else():
            m.d.sync += expected.eq(expected + self.add - self.take)
        m.d.comb += [
            Assume(~self.take | self.any), Assume(~self.add | (expected != 6)), Assume(self.words <= 6),
            Assert(expected <= 6), Assert(inner(m, "count") == expected), Assert(self.any == (expected != 0)),
        ]
        never_reset(m)
        return m


def test_tokens(tmp_path):
    assert prove(ProvedTokens(), tmp_path)


@pytest.mark.parametrize("pattern, new", [
    (r"Y_WIDTH 1\n    connect \\A \\count \[2:0\]\n    connect \\B 1'1",
     "Y_WIDTH 1\n    connect \\A \\count [2:0]\n    connect \\B 1'0"),
    (r"connect \\A \\words \[2:0\]\n    connect \\B {  }", "connect \\A 3'001\n    connect \\B {  }"),
], ids=["empty_too_early", "begins_with_some"])
def test_broken_tokens(pattern, new, tmp_path):
    assert not prove(ProvedTokens(), tmp_path, change=("proved_tokens", pattern, new))
