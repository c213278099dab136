"""The mini chip's netlist runs whole layers: `python -m tests.flow.chip_gates`, nine minutes."""

from pathlib import Path

from flow.asic import synthesize
from flow.library import load_library
from hw.chip import Eyeriss
from hw.config import PRESETS
from tests.chip.layers import check, run

LAYERS = (
    ("M=8,C=4,H=8,W=8,R=3,P=1", {"relu": True}),
    ("M=12,C=5,H=9,W=9,R=5,U=2", {"shift": 4}),
    ("N=2,M=6,C=3,H=7,W=7,R=2", {"compress": False}),
)


def main():
    synthesis = synthesize(Eyeriss(PRESETS["mini"]), Path("build/asic/mini-gates"), load_library())
    print(f"synthesised {len(synthesis.modules)} modules; now compiling the gates", flush=True)
    for shape, options in LAYERS:
        # bits of one vector that are made of others of it look like a loop
        result = run(shape, verilog=[synthesis.netlist, synthesis.models, *synthesis.srams],
                     extra_args=("-Wno-UNOPTFLAT",), **options)
        check(result)
        print(f"{shape}: {result.counters['cycles']} cycles, all outputs equal", flush=True)


if __name__ == "__main__":
    main()
