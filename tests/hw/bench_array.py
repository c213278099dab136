"""PEArray: a processing pass of r PE sets that accumulate over the local network, against the golden model."""

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from layer_model import CHIP, setting_ports

from golden.conv import conv_layer, exact_sums
from golden.layer import LayerShape
from sim.bench.streams import cross, run_io_check
from tests.hw.passes import BITS16, Pass, ifmap_words, packed, quads

SHIFT = 4
BITS, PSUM_BITS = CHIP.data_width, CHIP.psum_width
FILTERS, PSUMS = CHIP.filter_bus_values, CHIP.psum_bus_values
IFMAPS = (0, 256) if BITS == 8 else BITS16
#: e, r, R, U, and what a PE does: r sets of R rows and e columns stand above each other.
CASES = {
    "whole": (3, 2, 2, 1, Pass(p=4, q=2, S=3, V=1, f=4, rows=1)),
    "strided": (2, 1, 4, 2, Pass(p=6, q=1, S=5, V=2, f=3, rows=1)),
    "stacked": (3, 4, 1, 1, Pass(p=3, q=2, S=2, V=1, f=3, rows=1)),
}


@cocotb.test()
@cocotb.parametrize(("case", list(CASES)), cross(["never", "some", "burst"], ["never", "some", "burst"]))
async def convolves(dut, case, idle, pressure):
    e, r, R, U, each = CASES[case]
    height, channels = (e - 1) * U + R, each.q * r
    random = np.random.default_rng(1)

    def tensor(*shape, limits=(-1 << BITS - 1, 1 << BITS - 1)):
        return random.integers(*limits, shape).astype(np.int16)

    ifmap = tensor(1, channels, height, each.width, limits=IFMAPS)
    ifmap[random.random(ifmap.shape) < 0.3] = 0
    weights = tensor(each.p, channels, R, each.S)
    psums = random.integers(-1 << PSUM_BITS - 1, 1 << PSUM_BITS - 1, (each.p, e, each.f))
    shape = LayerShape(N=1, M=each.p, C=channels, H=height, W=each.width, R=R, S=each.S, U=U, V=each.V)
    if BITS == 16:
        ofmap = conv_layer(ifmap, weights, np.zeros(each.p, np.int16), shape, shift=SHIFT)[0] + psums
    else:
        ofmap = exact_sums(ifmap[0], weights, shape) + psums

    counters = Counters(dut)
    bottom = r * R - 1
    _, sinks = await run_io_check(
        dut,
        {
            "filters": [
                word | (set_ * R + i) << BITS * FILTERS for set_ in range(r) for i in range(R)
                for word in quads(weights[:, set_ * each.q:][:, :each.q, i].transpose(2, 1, 0).ravel().tolist(),
                                  FILTERS, BITS)
            ],
            "ifmaps": [
                word | (set_ * U + k % U) << BITS + 2 | (k // U) << BITS + 6
                for column in zip(*(row_words(ifmap[0], each, set_, k)
                                    for set_ in range(r) for k in range(height)), strict=True)
                for word, set_, k in column
            ],
            "psums": [word | (bottom | j << 4) << PSUM_BITS * PSUMS for j, word in positions(psums)],
            "requests": [j << 4 for j, _ in positions(ofmap)],
        },
        {"ofmaps": [word for _, word in positions(ofmap)]},
        idle=idle, pressure=pressure, settle=CHIP.rows, ports=setting_ports(dut, configuration(e, r, R, U, each)),
    )
    counters.task.cancel()
    assert not counters.unclaimed, "unclaimed words"
    assert counters.macs == each.macs * r * R * e, f"{counters.macs} MACs"


def row_words(planes, each, set_, k):
    """(word, set, k) of an ifmap row, its q channels interleaved; the flags are those of a lone row."""
    row = planes[set_ * each.q:][:each.q, k].T.ravel().tolist()
    return [(word, set_, k) for word in ifmap_words(each, [row], BITS)]


def positions(psums):
    """(column of the array, word) position after position, for psums [k][row][column]."""
    for x in range(psums.shape[2]):
        for j in range(psums.shape[1]):
            for word in quads(psums[:, j, x].tolist(), PSUMS, PSUM_BITS):
                yield j, word


def configuration(e, r, R, U, each):
    pes = [(y, x) for y in range(CHIP.rows) for x in range(CHIP.columns)]
    used = [y < r * R and x < e for y, x in pes]
    rows = range(CHIP.rows)
    return {
        "p_last": each.p - 1, "steps_last": each.window - 1, "slide": each.q * each.V,
        "filter_words": each.p * each.window, "shift": SHIFT,
        "active": packed(used, 1), "from_ln": packed([here and y < r * R - 1 for here, (y, _)
                                                      in zip(used, pes, strict=True)], 1),
        "filter_row_id": packed(rows, 4), "psum_row_id": packed(rows, 4), "gon_row_id": packed(rows, 4),
        "ifmap_row_id": packed([y // R * U + y % R % U for y in rows], 4),
        "filter_col_id": 0, "psum_col_id": packed([x for _, x in pes], 4),
        "ifmap_col_id": packed([x + y % R // U for y, x in pes], 5),
    }


class Counters:
    """The sum of `macs`, and whether `unclaimed` ever was 1."""

    def __init__(self, dut):
        self.macs, self.unclaimed = 0, False
        self.task = cocotb.start_soon(self._run(dut))

    async def _run(self, dut):
        edge = RisingEdge(dut.clk)
        while dut.rst.value != 1:
            await edge
        while True:
            await edge
            if dut.rst.value == 0:
                self.macs += int(dut.macs.value)
                self.unclaimed |= dut.unclaimed.value != 0
