"""The global buffer (Section V-A): banks that hold either ifmaps or psums, one port each.

Ifmaps lie one bank after another; psums are spread over their banks word by word, so that the stream
into the array and the stream out of it, both in order, meet in a bank only now and then, and then one
of them steps back a cycle and they are apart again.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.memory import SinglePortSram
from hw.kit.payloads import QUAD
from hw.kit.settings import setting_ports
from hw.kit.stream import signals

__all__ = ["Glb", "PsumPointer"]

CLIENTS = ("ifmap_read", "ifmap_write", "psum_write", "psum_read", "ofmap_read")
WRITERS = ("ifmap_write", "psum_write")


class Glb(Block):
    """The banks and the five ways to them.

    For each client `<client>_valid`, `<client>_ready`, `<client>_bank` and `<client>_row` are a request;
    a writer's `<client>_data` goes with it, a reader's `<client>_data` is there in the next cycle.
    Ifmap and psum clients never share a bank; among them the order is that of CLIENTS.
    """

    module_name = "glb"

    def __init__(self, chip):
        self._chip = chip
        ports = {}
        for client in CLIENTS:
            ports |= {
                f"{client}_valid": In(1), f"{client}_ready": Out(1),
                f"{client}_bank": In(range(chip.glb_banks)), f"{client}_row": In(range(chip.glb_bank_words)),
                f"{client}_data": In(QUAD) if client in WRITERS else Out(QUAD),
            }
        super().__init__(ports)

    def _port(self, client, name):
        return getattr(self, f"{client}_{name}")

    def elaborate(self, platform):
        m = Module()
        for index, client in enumerate(CLIENTS):
            kind = "ifmap" if client.startswith("ifmap") else "psum"
            rivals = [other for other in CLIENTS[:index] if other.startswith("ifmap") == (kind == "ifmap")]
            clashes = Cat(self._port(other, "valid") & (self._port(other, "bank") == self._port(client, "bank"))
                          for other in rivals)
            m.d.comb += self._port(client, "ready").eq(~clashes.any() if rivals else 1)
        banks = [self._bank(m, index) for index in range(self._chip.glb_banks)]
        for client in CLIENTS:
            if client not in WRITERS:
                chosen = Signal.like(self._port(client, "bank"), name=f"{client}_chosen")
                with m.If(self._port(client, "valid") & self._port(client, "ready")):
                    m.d.sync += chosen.eq(self._port(client, "bank"))
                with m.Switch(chosen):
                    for index, bank in enumerate(banks):
                        with m.Case(index):
                            m.d.comb += self._port(client, "data").eq(bank.read_data)
        return m

    def _bank(self, m, index):
        bank = place(m, SinglePortSram(self._chip.glb_bank_words, QUAD), f"bank_{index}")
        address = 0
        hits = {}
        for client in CLIENTS:
            hits[client] = hit = Signal(name=f"{client}_hits_{index}")
            m.d.comb += hit.eq(self._port(client, "valid") & self._port(client, "ready")
                               & (self._port(client, "bank") == index))
            address = address | Mux(hit, self._port(client, "row"), 0)
        m.d.comb += [
            bank.enable.eq(Cat(hits.values()).any()), bank.address.eq(address),
            bank.write.eq(Cat(hits[client] for client in WRITERS).any()),
            bank.write_data.eq(Mux(hits["psum_write"], self.psum_write_data, self.ifmap_write_data)),
        ]
        return bank


class PsumPointer(Block):
    """A walk through the psum banks, bank by bank and then row by row, for ever.

    Members
    -------
    restart : to the first psum bank.
    step : the word was used.
    mark, rewind : remember the place, go back to the place remembered; both count from after the step.
    """

    module_name = "psum_pointer"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(setting_ports(chip, "ifmap_banks") | {
            "restart": In(1), "step": In(1), "mark": In(1), "rewind": In(1),
            "bank": Out(range(chip.glb_banks)), "row": Out(range(chip.glb_bank_words)),
        })

    def elaborate(self, platform):
        m = Module()
        here, after, base = signals("here after base", len(self.bank) + len(self.row))
        at_last = self.bank == self._chip.glb_banks - 1
        stepped = Cat(Mux(at_last, self.ifmap_banks[:len(self.bank)], self.bank + 1)[:len(self.bank)],
                      (self.row + at_last)[:len(self.row)])
        m.d.comb += [
            Cat(self.bank, self.row).eq(here),
            after.eq(Mux(self.step, stepped, here)),
        ]
        with m.If(self.restart):
            m.d.sync += [here.eq(self.ifmap_banks), base.eq(self.ifmap_banks)]
        with m.Else():
            m.d.sync += here.eq(Mux(self.rewind, base, after))
            with m.If(self.mark):
                m.d.sync += base.eq(after)
        return m
