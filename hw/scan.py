"""The configuration scan chain (Section III-B)."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.config.fields import GROUPS
from hw.kit.block import Block
from hw.kit.settings import Settings

__all__ = ["ScanChain"]


class ScanChain(Block):
    """One shift register cut into the groups of `hw.config.fields`, which are its outputs.

    While `enable` is high a bit a cycle enters at the top and one leaves at the bottom, so that after as
    many cycles as the chain has bits the first bit in is bit 0 of the first field, and what was there
    before has come out of `scan_out`.

    Members
    -------
    enable : In(1), shift by a bit at the end of this cycle.
    scan_in : In(1), the bit that enters, with `enable`.
    scan_out : Out(1), the bit that leaves, with `enable`.
    One output by the name of each group : Out(Settings).
    """

    module_name = "scan_chain"

    def __init__(self, chip):
        super().__init__({
            "enable": In(1), "scan_in": In(1), "scan_out": Out(1),
        } | {name: Out(Settings(group, chip)) for name, group in GROUPS.items()})

    def elaborate(self, platform):
        m = Module()
        fields = [value for path, _, value in self.signature.flatten(self) if path[0] in GROUPS]  # in shifting order
        chain = Signal(sum(map(len, fields)), reset_less=True)  # all of it is shifted in before it is used
        m.d.comb += [Cat(fields).eq(chain), self.scan_out.eq(chain[0])]
        with m.If(self.enable):
            m.d.sync += chain.eq(Cat(chain[1:], self.scan_in))
        return m
