"""The pointers of a ring buffer whose content is read several times over.

The ifmap spad, the filter spad and the GLB's ifmaps all work alike: words come in order, a window of
them is read again and again, and in its last reading every word is dead once read, so that the words of
the next window chase the read pointer and nothing waits (design idea: no time to load).

        tail          read            write
         |  held words |  words ahead  |
    ...--+-------------+---------------+---->
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from .place import Block
from .stream import signals, wrapped_increment

__all__ = ["Ring"]


class Ring(Block):
    """Pointers of a ring buffer.

    Parameters
    ----------
    depth : int
        Words of the memory.
    variable : bool
        Whether the input `words` sets how many of them are used, from each `restart` on; all otherwise.

    Members
    -------
    push : a word is written at `write_address`; only while `ready`.
    step : the word at `read_address` is read; only while `available`.
    release : qualifies `step`: the oldest word held is dead from now on.
    rewind : qualifies `step`: the next reading starts at the oldest word still held.
    """

    def __init__(self, depth, *, variable=False):
        self._depth, self._variable = depth, variable
        self.module_name = f"ring_{depth}" + ("_variable" if variable else "")
        ports = {
            "push": In(1), "step": In(1), "release": In(1), "rewind": In(1),
            "ready": Out(1), "available": Out(1),
            "write_address": Out(range(depth)), "read_address": Out(range(depth)),
        }
        if variable:
            ports |= {"words": In(range(depth + 1)), "restart": In(1)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        limit = self.words if self._variable else self._depth
        tail, next_tail = signals("tail next_tail", range(self._depth))
        held, next_held, ahead = signals("held next_held ahead", range(self._depth + 1))
        releasing = Signal()
        m.d.comb += [
            self.ready.eq(held != limit),
            self.available.eq(ahead != 0),
            releasing.eq(self.step & self.release),
            next_tail.eq(Mux(releasing, wrapped_increment(tail, limit), tail)),
            next_held.eq(held + self.push - releasing),
        ]
        m.d.sync += [tail.eq(next_tail), held.eq(next_held)]
        with m.If(self.push):
            m.d.sync += self.write_address.eq(wrapped_increment(self.write_address, limit))
        with m.If(self.step & self.rewind):
            m.d.sync += [self.read_address.eq(next_tail), ahead.eq(next_held)]
        with m.Else():
            m.d.sync += ahead.eq(ahead + self.push - self.step)
            with m.If(self.step):
                m.d.sync += self.read_address.eq(wrapped_increment(self.read_address, limit))
        if self._variable:
            with m.If(self.restart):
                m.d.sync += [register.eq(0) for register in
                             (tail, held, ahead, self.write_address, self.read_address)]
        return m
