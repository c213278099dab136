"""Spads of latches: the synthesised PE does what its RTL does, under Icarus."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from flow.asic import synthesize
from flow.timing import parse
from hw.array.pe import PE
from hw.config import PRESETS
from sim.bench.run import run_bench
from sim.tools.find import available
from sim.tools.runner import SimulationFailed

BENCH = Path(__file__).parents[1] / "hw" / "bench_pe.py"
#: Six psums of a window at a time, with pauses at both ends; `python -m tests.flow.gates` runs all of the bench.
SHORT = "computes/case=ragged/idle=burst/pressure=burst"

BORROWED = """\
Startpoint: product[0] (rising edge-triggered flip-flop clocked by core)
Endpoint: psum_spad/registers/enter_15
          (positive level-sensitive latch clocked by core')
Path Group: spads

           5.12   data arrival time
           0.00   slack (MET)

Time Borrowing Information
max time borrow                         3.15
actual time borrow                      1.79
"""


@pytest.fixture(scope="module")
def latched(library, tmp_path_factory):
    return synthesize(PE(PRESETS["eyeriss"]), tmp_path_factory.mktemp("latched") / "pe", library, spads="latch")


def run(synthesis, netlist):
    if not available("icarus"):
        pytest.skip("no icarus")
    return run_bench([netlist, synthesis.models, *synthesis.srams], "pe", BENCH, simulator="icarus", testcase=SHORT,
                     settings={"chip": asdict(PRESETS["eyeriss"])})


@pytest.mark.slow
@pytest.mark.simulation
def test_latches_pass_the_pes_bench(latched):
    assert len(run(latched, latched.netlist)) == 1


@pytest.mark.slow
@pytest.mark.simulation
def test_a_broken_array_is_noticed(latched, tmp_path):
    """A bit of a word hears another word's clock."""
    broken, places = re.subn(r"(LATCH keep_1_4 \(\s*\.CLK\()open_1\b", r"\1open_0", latched.netlist.read_text())
    assert places == 2, "the ifmap spad's and the psum spad's"
    netlist = tmp_path / "netlist.v"
    netlist.write_text(broken)
    with pytest.raises(SimulationFailed, match="psums_out|stalls|MACs"):
        run(latched, netlist)


@pytest.mark.slow
def test_a_latch_a_bit_and_no_flip_flop(latched):
    """Both arrays of 168 PEs, and the logic of 1,163 k, stay below the 1,852 k gates of the first Eyeriss."""
    arrays = [module for module in latched.modules.values() if module.kind == "registers"]
    netlist = latched.netlist.read_text()
    assert netlist.count("  LATCH keep_") == 12 * 19 + 24 * 16 and netlist.count("  LATCH enter_") == 19 + 16
    assert [module.flops for module in arrays] == [0, 0]
    assert sum(module.clock_gates for module in arrays) == 12 + 24
    assert 168 * sum(module.nand2 for module in arrays) < 1_852_000 - 1_163_000


def test_a_path_into_an_open_latch_has_until_it_closes():
    (path,) = parse(BORROWED)
    assert path.slack == pytest.approx(3.15 - 1.79)


def test_refuses_a_library_without_latches(library, tmp_path):
    with pytest.raises(ValueError, match="^--spads latch needs the cells LATCH, INVX1, AND2X2, which .* has not"):
        synthesize(PE(PRESETS["eyeriss"]), tmp_path / "pe", replace(library, clock_gate=None), spads="latch")
    assert not list(tmp_path.iterdir())
