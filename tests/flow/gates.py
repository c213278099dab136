"""`python -m tests.flow.gates`: the RTL's cocotb tests on gates, all of the PE's bench and the mini chip's layers.

The chip's layers are those that tests/chip runs on the mini chip's RTL under Verilator, with and without a DRAM
that stalls: outputs and all counters are checked as there.
"""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from flow.asic import synthesize
from flow.library import load_library
from hw.array.pe import PE
from hw.chip import Eyeriss
from hw.config import PRESETS
from sim.bench.run import run_bench
from sim.chip.simulate import Settings
from tests.chip import layers

DIRECTORY = Path("build/asic")
BENCH = Path(__file__).parents[1] / "hw" / "bench_pe.py"
CHIP_TESTS = "(small_chip and chip-verilator) or (stalling_dram and chip-)"


@dataclass(frozen=True)
class GateSettings(Settings):
    """Settings of gates: bits of one vector that are made of others of it look like a loop."""

    extra_args: tuple = ("-Wno-UNOPTFLAT",)


class Gates:
    """A pytest plugin: layers run on the netlist instead of the RTL."""

    def __init__(self, synthesis):
        self._sources = [synthesis.netlist, synthesis.models, *synthesis.srams]

    @pytest.fixture(autouse=True)
    def on_gates(self, monkeypatch):
        monkeypatch.setattr(layers, "chip_verilog", lambda chip, top: self._sources)
        monkeypatch.setattr(layers, "Settings", GateSettings)


def main():
    library = load_library()
    pe = synthesize(PE(PRESETS["eyeriss"]), DIRECTORY / "pe-gates", library)
    passed = run_bench([pe.netlist, pe.models, *pe.srams], "pe", BENCH, simulator="verilator",
                       settings={"chip": asdict(PRESETS["eyeriss"])})
    print(f"PE: {len(passed)} tests passed on gates", flush=True)
    pe = synthesize(PE(PRESETS["eyeriss"]), DIRECTORY / "pe-latches", library, spads="latch")
    passed = run_bench([pe.netlist, pe.models, *pe.srams], "pe", BENCH, simulator="icarus", timeout_seconds=None,
                       settings={"chip": asdict(PRESETS["eyeriss"])})
    print(f"PE with spads of latches: {len(passed)} tests passed on gates", flush=True)
    chip = synthesize(Eyeriss(PRESETS["mini"]), DIRECTORY / "mini-gates", library)
    return pytest.main(["-v", "-p", "no:xdist", "-k", CHIP_TESTS, "tests/chip/test_random_layers.py"],
                       plugins=[Gates(chip)])


if __name__ == "__main__":
    sys.exit(main())
