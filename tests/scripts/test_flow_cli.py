"""`eyeriss asic` and `eyeriss fpga build`, as a user runs them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flow.fpga import fpga_chip
from flow.library import DEFAULT
from hw.config import load_chip
from scripts import cli

ROOT = Path(__file__).parents[2]


def eyeriss(*arguments):
    return subprocess.run([sys.executable, "-m", "scripts.cli", *map(str, arguments)], cwd=ROOT, capture_output=True,
                          text=True, timeout=1200)


@pytest.mark.parametrize("arguments, message", [
    ("asic --chip none", "chip must be one of .*"),
    ("asic --liberty none.lib", "liberty must be a Liberty file that can be read, not none.lib"),
    ("asic --power --chip mini", "--power needs a chip that runs CONV1 and CONV5 by the paper's mappings, which mini "
     "does not: .*"),
    ("asic --power --chip eyeriss-skip", "--power needs a chip that .*: its PEs must have 16 bits and gate zeros, "
     "not skip them"),
    ("fpga build --board icebreaker", "board must be one of ulx3s-85f, not 'icebreaker'"),
    ("fpga build --mhz 33", "mhz must be a multiple of 25 that divides 600, not 33"),
    ("fpga build --rows 0", "rows must be 2 to 32, not 0 .*"),
    ("fpga build --memory-words 1000", "words must be a power of two, not 1000"),
    ("fpga build --baud 0", "baud must be 1 to a quarter of the clock, 12500000, not 0"),
])
def test_refuses(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["eyeriss", *arguments.split()])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capsys.readouterr()
    assert stop.value.code == 2 and printed.out == ""
    assert printed.err.startswith("eyeriss: ") and printed.err.count("\n") == 1
    assert re.fullmatch(f"eyeriss: {message}\n", printed.err), printed.err
    assert not list(tmp_path.iterdir())


def test_no_opensta(tmp_path, monkeypatch, capsys):
    if not DEFAULT.exists():
        pytest.skip(f"no {DEFAULT}: apt-get install qflow-tech-osu018")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["eyeriss", "asic"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "eyeriss: OpenSTA (sta) is missing: apt-get install opensta, or leave it out with --no-timing\n")


@pytest.mark.slow
def test_asic_of_the_papers_chip(tmp_path):
    """The issue's two limits: gates of logic, and the PE's clock before layout."""
    if not DEFAULT.exists():
        pytest.skip(f"no {DEFAULT}: apt-get install qflow-tech-osu018")
    run = eyeriss("asic", "-o", tmp_path, "--json", tmp_path / "all.json")
    assert run.returncode == 0, run.stderr
    result = json.loads((tmp_path / "all.json").read_text())
    area = result["area"]
    assert 900_000 < area["totals"]["logic"] <= area["paper_logic"] == 1_176_000
    modules = area["modules"].values()
    logic = sum(module["nand2"] * module["instances"] for module in modules if module["kind"] == "logic")
    assert area["totals"]["logic"] == pytest.approx(logic, rel=1e-3)
    assert area["modules"]["pe"]["instances"] == 168
    assert area["totals"]["sram_bits"] == 8 * 108 * 1024 + 168 * 224 * 16 + 64 * 64
    assert result["timing"]["PE"]["mhz"] >= 150 and result["timing"]["chip"]["mhz"] >= 130
    assert all(len(part["paths"]) == 5 for part in result["timing"].values())
    assert (tmp_path / "eyeriss" / "area.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.skipif("EYERISS_BITSTREAM" not in os.environ, reason="place and route take minutes: scripts/nightly")
def test_small_bitstream(tmp_path):
    """Less than five minutes on an idle machine: four PEs."""
    chip = tmp_path / "small.toml"
    chip.write_text('preset = "mini"\nglb_banks = 4\nglb_bank_words = 64\nfilter_bank_words = 64\nbias_words = 16\n')
    run = eyeriss("fpga", "build", "--chip", chip, "--rows", 2, "--cols", 2, "--mhz", 25, "--memory-words", 512,
                  "-o", tmp_path, "--json", tmp_path / "result.json")
    assert run.returncode == 0, run.stdout + run.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["used"]["MULT18X18D"] == 4
    assert result["fmax_mhz"] >= 25
    directory = tmp_path / "ulx3s-85f-small-2x2"
    assert (directory / "top.bit").stat().st_size > 100_000
    # what the host program needs to know of the chip on the board
    assert load_chip(str(directory / "chip.toml")) == fpga_chip(load_chip(str(chip)), 2, 2)
