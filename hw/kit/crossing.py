"""Every crossing between the core clock and the link clock: asynchronous FIFOs (Fig. 2), single levels."""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from .block import Block, Crossing, place
from .interfaces import DramLink
from .memory import memory
from .payloads import QUAD
from .stream import signals

__all__ = ["AsyncQueue", "LevelSync", "Link", "LinkTick"]

#: Attribute of the flip-flops of a synchroniser: Vivado puts them side by side, and moves no logic between them.
ASYNC_REG = {"ASYNC_REG": "TRUE"}


class AsyncQueue(Block):
    """A queue from clock domain `write` to clock domain `read`, with Gray-coded pointers.

    The design is style #2 of Cummings, "Simulation and Synthesis Techniques for Asynchronous FIFO Design", 2002.
    Each side is reset by its own domain. The two resets must be high together for at least one cycle of each clock:
    otherwise a side that runs already takes the other's old pointer for new words.

    Latency: a word is at `o` after the second edge of the `read` clock that follows its write, and room that a read
    made is seen after two edges of the `write` clock.

    Parameters
    ----------
    shape : ShapeLike
        Payload; one module serves all shapes of one width.
    depth : int
        Words it holds: a power of two, at least 4.

    Members
    -------
    i : In(stream), words in, `write` domain.
    o : Out(stream), words out, `read` domain.
    empty : Out(1), `write` domain: every word has been taken; up to four cycles late.
    """

    domains = ("write", "read")
    # Within a period of the pointer's own clock, lest the bits of two values in turn mix. A word is read in the edge
    # after the one that its pointer comes with. What sends a pointer has no name: a tool may merge the upper bit of
    # the Gray code with that of the binary pointer, which is the same.
    crossings = (
        Crossing("write", "read", None, "arrived_first", limit="write"),
        Crossing("read", "write", None, "freed_first", limit="read"),
        Crossing("write", "read", "words", None, limit="read"),
    )

    def __init__(self, shape, depth):
        if depth < 4 or depth & (depth - 1):
            raise ValueError(f"depth must be a power of two, at least 4, not {depth!r}")
        self._shape, self._width, self._depth = shape, Shape.cast(shape).width, depth
        self.module_name = f"async_queue_{self._width}x{depth}"
        super().__init__(self._ports(self._width))

    def _ports(self, shape):
        return {"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "empty": Out(1, init=1)}

    @property
    def outside(self):
        return wiring.Signature(self._ports(self._shape))

    def elaborate(self, platform):
        m = Module()
        lap = exact_log2(self._depth)  # the pointers' upper bit: which time round
        push, pop = signals("push pop")
        head, next_head = signals("head next_head", lap + 1)
        head_gray, tail_gray, taken_gray = signals("head_gray tail_gray taken_gray", lap + 1)
        tail, next_tail = signals("tail next_tail", lap + 1)
        arrived = self._cross(m, "read", head_gray, "arrived")
        freed = self._cross(m, "write", tail_gray, "freed")
        m.d.comb += [
            push.eq(self.i.valid & self.i.ready), next_head.eq(head + push),
            # full: the same place one lap on, in which Gray code differs by the two upper bits
            self.i.ready.eq(head_gray != freed ^ (0b11 << lap - 1)),
            pop.eq(self.o.valid & self.o.ready), next_tail.eq(tail + pop),
            self.o.valid.eq(tail_gray != arrived),
        ]
        m.d.write += [
            head.eq(next_head), head_gray.eq(next_head ^ next_head >> 1),
            taken_gray.eq(freed), self.empty.eq(head_gray == taken_gray),
        ]
        m.d.read += [tail.eq(next_tail), tail_gray.eq(next_tail ^ next_tail >> 1)]
        m.submodules.words = words = memory(self._width, self._depth)
        write, read = words.write_port(domain="write"), words.read_port(domain="read")
        m.d.comb += [
            write.en.eq(push), write.addr.eq(head[:lap]), write.data.eq(self.i.payload),
            # the word at the pointer of the cycle to come, so that it is there with `valid`
            read.en.eq(1), read.addr.eq(next_tail[:lap]), self.o.payload.eq(read.data),
        ]
        return m

    def _cross(self, m, domain, pointer, name):
        """A Gray-coded pointer of the other domain, through two flip-flops of this one."""
        first, settled = (
            Signal.like(pointer, name=f"{name}_{step}", attrs=ASYNC_REG) for step in ("first", "settled"))
        m.d[domain] += [first.eq(pointer), settled.eq(first)]
        return settled


class LevelSync(Block):
    """A single bit into this module's clock domain, through two flip-flops.

    Latency: two cycles, or three where `i` changes close to the clock's edge.

    Members
    -------
    i : In(1), from a flip-flop of the other domain; each level has to last for two cycles of this domain at least.
    o : Out(1), that level.
    """

    module_name = "level_sync"
    crossings = (Crossing(None, "sync", None, "first", limit=None),)

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        first = Signal(reset_less=True, attrs=ASYNC_REG)
        settled = Signal(reset_less=True, attrs=ASYNC_REG)
        m.d.sync += [first.eq(self.i), settled.eq(first)]
        m.d.comb += self.o.eq(settled)
        return m


class LinkTick(Block):
    """Tells the core clock how fast the link clock runs, whichever is the faster.

    The core's cycles must not be longer than CYCLES of the link's.

    Members
    -------
    o : Out(1), core clock: high for one cycle in every CYCLES cycles of the link clock.
    """

    module_name = "link_tick"
    domains = ("sync", "link")
    CYCLES = 1 << 11

    def __init__(self):
        super().__init__({"o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(range(2 * self.CYCLES))
        before = Signal()
        level = place(m, LevelSync(), "level")
        m.d.link += count.eq(count + 1)
        m.d.sync += before.eq(level.o)
        m.d.comb += [level.i.eq(count[-1]), self.o.eq(level.o != before)]
        return m


class Link(Block):
    """DRAM's commands and write data from the core clock to the link clock, its read data back.

    Latency and throughput: see `AsyncQueue`; a word each cycle of the slower clock.

    Members
    -------
    core : In(DramLink), core clock.
    link : Out(DramLink), link clock.
    written : Out(1), core clock: every command and write word has been taken on the link side.
    """

    module_name = "link"
    domains = ("sync", "link")
    DEPTH = 8  # enough for a word a link cycle in spite of the synchronisers

    def __init__(self):
        super().__init__({"core": In(DramLink()), "link": Out(DramLink()), "written": Out(1)})

    def elaborate(self, platform):
        m = Module()
        outward, inward = {"write": "sync", "read": "link"}, {"write": "link", "read": "sync"}
        commands = place(m, AsyncQueue(QUAD, self.DEPTH), "commands", outward)
        writes = place(m, AsyncQueue(QUAD, self.DEPTH), "writes", outward)
        reads = place(m, AsyncQueue(QUAD, self.DEPTH), "reads", inward)
        core, link = self.core, self.link
        m.d.comb += [  # commands have fewer bits than the queue: one module serves all three
            commands.i.valid.eq(core.bursts.valid), commands.i.payload.eq(core.bursts.payload),
            core.bursts.ready.eq(commands.i.ready),
            link.bursts.valid.eq(commands.o.valid), link.bursts.payload.eq(commands.o.payload),
            commands.o.ready.eq(link.bursts.ready),
        ]
        connect(m, flipped(core.write_words), writes.i)
        connect(m, writes.o, flipped(link.write_words))
        connect(m, flipped(link.read_words), reads.i)
        connect(m, reads.o, flipped(core.read_words))
        m.d.comb += self.written.eq(commands.empty & writes.empty)
        return m
