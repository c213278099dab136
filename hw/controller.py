"""The layer controller: starts the data paths, knows when the layer is done, says why the array waits."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block
from hw.kit.stream import signals

__all__ = ["LayerController"]


class LayerController(Block):
    """Start, done, fault, and the cause of each cycle without a MAC.

    The cause is that of the array as a whole: only a cycle in which no PE does a MAC is a wait. It is DRAM's where a
    stream from DRAM is empty or the one to DRAM is full; all other cycles without a MAC are ramp, in which the
    networks fill or empty the array.

    Latency: `go` is high `rows` + 1 cycles after `start`, when the settings have reached every row of PEs.

    Parameters
    ----------
    rows : int
        Rows of PEs.

    Members
    -------
    start : In(1), begin the layer in this cycle; ignored while `busy`.
    begins : Out(1), high in the cycle after such a `start`: the counters are cleared.
    go : Out(1), all data paths begin in this cycle.
    busy : Out(1), from the cycle after `start` to that of `ends`.
    done : Out(1), from the cycle after `ends` to the next `start`.
    fault : Out(1), from the cycle after the first of `unclaimed`, `malformed`, `stuck` and `leftover` to the next
        `start`; `hw.counters` keeps each cause.
    unclaimed : In(1), a word was sent to no PE.
    malformed : In(1), a stream of ifmaps was too short or too long, or ended amid a word.
    leftover : In(1), words are left in a data path; counts in the cycle of `ends`.
    ends : Out(1), the last cycle of the layer.
    stuck : Out(1), no PE did a MAC and no word crossed the link for WATCHDOG core cycles and WATCHDOG_TICKS of
        `link_tick`, so that a slow clock on either side is no fault; high for one cycle each time.
    link_moves : In(1), a word is taken from the link or given to it in this cycle.
    link_tick : In(1), see `LinkTick`.
    macs_busy : In(1), some PE does a MAC in this cycle.
    ifmap_starved, filter_starved : In(1), the next ifmap or filter word has not come from DRAM.
    ofmap_blocked : In(1), a psum word waits for a place in the GLB whose ofmap has not left.
    collecting : In(1), psums are still to come from the array.
    draining : In(1), ofmaps are still to come from the GLB.
    written : In(1), every word to DRAM has been taken on the link's side.
    flush : Out(1), no more ofmaps will come: the last burst is written, whatever its length.
    mac_cycle, ramp, wait_ifmap, wait_filter, wait_ofmap : Out(1), the kind of this cycle, exactly one while `busy`.
    """

    module_name = "layer_controller"
    WATCHDOG = 1 << 14
    WATCHDOG_TICKS = 3

    def __init__(self, rows):
        self._rows = rows
        super().__init__({
            "start": In(1), "begins": Out(1), "go": Out(1), "busy": Out(1), "done": Out(1), "fault": Out(1),
            "unclaimed": In(1), "malformed": In(1), "leftover": In(1), "link_moves": In(1), "link_tick": In(1),
            "stuck": Out(1), "ends": Out(1), "macs_busy": In(1), "ifmap_starved": In(1), "filter_starved": In(1),
            "ofmap_blocked": In(1), "collecting": In(1), "draining": In(1), "written": In(1),
            "flush": Out(1),
            "mac_cycle": Out(1), "ramp": Out(1), "wait_ifmap": Out(1), "wait_filter": Out(1),
            "wait_ofmap": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        finished, settled, starts = signals("finished settled starts")
        waiting = Signal(self._rows)  # settings climb a row a cycle, and DRAM may be faster
        m.d.comb += [
            finished.eq(self.flush & self.written), self.ends.eq(self.busy & finished & settled),
            starts.eq(self.start & ~self.busy), self.begins.eq(waiting[0]),
        ]
        self._watchdog(m)
        m.d.sync += [
            Cat(waiting, self.go).eq(Cat(starts, waiting)), settled.eq(finished),
            self.flush.eq(self.busy & ~self.draining & ~self.go & ~waiting.any()),
        ]
        with m.If(starts):
            m.d.sync += [self.busy.eq(1), self.done.eq(0), self.fault.eq(0)]
        with m.Elif(self.ends):
            m.d.sync += [self.busy.eq(0), self.done.eq(1)]
        with m.If(self.busy & (self.unclaimed | self.malformed | self.stuck | (self.ends & self.leftover))):
            m.d.sync += self.fault.eq(1)
        self._kind(m, waiting.any())
        return m

    def _watchdog(self, m):
        moves = Signal(init=1)
        idle = Signal(range(self.WATCHDOG))
        ticks = Signal(range(self.WATCHDOG_TICKS + 1))
        long, long_on_link = signals("long long_on_link")
        m.d.comb += [
            long.eq(idle == self.WATCHDOG - 1), long_on_link.eq(ticks == self.WATCHDOG_TICKS),
            self.stuck.eq(self.busy & long & long_on_link),
        ]
        m.d.sync += moves.eq(~self.busy | self.macs_busy | self.link_moves)
        with m.If(moves | self.stuck):
            m.d.sync += [idle.eq(0), ticks.eq(0)]
        with m.Else():
            m.d.sync += [idle.eq(idle + ~long), ticks.eq(ticks + (self.link_tick & ~long_on_link))]

    def _kind(self, m, waiting):
        """The kind of this cycle."""
        with m.If(self.busy):
            with m.If(self.macs_busy):
                m.d.comb += self.mac_cycle.eq(1)
            with m.Elif(~waiting & (self.ofmap_blocked | ~self.collecting)):
                m.d.comb += self.wait_ofmap.eq(1)
            with m.Elif(~waiting & self.ifmap_starved):
                m.d.comb += self.wait_ifmap.eq(1)
            with m.Elif(~waiting & self.filter_starved):
                m.d.comb += self.wait_filter.eq(1)
            with m.Else():
                m.d.comb += self.ramp.eq(1)
