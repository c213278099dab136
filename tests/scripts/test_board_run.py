"""`eyeriss fpga run` on the simulated board: the real host program, over a pseudo-terminal."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hw.config import PRESETS
from scripts import cli
from scripts.commands import one_layer
from sim.chip.board import simulated_board
from sim.tools.find import available

pytestmark = pytest.mark.simulation

ROOT = Path(__file__).parents[2]
SHAPE = "M=8,C=5,H=5,W=6,R=3"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    if not available("verilator"):
        pytest.skip("no verilator")
    with simulated_board(PRESETS["mini"], tmp_path_factory.mktemp("board"), memory_words=1024) as port:
        yield port


def fpga_run(port, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "scripts.cli", "fpga", "run", "--port", port, *map(str, arguments)], cwd=ROOT,
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300)


@pytest.mark.parametrize("options", [
    f"--shape {SHAPE}", f"--shape {SHAPE} --relu --zeros 0.6 --shift 3 --seed 4",
    "--shape N=2,M=7,C=2,H=4,W=4,R=2,U=2", "--shape M=12,C=6,H=5,W=5,R=3,P=1,G=2",
])
def test_layers(port, options, tmp_path):
    run = fpga_run(port, "--chip", "mini", *options.split(), "--json", tmp_path / "result.json", "--save", tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    table = json.loads((tmp_path / "result.json").read_text())
    assert table["match"] and table["simulator"] == "board"
    assert table["cycles"]["total"] > 0 and table["macs"] >= table["layer_macs"]
    assert np.load(tmp_path / "ofmap.npy").size == table["outputs"]


@pytest.mark.parametrize("options, status, message", [
    ("--shape M=64,C=16,H=9,W=9,R=3 --chip mini", 2, r"custom needs \d+ words of memory, the board has 1024"),
    (f"--shape {SHAPE} --chip eyeriss", 2, r"--chip must be what the board holds: its ARRAY is 0x100506, .*"),
])
def test_refused(port, options, status, message):
    run = fpga_run(port, *options.split())
    assert run.returncode == status
    assert re.fullmatch(f"eyeriss: {message}\n", run.stderr), run.stderr


def test_a_wrong_output_is_noticed(port, monkeypatch, capsys):
    whole = one_layer.conv_layer

    def other(*arguments, **options):
        expected = whole(*arguments, **options)
        expected[0, 0, 0, 0] += 1
        return expected

    monkeypatch.setattr(one_layer, "conv_layer", other)
    monkeypatch.setattr(sys, "argv", ["eyeriss", "fpga", "run", "--port", port, "--chip", "mini", "--shape", SHAPE])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    assert "MISMATCH in custom: 1 of " in capsys.readouterr().out


def test_no_device_refused():
    run = fpga_run("/dev/none", "--shape", SHAPE)
    assert run.returncode == 2
    assert re.fullmatch(r"eyeriss: --port must be a serial device that can be opened: .*/dev/none.*\n", run.stderr)


def test_a_board_that_does_not_answer():
    """Exit status 1 and one line, after the time that an answer may take."""
    master, slave = os.openpty()
    try:
        run = fpga_run(os.ttyname(slave), "--shape", SHAPE, "--chip", "mini")
    finally:
        os.close(master)
        os.close(slave)
    assert run.returncode == 1
    assert re.fullmatch(r"eyeriss: no answer from /dev/pts/\d+ within 10 s: .*\n", run.stderr), run.stderr
