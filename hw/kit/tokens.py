"""Tokens: what one data path may use and another has made."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from .block import Block

__all__ = ["Tokens"]


class Tokens(Block):
    """Counts up to `most` tokens; whether there are any comes from a register of its own.

    Members
    -------
    restart : In(1), begin with `words` tokens.
    words : In(range(most + 1)), with `restart`.
    add : In(1), one more from the next cycle on.
    take : In(1), one less from the next cycle on; only while `any`.
    any : Out(1), at least one is left.
    """

    def __init__(self, most):
        self._most = most
        self.module_name = f"tokens_{most}"
        super().__init__({
            "restart": In(1), "words": In(range(most + 1)), "add": In(1), "take": In(1), "any": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        count = Signal(range(self._most + 1))
        with m.If(self.restart):
            m.d.sync += [count.eq(self.words), self.any.eq(self.words != 0)]
        with m.Elif(self.add & ~self.take):
            m.d.sync += [count.eq(count + 1), self.any.eq(1)]
        with m.Elif(self.take & ~self.add):
            m.d.sync += [count.eq(count - 1), self.any.eq(count != 1)]
        return m
