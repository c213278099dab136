"""The pointers of a ring buffer whose content is read several times over.

The ifmap spad, the filter spad and the GLB's ifmaps work alike: words come in order, and a window of them is read
several times. In its last reading each word is freed as it is read, so that the words of the next window are written
right behind the read pointer and no stall comes between two windows.

        tail          read            write
         |  held words |  words ahead  |
    ...--+-------------+---------------+---->
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from .block import Block

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
    push : In(1), a word is written at `write_address` in this cycle; only while `ready`.
    step : In(1), the word at `read_address` is read in this cycle; only while `available`.
    retire : In(1), with `step`: the oldest word held is freed; its place may be written from the next cycle on.
    rewind : In(1), with `step`: the next reading starts at the oldest word still held.
    ready : Out(1), there is room for a word.
    available : Out(1), the word at `read_address` is there.
    write_address, read_address : Out(range(depth)).
    words : In(range(depth + 1)), where `variable`: words of the memory that are used.
    restart : In(1), where `variable`: begin with an empty ring of `words` words.
    """

    def __init__(self, depth, *, variable=False):
        self._depth, self._variable = depth, variable
        self.module_name = f"ring_{depth}" + ("_variable" if variable else "")
        ports = {
            "push": In(1), "step": In(1), "retire": In(1), "rewind": In(1),
            "ready": Out(1), "available": Out(1),
            "write_address": Out(range(depth)), "read_address": Out(range(depth)),
        }
        if variable:
            ports |= {"words": In(range(depth + 1)), "restart": In(1), "ready": Out(1, init=1)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        limit = self.words if self._variable else self._depth
        shape = data.StructLayout({"address": range(self._depth), "lap": 1})
        tail, next_tail, read, write = (Signal(shape, name=name) for name in ("tail", "next_tail", "read", "write"))
        releasing = Signal()

        def behind(pointer, name):
            """The word behind a pointer, which is in another lap where it comes round again."""
            wraps, word = Signal(name=f"{name}_wraps"), Signal(shape, name=f"behind_{name}")
            m.d.comb += [
                wraps.eq(pointer.address == limit - 1),
                word.eq(Cat(Mux(wraps, 0, pointer.address + 1)[:len(pointer.address)], pointer.lap ^ wraps)),
            ]
            return word

        behind_tail, behind_read, behind_write = behind(tail, "tail"), behind(read, "read"), behind(write, "write")
        if self._variable:
            self._foresee(m, behind_read, behind_write, tail, next_tail, write, releasing)
        else:
            m.d.comb += [
                # as many words as there is room for, or none: the same address, told apart by the lap
                self.ready.eq((write.address != tail.address) | (write.lap == tail.lap)),
                self.available.eq(read != write),
            ]
        m.d.comb += [
            releasing.eq(self.step & self.retire),
            next_tail.eq(Mux(releasing, behind_tail, tail)),
            self.write_address.eq(write.address), self.read_address.eq(read.address),
        ]
        m.d.sync += tail.eq(next_tail)
        with m.If(self.push):
            m.d.sync += write.eq(behind_write)
        with m.If(self.step):
            m.d.sync += read.eq(Mux(self.rewind, next_tail, behind_read))
        if self._variable:
            with m.If(self.restart):
                m.d.sync += [pointer.eq(0) for pointer in (tail, read, write)]
        return m

    def _foresee(self, m, behind_read, behind_write, tail, next_tail, write, releasing):
        """`ready` and `available` from registers: a large memory's pointers take long to compare."""
        fills = (behind_write.address == tail.address) & (behind_write.lap != tail.lap)
        with m.If(self.restart):
            m.d.sync += [self.ready.eq(1), self.available.eq(0)]
        with m.Else():
            with m.If(releasing):
                m.d.sync += self.ready.eq(1)
            with m.Elif(self.push):
                m.d.sync += self.ready.eq(~fills)
            with m.If(self.push):
                m.d.sync += self.available.eq(1)
            with m.Elif(self.step):
                m.d.sync += self.available.eq(Mux(self.rewind, next_tail != write, behind_read != write))
