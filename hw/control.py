"""The layer controller: starts the data paths, knows when the layer is done, says why the array waits."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from .place import Block
from .stream import signals

__all__ = ["LayerController"]


class LayerController(Block):
    """Start, done, fault, and the cause of each cycle without a MAC.

    The cause is that of the array as a whole: only a cycle in which no PE does a MAC is a wait. A wait
    is DRAM's where a stream from or to DRAM has run dry or full, else it is ramp: the networks fill or
    empty the array.

    Members
    -------
    start : pulse from the host; go : a cycle later, to all data paths.
    busy, done : between the two; after it, until the next start.
    fault : sticky; a word was sent to no PE (`unclaimed`), an RLC stream was `malformed`, the layer was
        `stuck` (neither a MAC nor a word over the link for WATCHDOG cycles), or words were left over when
        it was done (`surplus`). Each cause has a counter.
    macs_busy : some PE does a MAC; the other inputs are the data paths' states.
    mac_cycle, ramp, wait_* : the kind of this cycle, exactly one while busy.
    """

    module_name = "layer_controller"
    WATCHDOG = 1 << 14

    def __init__(self):
        super().__init__({
            "start": In(1), "go": Out(1), "busy": Out(1), "done": Out(1), "fault": Out(1),
            "unclaimed": In(1), "malformed": In(1), "leftover": In(1), "link_moves": In(1),
            "stuck": Out(1), "surplus": Out(1), "macs_busy": In(1), "ifmap_starved": In(1), "filter_starved": In(1),
            "ofmap_blocked": In(1), "collecting": In(1), "draining": In(1), "written": In(1),
            "flush": Out(1),
            "mac_cycle": Out(1), "ramp": Out(1), "wait_ifmap": Out(1), "wait_filter": Out(1),
            "wait_ofmap": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        finished, settled, ends = signals("finished settled ends")
        moves = Signal(init=1)
        idle = Signal(range(self.WATCHDOG))
        m.d.comb += [
            finished.eq(self.flush & self.written),
            ends.eq(self.busy & finished & settled), self.surplus.eq(ends & self.leftover),
            self.stuck.eq(self.busy & (idle == self.WATCHDOG - 1)),
        ]
        m.d.sync += moves.eq(~self.busy | self.macs_busy | self.link_moves)
        with m.If(moves):
            m.d.sync += idle.eq(0)
        with m.Else():
            m.d.sync += idle.eq(idle + 1)
        m.d.sync += [
            self.go.eq(self.start & ~self.busy), settled.eq(finished),
            self.flush.eq(self.busy & ~self.draining & ~self.go),
        ]
        with m.If(self.start & ~self.busy):
            m.d.sync += [self.busy.eq(1), self.done.eq(0), self.fault.eq(0)]
        with m.Elif(ends):
            m.d.sync += [self.busy.eq(0), self.done.eq(1)]
        with m.If(self.busy & (self.unclaimed | self.malformed | self.stuck | self.surplus)):
            m.d.sync += self.fault.eq(1)
        with m.If(self.busy):
            with m.If(self.macs_busy):
                m.d.comb += self.mac_cycle.eq(1)
            with m.Elif(self.ofmap_blocked | ~self.collecting):
                m.d.comb += self.wait_ofmap.eq(1)
            with m.Elif(self.ifmap_starved):
                m.d.comb += self.wait_ifmap.eq(1)
            with m.Elif(self.filter_starved):
                m.d.comb += self.wait_filter.eq(1)
            with m.Else():
                m.d.comb += self.ramp.eq(1)
        return m
