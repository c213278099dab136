"""A block whose strobes a bench may raise at any time."""

from amaranth.hdl import Module
from amaranth.lib.wiring import In

from hw.kit.block import Block, place


class Guarded(Block):
    """A block whose strobes wait for what permits them, in the same cycle.

    A bench that samples at the edge cannot know whether the next cycle permits a strobe.

    Parameters
    ----------
    inner : Block
    guards : dict of str to str
        Strobe to the output without which it must not rise. The ports keep their names.
    """

    def __init__(self, inner, guards):
        self._inner, self._guards = inner, guards
        self.module_name = f"guarded_{inner.module_name}"
        super().__init__(inner.signature)

    def elaborate(self, platform):
        m = Module()
        inner = place(m, self._inner, "inner")
        for path, member, port in self.signature.flatten(self):
            placed = inner
            for step in path:
                placed = placed[step] if isinstance(step, int) else getattr(placed, step)
            if member.flow == In:
                allowed = getattr(inner, self._guards[path[0]]) if path[0] in self._guards else 1
                m.d.comb += placed.eq(port & allowed if path[0] in self._guards else port)
            else:
                m.d.comb += port.eq(placed)
        return m
