"""Stream primitives: a queue between any two modules."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .block import Block
from .memory import memory

__all__ = ["Queue", "lanes", "signals", "tree_sum", "wrapped_increment"]


class Queue(Block):
    """First in, first out; `ready` and `valid` come from registers.

    Parameters
    ----------
    shape : ShapeLike
        Payload.
    depth : int
        Words it holds, at least 1. With depth 1 a word passes every second cycle.

    Members
    -------
    i : In(stream of `shape`), words in.
    o : Out(stream of `shape`), words out; a word is there one cycle after it was accepted at `i`.
    level : Out(range(depth + 1)), words held.

    One module serves all shapes of one width.
    """

    def __init__(self, shape, depth):
        if depth < 1:
            raise ValueError(f"depth must be at least 1, not {depth!r}")
        self._shape, self._depth = shape, depth
        self.module_name = f"queue_{Shape.cast(shape).width}x{depth}"
        super().__init__(self._ports(Shape.cast(shape).width))

    def _ports(self, shape):
        return {"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)),
                "level": Out(range(self._depth + 1))}

    @property
    def outside(self):
        return wiring.Signature(self._ports(self._shape))

    def elaborate(self, platform):
        m = Module()
        push, pop = signals("push pop")
        m.d.comb += [
            push.eq(self.i.valid & self.i.ready), pop.eq(self.o.valid & self.o.ready),
            self.i.ready.eq(self.level != self._depth), self.o.valid.eq(self.level != 0),
        ]
        m.d.sync += self.level.eq(self.level + push - pop)
        if self._depth == 1:
            word = Signal(len(self.i.payload), reset_less=True)
            m.d.comb += self.o.payload.eq(word)
            with m.If(push):
                m.d.sync += word.eq(self.i.payload)
        else:
            self._words(m, push, pop)
        return m

    def _words(self, m, push, pop):
        depth = self._depth
        m.submodules.words = words = memory(len(self.i.payload), depth)
        write, read = words.write_port(), words.read_port(domain="comb")
        head, tail = signals("head tail", range(depth))
        m.d.comb += [
            self.o.payload.eq(read.data), read.addr.eq(head),
            write.en.eq(push), write.data.eq(self.i.payload), write.addr.eq(tail),
        ]
        with m.If(push):
            m.d.sync += tail.eq(wrapped_increment(tail, depth))
        with m.If(pop):
            m.d.sync += head.eq(wrapped_increment(head, depth))


def signals(names, shape=1):
    """Signals of one shape from their names: a tuple of `Signal()` would lose them."""
    return [Signal(shape, name=name, src_loc_at=2) for name in names.split()]


def wrapped_increment(pointer, depth):
    """`pointer` + 1, or 0 after `depth` - 1."""
    if isinstance(depth, int) and depth & (depth - 1) == 0:
        return (pointer + 1)[: max(1, (depth - 1).bit_length())] if depth > 1 else 0
    return Mux(pointer == depth - 1, 0, pointer + 1)


def lanes(word, width=16):
    """The lanes of a 64-bit word, lowest first."""
    word = Value.cast(word)
    return [word[start:start + width] for start in range(0, len(word), width)]


def tree_sum(values):
    """Sum of unsigned values as a balanced tree: `sum()` would be a chain."""
    values = list(values)
    while len(values) > 1:
        pairs = [a + b for a, b in zip(values[::2], values[1::2], strict=False)]
        values = pairs + values[len(pairs) * 2:]
    return values[0] if values else Cat()
