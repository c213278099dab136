"""The bench in cocotb, with tensors of one's own; a chip that computes something else is noticed."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.examples import benches


@pytest.fixture
def run(tmp_path):
    """run.py of the example, as a user calls it; its exit status and output."""
    rng = np.random.default_rng(1)
    tensors = {"ifmap": (1, 2, 6, 7), "weights": (4, 2, 3, 3), "bias": (4,)}
    for name, shape in tensors.items():
        np.save(tmp_path / f"{name}.npy", rng.integers(-99, 99, shape).astype(np.int16))

    def run(rtl):
        command = [sys.executable, benches.EXAMPLES / "cocotb" / "run.py", rtl / "mini.f", "icarus", "mini",
                   *(f"{name}.npy" for name in tensors)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600,
                              env=os.environ | {"PYTHONPATH": str(benches.EXAMPLES.parent)})
        return done.returncode, done.stdout + done.stderr
    return run


def test_equal(need, run):
    need("icarus")
    status, output = run(benches.rtl())
    assert status == 0 and "PASS=1 FAIL=0" in output, output


def test_a_chip_without_relu(need, run, tmp_path):
    need("icarus")
    rtl = shutil.copytree(benches.rtl(), tmp_path / "rtl")
    drain = rtl / "ofmap_drain.sv"
    assert "relu & " in drain.read_text()
    drain.write_text(drain.read_text().replace("relu & ", "1'b0 & "))
    status, output = run(rtl)
    assert status == 1 and "outputs differ, the first at" in output, output
