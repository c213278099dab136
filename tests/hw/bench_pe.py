"""PE and ZeroSkipPE: windows over rows, back-to-back passes, one MAC a cycle."""

import random

import cocotb
from cocotb.triggers import RisingEdge
from layer_model import CHIP, setting_ports

from sim.bench.streams import cross, run_io_check
from tests.hw.passes import BITS16, Pass, bus_words, quads, random_values

BUS_VALUES, FILTERS, PSUMS, ZERO_SKIP = (
    CHIP.ifmap_bus_values, CHIP.filter_bus_values, CHIP.psum_bus_values, CHIP.zero_skip)
BITS, PSUM_BITS = CHIP.data_width, CHIP.psum_width
IFMAPS, WEIGHTS = ((0, 256), (-128, 128)) if BITS == 8 else (BITS16, BITS16)
SUMS = (-1 << PSUM_BITS - 1, 1 << PSUM_BITS - 1)
#: Small enough for the cross product. `rows` counts those of all tiles of a pass.
SMALL = {
    "conv": (Pass(p=4, q=2, S=3, V=1, f=4, rows=2), {"shift": 5}),
    "ragged": (Pass(p=6, q=1, S=5, V=2, f=3, rows=1), {"shift": 0, "from_ln": 1}),
    "scalar": (Pass(p=1, q=1, S=1, V=1, f=8, rows=4), {"shift": 15}),
}
#: Passes of a position: weights are needed no sooner than the next pass's may come.
SHORT = {
    "deep": Pass(p=8, q=4, S=3, V=1, f=1, rows=1), "few": Pass(p=2, q=1, S=5, V=1, f=1, rows=1),
}
#: Full rate, with several passes back to back.
RATE = {
    "conv1": Pass(p=16, q=1, S=11, V=4, f=3, rows=2),
    "conv3": Pass(p=16, q=4, S=3, V=1, f=4, rows=2),
    "few": Pass(p=4, q=2, S=5, V=1, f=5, rows=3),
    "pair": Pass(p=2, q=1, S=1, V=1, f=20, rows=3),  # with p q S = 1 a word of psums a MAC is more than leaves
    "pointwise": Pass(p=16, q=12, S=1, V=1, f=3, rows=1),
    "one_filter": Pass(p=1, q=1, S=12, V=1, f=6, rows=2),
    "disjoint": Pass(p=1, q=3, S=4, V=4, f=6, rows=2),
    "uneven": Pass(p=7, q=2, S=4, V=2, f=4, rows=1),
    "full_spads": Pass(p=18, q=1, S=12, V=1, f=2, rows=2),
    "most_psums": Pass(p=24, q=3, S=3, V=1, f=3, rows=1),
    "one_window": Pass(p=16, q=1, S=11, V=4, f=1, rows=1),
    "tiny_pass": Pass(p=4, q=1, S=2, V=1, f=1, rows=1),
}
PASSES = 3


@cocotb.test()
@cocotb.parametrize(("case", list(SMALL)), cross())
async def computes(dut, case, idle, pressure):
    shape, settings = SMALL[case]
    await run_passes(dut, shape, idle=idle, pressure=pressure, **settings)


@cocotb.test()
@cocotb.parametrize(("case", list(SHORT)), ("zeros", [0.5, 0.9, 1.0]), cross(pressure=["never", "some"]))
async def takes_late_weights(dut, case, zeros, idle, pressure):
    await run_passes(dut, SHORT[case], idle=idle, pressure=pressure, zeros=zeros)


@cocotb.test()
@cocotb.parametrize(("case", list(RATE)), ("zeros", [0.0, 0.4]))
async def one_mac_a_cycle(dut, case, zeros):
    cycles = await run_passes(dut, RATE[case], shift=3, zeros=zeros)
    stalls = [after for before, after in zip(cycles, cycles[1:], strict=False) if after != before + 1]
    assert not stalls, f"{len(stalls)} stalls in {len(cycles)} MACs, the first at {stalls[0] - cycles[0]}"


@cocotb.test()
@cocotb.parametrize(("shift", [0, 1, 2, 4, 8, 15, 16]))
async def selects_window_of_the_product(dut, shift):
    await run_passes(dut, SMALL["conv"][0], shift=shift)


async def run_passes(dut, shape, *, idle="never", pressure="never", shift=0, from_ln=0, zeros=0.2):
    """Passes with other weights each; the cycles of all MACs."""
    shift = 0 if BITS == 8 else shift
    chance = random.Random(str(shape))
    rows = [shape.random_row(chance, zeros, IFMAPS) for _ in range(PASSES * shape.rows)]
    weights = random_values(chance, PASSES, shape.window, shape.p, limits=WEIGHTS)
    psums = random_values(chance, len(rows), shape.f, shape.p, limits=SUMS)
    ofmap = [
        position
        for number, (row, below) in enumerate(zip(rows, psums, strict=True))
        for position in convolve(shape, row, weights[number // shape.rows], below, shift)
    ]
    meant, other = ("psums_ln", "psums_gin") if from_ln else ("psums_gin", "psums_ln")
    getattr(dut, f"{other}__valid").value = 1
    getattr(dut, f"{other}__payload").value = chance.getrandbits(PSUM_BITS * PSUMS)
    macs = Macs(dut, f"{other}__ready")
    await run_io_check(
        dut,
        {
            "ifmaps": bus_words(shape, rows, BUS_VALUES, BITS),
            "filters": [word for steps in weights for word in quads(sum(steps, []), FILTERS, BITS)],
            meant: [word for row in psums for position in row for word in quads(position, PSUMS, PSUM_BITS)],
        },
        {"psums_out": [word for position in ofmap for word in quads(position, PSUMS, PSUM_BITS)]},
        idle=idle, pressure=pressure,
        ports=setting_ports(dut, {
            "p_last": shape.p - 1, "steps_last": shape.window - 1, "slide": shape.q * shape.V,
            "filter_words": shape.p * shape.window, "shift": shift, "from_ln": from_ln,
        }),
    )
    macs.task.cancel()
    zeros = [sum(value == 0 for value in row[x * shape.V * shape.q:][:shape.window])
             for row in rows for x in range(shape.f)]
    met, given = sum(zeros), PASSES * shape.macs
    if ZERO_SKIP:  # but for one of a window that has nothing else
        given, met = given - met * shape.p, sum(each == shape.window for each in zeros)
        given += met * shape.p
    assert len(macs.cycles) == given, f"{len(macs.cycles)} MACs, not {given}"
    assert macs.gated == met * shape.p, f"{macs.gated} MACs gated, not {met * shape.p}"
    return macs.cycles


def convolve(shape, row, weights, psums, shift):
    """The ofmap row: p values a position."""
    for x, below in enumerate(psums):
        window = row[x * shape.V * shape.q:][:shape.window]
        yield [
            psum + sum(value * step[k] >> shift for value, step in zip(window, weights, strict=True))
            for k, psum in enumerate(below)
        ]


class Macs:
    """In which cycles a MAC was done, and how many were gated; nothing may be taken from `unused`."""

    def __init__(self, dut, unused):
        self.cycles, self.gated = [], 0
        self.task = cocotb.start_soon(self._run(dut, getattr(dut, unused)))

    async def _run(self, dut, unused):
        edge, cycle = RisingEdge(dut.clk), 0
        while dut.rst.value != 1:
            await edge
        while True:
            await edge
            cycle += 1
            if dut.rst.value == 1:
                continue
            assert unused.value == 0, f"{unused._name} is {unused.value}"
            self.cycles += [cycle] * int(dut.mac.value)
            self.gated += int(dut.gated.value)
