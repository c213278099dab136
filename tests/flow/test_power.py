"""Power of gates: recordings that gates repeat, changes, the library's energies, gating that saves."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from compiler.mapping.mapping import Mapping
from flow.library import liberty_cells
from flow.power.cells import Cell, cells_of
from flow.power.energy import Energy, energies
from flow.power.measure import Measured, pe_part
from flow.power.record import Place, Window, record
from flow.power.replay import Activity, WrongReplay, replay
from flow.power.report import power
from flow.power.vcd import count
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import ChipConfig
from sim.tools.find import available

#: Four of the paper's PEs.
SMALL = ChipConfig(name="small", rows=2, columns=2, glb_banks=3, glb_bank_words=256, filter_bank_words=64)
SHAPE = LayerShape.parse("M=8,C=2,H=3,W=66,R=2")
MAPPING = Mapping(m=8, n=1, e=2, f=65, p=4, q=2, r=1, t=1)
WINDOW = Window(600, 900)

VCD = """\
$scope module replay $end
$scope module dut $end
$var wire 1 ! clk $end
$var wire 4 " \\words[2] [3:0] $end
$scope module below $end
$var reg 1 # q $end
$upscope $end
$upscope $end
$upscope $end
$enddefinitions $end
#100
$dumpvars
0!
b0011 "
x#
$end
#105
1!
b110 "
1#
#110
0!
$dumpoff
x!
$end
"""


def test_counts_changes_and_time_at_one(tmp_path):
    path = tmp_path / "waves.vcd"
    path.write_text(VCD)
    found = count(path)
    assert found["clk"] == (2, 0.5)
    assert [found[f"words[2][{bit}]"] for bit in range(4)] == [(1, 0.5), (0, 1.0), (1, 0.5), (0, 0.0)]
    assert found["below/q"] == (1, 0.5)


def test_power_is_energy_times_changes():
    """By hand: 10 MHz and 4 cycles, so a picojoule in the window is 2.5 uW."""
    library = SimpleNamespace(clock_pins={("FF", "CK")})
    cells = [Cell("a/reg", "FF", {"CK": "clk", "D": "d", "Q": "q"}, ("Q",)),
             Cell("gate", "AND", {"A": "clk", "B": "d", "Y": "gated"}, ("Y",)),
             Cell("inv", "INV", {"A": "q", "Y": "y"}, ("Y",)), Cell("macro", "RAM", {"A": "q"}, ())]
    found = {"a/reg": Energy(1.0, 2.0, 3.0, 0.5, 7.0), "gate": Energy(10.0, 0.0, 0.0, 0.0, 0.0),
             "inv": Energy(0.0, 0.0, 100.0, 0.0, 0.0)}
    activity = Activity({"clk": (8, 0.5), "d": (3, 0.5), "q": (2, 0.5), "gated": (4, 0.1), "y": (2, 0.5)}, 4)
    parts = power(cells, found, activity, library, lambda cell: cell.place or "top", mhz=10)
    assert parts["a"].clock == pytest.approx(0.0025 * (8 + 4)) and parts["a"].data == pytest.approx(0.0025 * (6 + 6))
    assert parts["a"].leakage == pytest.approx(7e-6)
    assert parts["top"].clock == pytest.approx(0.0025 * 40) and parts["top"].data == pytest.approx(0.0025 * 200)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """What one PE of a chip of four got, in RTL, with 70 % zeros."""
    if not available("icarus"):
        pytest.skip("no icarus")
    tensors = random_tensors(SHAPE, seed=3, zeros=0.7, shift=4)
    return record(SHAPE, MAPPING, SMALL, tensors, [Place("PE", "array.row_0.pe_0")], WINDOW,
                  tmp_path_factory.mktemp("recorded"), "small", shift=4, relu=True, simulator="icarus")["PE"]


@pytest.mark.slow
@pytest.mark.simulation
def test_gating_saves_in_the_alu(pe, library, recorded):
    """The same psums without gating, and more power, most of it the multiplier's."""
    synthesis, directory = pe
    measured = Measured(synthesis, directory, library, mhz=150)
    on, off = (measured.parts(recorded, f"power/{gating}", gating=gating) for gating in (True, False))
    assert set(on) == set(off) == {"ALU", "control", "ifmap spad", "filter spad", "psum spad"}
    assert sum(part.total for part in off.values()) > 1.1 * sum(part.total for part in on.values())
    assert off["ALU"].data > 2 * on["ALU"].data
    assert on["control"].leakage == pytest.approx(off["control"].leakage)


@pytest.mark.slow
@pytest.mark.simulation
def test_a_replay_that_differs_is_an_error(pe, recorded, tmp_path):
    """A psum of the recording, in the window, is another."""
    synthesis, directory = pe
    lines = recorded.file.read_text().splitlines()
    bits = {}
    offset = sum(width for _, _, width in recorded.ports)
    for name, _, width in recorded.ports:
        offset -= width
        bits[name] = offset
    row = next(index for index in range(WINDOW.first, WINDOW.last)
               if int(lines[index], 16) >> bits["psums_out__valid"] & 1)
    lines[row] = f"{int(lines[row], 16) ^ 1 << bits['psums_out__payload']:0{len(lines[row])}x}"
    wrong = replace(recorded, file=tmp_path / "wrong.hex")
    wrong.file.write_text("\n".join(lines) + "\n")
    with pytest.raises(WrongReplay, match=rf"must do what its RTL did, .*: cycle {row}: psums_out__payload must be"):
        replay(synthesis, wrong, [""], tmp_path)


@pytest.mark.slow
def test_energies_are_the_librarys(pe, library):
    """Means of a rise and a fall: each change is counted once."""
    synthesis, directory = pe
    cells = cells_of(directory, "pe")
    found = energies(synthesis, "pe", cells, directory, library)
    body = dict(liberty_cells(library.path.read_text()))["DFFPOSX1"][1]
    rise, fall = (
        [float(value) for value in re.search(rf"pin\(CLK\).*?{edge}_power.*?values \(\"([^\"]*)", body, re.DOTALL)[1]
         .split(",")] for edge in ("rise", "fall"))
    means = [(up + down) / 2 for up, down in zip(rise, fall, strict=True)]  # at slews of 0.06, 0.24, 0.48 ns ...
    flops = [found[cell.path] for cell in cells if cell.kind == "DFFPOSX1"]
    assert len(flops) > 1_000
    assert all(0.9 * means[0] < flop.clock < means[1] and flop.data > 0 and flop.output > 0 for flop in flops)
    others = [found[cell.path] for cell in cells if cell.kind in ("NAND2X1", "XOR2X1")]
    assert others and all(energy.output > 0 and energy.clock == 0 for energy in others)
    assert not any(cell.path in found for cell in cells if cell.kind.startswith("sram_"))


@pytest.mark.slow
def test_alu_is_the_multiplier_and_the_adder(pe, library):
    synthesis, directory = pe
    cells = cells_of(directory, "pe")
    part_of = pe_part(cells, library)
    alu = [cell for cell in cells if part_of(cell) == "ALU"]
    nand2 = sum(library.areas[cell.kind] for cell in alu) / library.nand2
    assert 1_500 < nand2 < 3_500
    assert {cell.place for cell in alu} == {"", "psum_spad"}
