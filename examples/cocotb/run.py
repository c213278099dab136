"""Run the bench beside this file: run.py RTL/NAME.f icarus|verilator CHIP IFMAP.npy WEIGHTS.npy BIAS.npy

RTL/NAME.f is the list of files that `eyeriss generate` writes; the simulation is built in ./build.
"""

import os
import sys
from pathlib import Path

from cocotb_tools.runner import get_results, get_runner

listed, simulator, chip, *tensors = sys.argv[1:]
here, build = Path(__file__).resolve().parent, Path("build").resolve() / f"cocotb-{simulator}"
runner = get_runner(simulator)
runner.build(sources=[Path(listed).parent / name for name in Path(listed).read_text().split()],
             hdl_toplevel="eyeriss", timescale=("1ns", "1ps"), build_dir=build)
results = runner.test(
    hdl_toplevel="eyeriss", test_module="bench", test_dir=here, build_dir=build,
    results_xml=str(build / "results.xml"),
    extra_env={"CHIP": chip, "TENSORS": os.pathsep.join(os.path.abspath(path) for path in tensors)})
tests, failed = get_results(results)
sys.exit(failed or not tests)
