"""The counters of `hw.config.counters` in hardware."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.config.counters import COUNTERS, EVENTS, FAULTS
from hw.kit.block import Block

__all__ = ["Counters"]

HALF_WIDTH = 24  # a count is two of them


class Counters(Block):
    """Counters of events, one for each name in `COUNTERS`.

    Events are known late in their cycle, so each is kept for a cycle before it is added, and a carry has another
    cycle to get to the upper half. Latency: an event is counted after three cycles.

    Members
    -------
    clear : In(1), all counters to zero, from the cycle after the next one on.
    select : In(6), number of a counter.
    value : Out(64), that counter, a cycle after `select`.
    One input by the name of each counter : In, what it grows by in this cycle; a fault's counter stays at 1.
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
        # the table of counters is the list of inputs, by their names
        inputs = {path[0]: value for path, _, value in self.signature.flatten(self)}
        counts = [self._count(m, name, inputs[name], clearing) for name in EVENTS]
        counts += [self._flag(m, name, inputs[name], clearing) for name in FAULTS]
        with m.Switch(self.select):
            for index, count in enumerate(counts):
                with m.Case(index):
                    m.d.sync += self.value.eq(count)
        return m

    def _count(self, m, name, grows, clearing):
        event = Signal.like(grows, name=f"event_{name}")
        low, high = (Signal(HALF_WIDTH, name=f"count_{name}_{half}") for half in ("low", "high"))
        carry = Signal(name=f"carry_{name}")
        m.d.sync += event.eq(grows)
        with m.If(clearing):
            m.d.sync += [low.eq(0), high.eq(0), carry.eq(0)]
        with m.Else():
            m.d.sync += [Cat(low, carry).eq(low + event), high.eq(high + carry)]
        return Cat(low, high)

    def _flag(self, m, name, happens, clearing):
        flag = Signal(name=f"flag_{name}")
        with m.If(clearing):
            m.d.sync += flag.eq(0)
        with m.Elif(happens):
            m.d.sync += flag.eq(1)
        return flag
