"""Gon: the word of the PE that each request names, three cycles later or when the PE has it."""

import random

import cocotb
from cocotb.triggers import RisingEdge
from layer_model import CHIP

from hw.kit.payloads import bus_width
from sim.bench.patterns import pattern
from sim.bench.streams import ProtocolChecker, Sink, Source, cross, run_io_check, start
from tests.hw.passes import packed

WORDS = 150
PES = [(y, x) for y in range(CHIP.rows) for x in range(CHIP.columns)]
ROW_IDS = [2, 10, 6]
COL_IDS = {(y, x): (x * 5 + y) % 16 for y, x in PES}
DISABLED = (1, 2)
TWIN = (1, 1)  # has the tag of the disabled PE
COL_IDS[DISABLED] = COL_IDS[TWIN]
SETTINGS = {
    "row_ids": packed(ROW_IDS, 4), "col_ids": packed([COL_IDS[pe] for pe in PES], 4),
    "enables": packed([pe != DISABLED for pe in PES], 1),
}


def tag(pe):
    return ROW_IDS[pe[0]] | COL_IDS[pe] << 4


@cocotb.test()
@cocotb.parametrize(("slow", ["never", "some"]), cross())
async def collects(dut, slow, idle, pressure):
    """`slow` is the PEs' pattern."""
    chance = random.Random(5)
    asked = [chance.choice([pe for pe in PES if pe != DISABLED]) for _ in range(WORDS)]
    words = [chance.getrandbits(bus_width(CHIP, "psum")) for _ in asked]
    pes = [
        ProcessingElement(dut, pe, [word for word, other in zip(words, asked, strict=True) if other == pe], slow)
        for pe in PES
    ]
    sources, sinks = await run_io_check(
        dut, {"request": [tag(pe) for pe in asked]}, {"o": words}, idle=idle, pressure=pressure,
        ports=SETTINGS,
    )
    assert not any(pe.words for pe in pes), "words are left"
    for pe in pes:
        pe.task.cancel()
    taken, given = sources["request"].transfers, sinks["o"].transfers
    waits = [after - before for before, after in zip(taken, given, strict=True)]
    assert min(waits) >= 3, "latency is 3"
    if pressure == slow == "never":
        assert max(waits) == 3, "nothing to wait for"
    if idle == pressure == slow == "never":
        assert given[-1] - given[0] == WORDS - 1, "a word a cycle"


@cocotb.test()
async def names_unclaimed_requests(dut):
    for pe in PES:
        ProcessingElement(dut, pe, [7], "never")
    clk = await start(dut, request__valid=0, o__ready=1, **SETTINGS)
    ProtocolChecker(dut, "request", clk, dut.rst)
    sink = Sink(dut, "o", clk)
    for _ in range(3):
        await RisingEdge(clk)
        assert dut.unclaimed.value == 0
    Source(dut, "request", clk).send([tag((0, 0)) ^ 0x80, tag((0, 0))])
    for _ in range(20):
        await RisingEdge(clk)
    assert dut.unclaimed.value == 1 and dut.request__ready.value == 0 and not sink.received


class ProcessingElement:
    """Offers its words, each until it is taken."""

    def __init__(self, dut, pe, words, slow):
        self.words = list(words)
        y, x = pe
        self.task = cocotb.start_soon(self._run(dut, y, x, pattern(slow, hash(pe))))

    async def _run(self, dut, y, x, slow):
        valids, readies = getattr(dut, f"rows__{y}__valids"), getattr(dut, f"rows__{y}__readies")
        data, offering = getattr(dut, f"rows__{y}__data__{x}"), False
        edge = RisingEdge(dut.clk)
        valids[x].value = 0
        while True:
            await edge
            if dut.rst.value != 0:
                continue
            taken = readies.value[x] == 1
            assert not taken or (y, x) != DISABLED, "a disabled PE is asked"
            if offering and taken:
                self.words.pop(0)
                offering = False
            if not offering:
                offering = bool(self.words) and not next(slow)
                valids[x].value = int(offering)
                data.value = self.words[0] if offering else 0xDEAD
