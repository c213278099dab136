"""A driver is there in a fraction of a second: no RTL, no simulator, no network is loaded with it."""

import subprocess
import sys

import pytest

from sim.tools.files import ROOT

HEAVY = {"amaranth", "cocotb", "onnx", "onnxruntime", "matplotlib", "typer", "sim", "scripts", "flow"}


def loaded(module):
    """Top-level packages after the import of a module, in a process of its own."""
    code = f"import {module}, sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                              check=True).stdout.split())


@pytest.mark.parametrize("module", sorted(path.stem for path in (ROOT / "host").glob("[a-z]*.py")))
def test_a_driver_loads_neither_rtl_nor_simulator(module):
    assert not loaded(f"host.{module}") & HEAVY


def test_rtl_would_be_noticed():
    assert "amaranth" in loaded("hw.shell.serial.device")
