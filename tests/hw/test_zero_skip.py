"""PEs that skip zeros: the scanner, the filter spad, and the PE as a whole."""

from dataclasses import asdict, replace

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import In, connect, flipped

from hw.array.zero_skip import SkippingFilterSpad, ZeroScanner, ZeroSkipPE
from hw.kit.block import Block, place

# (p, values of a window, positions) of passes in a spad of 12: one fills it, several fit, one of one weight
PASSES = [(4, 3, 2), (2, 3, 3), (3, 4, 1), (1, 12, 2), (5, 1, 1), (1, 1, 3), (1, 7, 1)]
DEPTH = 12


class Granted(Block):
    """A spad that is read, and released but by a marker, only where the weight is there."""

    module_name = "granted_skipping_filter_spad"

    def __init__(self, depth):
        self._inner = SkippingFilterSpad(depth)
        super().__init__(dict(self._inner.signature.members) | {"marker": In(1)})

    def elaborate(self, platform):
        m = Module()
        spad = place(m, self._inner, "inner")
        connect(m, flipped(self.i), spad.i)
        granted = self.marker | spad.available
        m.d.comb += [getattr(spad, name).eq(getattr(self, name)) for name in ("words", "index", "address", "upto")]
        m.d.comb += [
            spad.read.eq(self.read & granted), spad.retire.eq(self.retire & granted),
            self.available.eq(spad.available), self.data.eq(spad.data),
        ]
        return m


def test_skipping_filter_spad(bench):
    bench(Granted(DEPTH), "skipping_filter_spad", passes=PASSES, depth=DEPTH)


@pytest.mark.parametrize("signal, expression, message", [
    ("push", "full", "weight|stopped"),  # written over weights that are still wanted
    ("held", "{} & 5'hf", "weight|stopped"),  # never below 0
    ("released", "upto", "weight|stopped"),  # numbers go on in the next pass
    ("available", "index <= {}", "weight"),
])
def test_broken_skipping_filter_spad(bench, signal, expression, message):
    bench.fails(Granted(DEPTH), "skipping_filter_spad", f"skipping_filter_spad_{DEPTH}.{signal}", expression, message,
                passes=PASSES, depth=DEPTH, testcase=".*kept=0.[26]/idle=(never|mostly)/pressure=never")


@pytest.mark.parametrize("values", [1, 4])
def test_pe(bench, tiny, values):
    chip = replace(tiny, zero_skip=True, ifmap_bus_values=values)
    bench(ZeroSkipPE(chip), "pe", chip=asdict(chip), testcase="computes|takes|selects")


@pytest.mark.parametrize("signal, expression, message", [
    ("filter_spad__retire", "1'h0", "psums_out: word|words, then none"),
    ("group", "{} & ~(37'h1 << 33)", "psums_out: (word|payload is X)"),  # psums never start from zero
    ("finish", "{} & issue", "psums_out: word|words, then none"),  # not where a marker ends a position
])
def test_broken_pe(bench, tiny, signal, expression, message):
    chip = replace(tiny, zero_skip=True)
    bench.fails(ZeroSkipPE(chip), "pe", f"pe_zero_skip.{signal}", expression, message, chip=asdict(chip),
                testcase="computes/.*idle=some/pressure=never|takes.*zeros=0.5/idle=some/pressure=never")


@pytest.mark.parametrize("values", [1, 4])
def test_zero_scanner(bench, tiny, values):
    chip = replace(tiny, ifmap_bus_values=values)
    bench(ZeroScanner(chip), "zero_scanner", chip=asdict(chip))


@pytest.mark.parametrize("signal, expression, message", [
    ("some", "1'h0", "o: word"),  # each group is the first of its position
    ("index", "{} & 8'h7f", "o: word"),
    ("base", "8'h0", "o: word"),  # each pass's weights begin where the first one's did
    ("advance", "{} & ~o__valid", "a value a cycle"),
    ("pass_ended", "1'h0", "o: word"),
    ("row_ended", "1'h0", "o: word|then none"),  # a row's last window keeps its values
])
def test_broken_zero_scanner(bench, tiny, signal, expression, message):
    bench.fails(ZeroScanner(tiny), "zero_scanner", f"zero_scanner.{signal}", expression, message,
                testcase=".*zeros=0.[38]/idle=never/pressure=never")
