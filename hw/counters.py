"""What the chip counts, and why (Tables V and VI are computed from it)."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from .place import Block

__all__ = ["COUNTERS", "Counters", "counter_index"]

HALF_WIDTH = 24  # a count is two of them

# name -> meaning; all but `macs` and `gated_macs` grow by at most one a cycle
COUNTERS = {
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
    "unclaimed_words": "fault: words or requests whose tag matches no PE, a wrong configuration",
    "malformed_streams": "fault: RLC streams of the wrong length",
    "stuck": "fault: nothing moved for so long that nothing will",
    "surplus": "fault: words from DRAM were left over at the end",
}


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
    One input by the name of each counter: what it grows by.
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
        counts = [self._count(m, name, clearing) for name in COUNTERS]
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
