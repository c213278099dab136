"""The synthesised PE does what its RTL does: the same bench, on gates."""

from dataclasses import asdict
from pathlib import Path

import pytest

from flow.asic import synthesize
from hw.config import PRESETS
from hw.paths.requantize import Requantizer
from sim.bench.run import run_bench
from sim.tools.find import available
from sim.tools.runner import SimulationFailed

pytestmark = [pytest.mark.slow, pytest.mark.simulation]

BENCHES = Path(__file__).parents[1] / "hw"
BENCH = BENCHES / "bench_pe.py"
#: Two layers' shapes at full rate, and all windows of the product; without a filter, all of the bench runs.
QUICK = "one_mac_a_cycle/case=(few|conv3)|selects|computes/case=ragged/idle=burst/pressure=burst"


def run(synthesis, netlist, simulator="verilator"):
    if not available(simulator):
        pytest.skip(f"no {simulator}")
    return run_bench([netlist, synthesis.models, *synthesis.srams], "pe", BENCH, simulator=simulator, testcase=QUICK,
                     settings={"chip": asdict(PRESETS["eyeriss"])})


def test_gates_pass_the_pes_bench(pe):
    synthesis, _ = pe
    assert len(run(synthesis, synthesis.netlist)) >= 9


def test_a_wrong_gate_is_noticed(pe, tmp_path):
    """One NAND of the multiplier as a NOR."""
    synthesis, _ = pe
    text = synthesis.netlist.read_text()
    start = text.index("\nmodule pe(")
    place = text.index("  NAND2X1 ", text.index("product", start))
    wrong = tmp_path / "netlist.v"
    wrong.write_text(text[:place] + text[place:].replace("NAND2X1", "NOR2X1", 1))
    with pytest.raises(SimulationFailed, match="psums_out|stalls"):
        run(synthesis, wrong)


def test_gates_requantize(library, tmp_path, need):
    """What the 8-bit chip has besides, on its bench: both roundings, saturation at either end."""
    need("icarus")
    made = synthesize(Requantizer(1), tmp_path, library)
    passed = run_bench([made.netlist, made.models], "requantizer_1", BENCHES / "bench_requantizer.py",
                       simulator="icarus", testcase="stalls/idle=some/pressure=burst",
                       settings={"lanes": 1, "chip": asdict(PRESETS["mini-int8"])})
    assert len(passed) == 1
