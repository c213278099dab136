"""The global buffer (Section V-A): banks that hold either ifmaps or psums, one port each.

Ifmaps lie one bank after another. Psums are spread over their banks word by word: the stream into the array and
the stream out of it, both in order, seldom want the same bank in one cycle. Where they do, one of them stalls for a
cycle, and from then on they are in different banks.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.config.fields import Glb as GlbSettings
from hw.kit.block import Block, place
from hw.kit.interfaces import GlbRead, GlbWrite
from hw.kit.memory import SinglePortSram
from hw.kit.payloads import QUAD, glb_address
from hw.kit.settings import Settings
from hw.kit.stream import signals

__all__ = ["Glb", "PsumPointer"]


class Glb(Block):
    """The banks, and five clients of them.

    Ifmap clients and psum clients never share a bank. Among the clients of a kind the first in the list below that
    asks for a bank is granted it. Latency: a word read is there in the next cycle. Throughput: a word a cycle of each
    bank.

    Members
    -------
    ifmap_read, psum_read, ofmap_read : In(GlbRead).
    ifmap_write, psum_write : In(GlbWrite).
    """

    module_name = "glb"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "ifmap_read": In(GlbRead(chip)), "ifmap_write": In(GlbWrite(chip)), "psum_write": In(GlbWrite(chip)),
            "psum_read": In(GlbRead(chip)), "ofmap_read": In(GlbRead(chip)),
        })

    def elaborate(self, platform):
        m = Module()
        kinds = ({"ifmap_read": self.ifmap_read, "ifmap_write": self.ifmap_write},
                 {"psum_write": self.psum_write, "psum_read": self.psum_read, "ofmap_read": self.ofmap_read})
        for clients in kinds:
            self._arbitrate(m, list(clients.values()))
        banks = [self._bank(m, index, kinds[0] | kinds[1]) for index in range(self._chip.glb_banks)]
        for name, client in (("ifmap_read", self.ifmap_read), ("psum_read", self.psum_read),
                             ("ofmap_read", self.ofmap_read)):
            chosen = Signal.like(client.address.bank, name=f"{name}_chosen")
            with m.If(client.valid & client.ready):
                m.d.sync += chosen.eq(client.address.bank)
            with m.Switch(chosen):
                for index, bank in enumerate(banks):
                    with m.Case(index):
                        m.d.comb += client.data.eq(bank.read_data)
        return m

    def _arbitrate(self, m, clients):
        """The first of `clients` that asks for a bank is granted it."""
        for index, client in enumerate(clients):
            clashes = Cat(other.valid & (other.address.bank == client.address.bank) for other in clients[:index])
            m.d.comb += client.ready.eq(~clashes.any() if index else 1)

    def _bank(self, m, index, clients):
        bank = place(m, SinglePortSram(self._chip.glb_bank_words, QUAD), f"bank_{index}")
        address = 0
        hits = {}
        for name, client in clients.items():
            hits[name] = hit = Signal(name=f"{name}_hits_{index}")
            m.d.comb += hit.eq(client.valid & client.ready & (client.address.bank == index))
            address = address | Mux(hit, client.address.row, 0)
        m.d.comb += [
            bank.enable.eq(Cat(hits.values()).any()), bank.address.eq(address),
            bank.write.eq(hits["ifmap_write"] | hits["psum_write"]),
            bank.write_data.eq(Mux(hits["psum_write"], self.psum_write.data, self.ifmap_write.data)),
        ]
        return bank


class PsumPointer(Block):
    """A walk through the psum banks, bank by bank and then row by row, for ever.

    Latency: `address` is that of the next word in the cycle after `step`.

    Members
    -------
    glb : In(Settings).
    restart : In(1), go to the first psum bank.
    step : In(1), the word at `address` is used in this cycle.
    mark : In(1), remember the address after this cycle's step.
    rewind : In(1), go back to the address remembered.
    address : Out(glb_address), of the next word.
    """

    module_name = "psum_pointer"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "glb": In(Settings(GlbSettings, chip)), "restart": In(1), "step": In(1), "mark": In(1), "rewind": In(1),
            "address": Out(glb_address(chip)),
        })

    def elaborate(self, platform):
        m = Module()
        here, after, base, first = signals("here after base first", glb_address(self._chip))
        at_last = here.bank == self._chip.glb_banks - 1
        m.d.comb += [
            self.address.eq(here), after.eq(here), first.bank.eq(self.glb.ifmap_banks),
        ]
        with m.If(self.step):
            m.d.comb += [
                after.bank.eq(Mux(at_last, self.glb.ifmap_banks, here.bank + 1)), after.row.eq(here.row + at_last),
            ]
        with m.If(self.restart):
            m.d.sync += [here.eq(first), base.eq(first)]
        with m.Else():
            m.d.sync += here.eq(Mux(self.rewind, base, after))
            with m.If(self.mark):
                m.d.sync += base.eq(after)
        return m
