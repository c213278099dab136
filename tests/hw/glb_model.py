"""The GLB as the data paths see it, and other small helpers of their benches."""

import random

import cocotb
from cocotb.triggers import RisingEdge
from layer_model import CHIP

from sim.bench.patterns import pattern

__all__ = ["Memory", "Watch", "address_of", "each_cycle", "place_of", "pulse", "words"]

ROW_BITS = (CHIP.glb_bank_words - 1).bit_length()


def address_of(bank, row):
    """A `glb_address` as an integer."""
    return bank << ROW_BITS | row


def place_of(address):
    """(bank, row) of a `glb_address`."""
    return address >> ROW_BITS, address & (1 << ROW_BITS) - 1


def words(count, seed=0, width=64):
    """Random words."""
    chance = random.Random(seed)
    return [chance.getrandbits(width) for _ in range(count)]


async def pulse(clk, handle):
    """One cycle of 1."""
    handle.value = 1
    await RisingEdge(clk)
    handle.value = 0


def each_cycle(clk, function):
    """Call `function` at every rising edge from now on."""
    async def run():
        edge = RisingEdge(clk)
        while True:
            await edge
            function()

    return cocotb.start_soon(run())


class Watch:
    """Counts cycles in which an output is 1."""

    def __init__(self, clk, handle):
        self.count, self.cycles = 0, 0
        self._handle = handle
        each_cycle(clk, self._see)

    def _see(self):
        self.count += int(self._handle.value)
        self.cycles += 1


class Memory:
    """GLB banks: a word is at `read__data` one cycle after its request, and only then.

    Attributes
    ----------
    content : dict
        (bank, row) to word.
    reads, writes : list
        The (bank, row) of each, in order.
    """

    def __init__(self, dut, clk, *, stall="never", seed=0, on_read=None, on_write=None):
        self.content, self.reads, self.writes = {}, [], []
        self._dut, self._chance = dut, random.Random(seed)
        self._on = {"read": on_read, "write": on_write}
        self._ways = [way for way in ("read", "write") if hasattr(dut, f"{way}__valid")]
        self._stalls = {way: pattern(stall, seed + len(way)) for way in self._ways}
        self._ready = dict.fromkeys(self._ways, False)
        for way in self._ways:
            self._port(way, "ready").value = 0
        each_cycle(clk, self._cycle)

    def _port(self, way, name):
        return getattr(self._dut, f"{way}__{name}")

    def _cycle(self):
        for way in self._ways:
            taken = self._ready[way] and int(self._port(way, "valid").value)
            place = taken and place_of(int(self._port(way, "address").value))
            if way == "read":
                self._port(way, "data").value = (
                    self.content[place] if taken else self._chance.getrandbits(64))
            elif taken:
                self.content[place] = int(self._port(way, "data").value)
            if taken:
                (self.reads if way == "read" else self.writes).append(place)
                if self._on[way]:
                    self._on[way](place)
            self._ready[way] = not next(self._stalls[way])
            self._port(way, "ready").value = int(self._ready[way])
