"""The configuration scan chain (Section III-B)."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block

from .config import scan_fields

__all__ = ["ScanChain"]


class ScanChain(Block):
    """One shift register cut into the fields of `hw.config.fields`, which are its outputs.

    While `enable` is high a bit a cycle enters at the top and one leaves at the bottom, so that after as
    many cycles as the chain has bits the first bit in is bit 0 of the first field, and what was there
    before has come out of `scan_out`.
    """

    module_name = "scan_chain"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "enable": In(1), "scan_in": In(1), "scan_out": Out(1),
        } | {field.name: Out(field.bits) for field in scan_fields(chip)})

    def elaborate(self, platform):
        m = Module()
        fields = [getattr(self, field.name) for field in scan_fields(self._chip)]
        chain = Signal(sum(map(len, fields)), reset_less=True)  # all of it is shifted in before it is used
        m.d.comb += [Cat(fields).eq(chain), self.scan_out.eq(chain[0])]
        with m.If(self.enable):
            m.d.sync += chain.eq(Cat(chain[1:], self.scan_in))
        return m
