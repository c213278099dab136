"""What the chip counts, and why (Tables V and VI are computed from it)."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block

__all__ = ["COUNTERS", "EVENTS", "FAULTS", "Counters", "counter_index"]

HALF_WIDTH = 24  # a count is two of them

# name -> meaning; all but `macs` and `gated_macs` grow by at most one a cycle
EVENTS = {
    "cycles": "core cycles from start to done",
    "mac_cycles": "cycles in which at least one PE does a MAC",
    "ramp_cycles": "cycles without a MAC while the array fills or empties",
    "wait_ifmap_cycles": "cycles without a MAC, ifmaps have not come from DRAM",
    "wait_filter_cycles": "cycles without a MAC, filters have not come from DRAM",
    "wait_ofmap_cycles": "cycles without a MAC, ofmaps have not gone to DRAM",
    "macs": "MACs of all PEs, gated ones included",
    "gated_macs": "MACs whose ifmap value is zero",
    "passes": "processing passes whose ifmaps were sent",
    "glb_ifmap_reads": "64-bit ifmap words from the GLB to the array",
    "glb_ifmap_writes": "64-bit ifmap words from DRAM to the GLB",
    "glb_psum_reads": "64-bit psum words from the GLB to the array",
    "glb_psum_writes": "64-bit psum words from the array to the GLB",
    "glb_ofmap_reads": "64-bit finished psum words from the GLB on their way to DRAM",
    "glb_filter_reads": "64-bit filter words from the filter banks to the array",
    "glb_filter_writes": "64-bit filter words from DRAM to the filter banks",
    "noc_ifmaps": "words over the ifmap GIN, of 16 bits or several such",
    "noc_filters": "words over the filter GIN, of 64 bits on the paper's chip",
    "noc_psums_in": "words over the psum GIN, of 64 bits on the paper's chip",
    "noc_psums_out": "words over the GON, of 64 bits on the paper's chip",
    "dram_ifmap": "64-bit ifmap words from DRAM",
    "dram_filter": "64-bit filter words from DRAM",
    "dram_bias": "64-bit bias words from DRAM",
    "dram_ofmap": "64-bit ofmap words to DRAM",
}

# name -> meaning; each is 1 from the event on, until the next layer begins
FAULTS = {
    "unclaimed_filters": "a filter word's tag matches no PE",
    "unclaimed_ifmaps": "an ifmap word's tag matches no PE",
    "unclaimed_psums": "a psum word's tag, on its way into the array, matches no PE",
    "unclaimed_requests": "a request for a psum word matches no PE",
    "malformed_ifmaps": "an ifmap stream from DRAM is shorter or longer than its tile",
    "stuck_ifmaps": "nothing moves any more, and no ifmap words from DRAM are left for the array",
    "stuck_filters": "nothing moves any more, and no filter words from DRAM are left for the array",
    "stuck_ofmaps": "nothing moves any more, and ofmaps do not leave for DRAM",
    "stuck_array": "nothing moves any more, although ifmap and filter words are there and ofmaps may leave",
    "surplus_filters": "filter words are left over at the end",
    "surplus_ifmaps": "ifmap words are left over at the end",
    "surplus_biases": "bias words are left over at the end",
}

COUNTERS = EVENTS | FAULTS


def counter_index(name):
    """The select value of a counter."""
    return list(COUNTERS).index(name)


class Counters(Block):
    """Counters of events, in which an event shows after three cycles; `value` follows `select` by a cycle.

    What an event is known by comes late in its cycle; so it is kept for a cycle before it is added, and a carry
    has another to get to the upper half.

    Members
    -------
    clear : all to zero.
    One input by the name of each counter: what it grows by; a fault's stays at 1.
    """

    module_name = "counters"

    def __init__(self, chip):
        wide = {"macs", "gated_macs"}
        super().__init__({"clear": In(1), "select": In(6), "value": Out(64)} | {
            name: In(range(chip.pes + 1)) if name in wide else In(1) for name in COUNTERS})

    def elaborate(self, platform):
        m = Module()
        clearing = Signal()
        m.d.sync += clearing.eq(self.clear)
        counts = [self._count(m, name, clearing) for name in EVENTS]
        counts += [self._flag(m, name, clearing) for name in FAULTS]
        with m.Switch(self.select):
            for index, count in enumerate(counts):
                with m.Case(index):
                    m.d.sync += self.value.eq(count)
        return m

    def _count(self, m, name, clearing):
        event = Signal.like(getattr(self, name), name=f"event_{name}")
        low, high = (Signal(HALF_WIDTH, name=f"count_{name}_{half}") for half in ("low", "high"))
        carry = Signal(name=f"carry_{name}")
        m.d.sync += event.eq(getattr(self, name))
        with m.If(clearing):
            m.d.sync += [low.eq(0), high.eq(0), carry.eq(0)]
        with m.Else():
            m.d.sync += [Cat(low, carry).eq(low + event), high.eq(high + carry)]
        return Cat(low, high)

    def _flag(self, m, name, clearing):
        flag = Signal(name=f"flag_{name}")
        with m.If(clearing):
            m.d.sync += flag.eq(0)
        with m.Elif(getattr(self, name)):
            m.d.sync += flag.eq(1)
        return flag
