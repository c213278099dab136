"""The command line, run as a user runs it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compiler.paper.layers import CATALOGUE
from golden.conv import conv_layer
from golden.layer import LayerShape
from hw.config import PRESETS, configuration_cycles
from hw.config.registers import REGISTERS
from scripts import cli
from sim.tools.find import available

ROOT = Path(__file__).parents[2]
SHAPE = "M=4,C=2,H=6,W=6,R=3"

needs_verilator = pytest.mark.skipif(not available("verilator"), reason="no verilator")


def eyeriss(*arguments, directory=ROOT, env=None):
    """Run `eyeriss` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.cli", *map(str, arguments)], cwd=directory, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}, timeout=600)


@pytest.fixture
def refuses(inputs, monkeypatch, capsys):
    """Run `eyeriss` in this process, in the directory of inputs; see it refuse and leave nothing behind."""
    def refuses(message, *arguments):
        before = sorted(inputs.rglob("*"))
        monkeypatch.chdir(inputs)
        monkeypatch.setattr(sys, "argv", ["eyeriss", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        printed = capsys.readouterr()
        assert stop.value.code == 2
        assert printed.out == ""
        assert re.fullmatch(f"eyeriss: {message}\n", printed.err), printed.err
        assert sorted(inputs.rglob("*")) == before
    return refuses


@pytest.mark.slow
def test_generate(tmp_path):
    run = eyeriss("generate", "--chip", "mini", "-o", tmp_path)
    assert run.returncode == 0, run.stderr
    assert re.match(r"mini: \d+ modules, \d+ lines in ", run.stdout)
    described = json.loads((tmp_path / "mini.json").read_text())
    files = {file.name for file in tmp_path.iterdir()}
    assert files == {*described["files"], "mini.json", "mini.f", "mini.sdc", "mini.xdc"}
    assert (tmp_path / "mini.f").read_text().splitlines() == described["files"]
    assert described["files"][0] == "eyeriss.sv"
    assert set(described) == {"version", "top", "chip", "files", "ports", "scan_bits", "scan_fields", "counters"}
    assert described["scan_bits"] == sum(field["width"] * field["count"] for field in described["scan_fields"])
    assert [counter["select"] for counter in described["counters"]] == list(range(len(described["counters"])))


@pytest.mark.slow
def test_generate_behind_axi(tmp_path):
    """The register map says the same as a page, as a C header that compiles, and as RTL's constants."""
    run = eyeriss("generate", "--chip", "mini", "--top", "axi", "-o", tmp_path)
    assert run.returncode == 0, run.stderr
    described = json.loads((tmp_path / "mini-axi.json").read_text())
    extra = {f"mini-axi.{kind}" for kind in ("json", "f", "md", "h", "core", "sdc", "xdc", "xml")}
    assert {file.name for file in tmp_path.iterdir()} == {*described["files"], *extra, "mini-axi-bench.sv"}
    assert described["top"] == "eyeriss_axi" and described["files"][0] == "eyeriss_axi.sv"
    assert {"s_axi_awaddr", "m_axi_araddr", "irq", "link_clk"} <= {port["name"] for port in described["ports"]}
    names = [f"EYERISS_{register.name}" for register in REGISTERS]
    program = tmp_path / "map.c"
    program.write_text('#include <stdio.h>\n#include "mini-axi.h"\nint main(void) {\n'
                       + "".join(f'  printf("%u\\n", {name});\n' for name in names)
                       + '  printf("%u\\n", EYERISS_SCAN_BITS_VALUE);\n  return 0;\n}\n')
    subprocess.run(["g++", "-x", "c++", "-Wall", "-Werror", "-o", tmp_path / "map", program], check=True)
    printed = subprocess.run([tmp_path / "map"], capture_output=True, text=True, check=True).stdout.split()
    assert list(map(int, printed)) == [register.offset for register in REGISTERS] + [described["scan_bits"]]
    page = (tmp_path / "mini-axi.md").read_text()
    for register in REGISTERS:
        assert f"| 0x{register.offset:03X} | {register.name} |" in page
        assert all(f"| {field.name} | {field.meaning} |" in page for field in register.fields)
    core = json.loads((tmp_path / "mini-axi.core").read_text().removeprefix("CAPI=2:\n"))
    assert core["filesets"]["rtl"]["files"] == described["files"]
    assert core["targets"]["default"]["toplevel"] == "eyeriss_axi"
    for target in core["targets"].values():
        for fileset in target["filesets"]:
            assert all((tmp_path / file).exists() for file in core["filesets"][fileset]["files"])
    asked = re.findall(r'\$value\$plusargs\("(\w+)=', (tmp_path / "mini-axi-bench.sv").read_text())
    for simulator in ("icarus", "verilator"):
        assert set(asked) <= set(core["targets"][f"sim_{simulator}"]["parameters"])


@pytest.mark.slow
def test_generate_removes_what_it_wrote_and_nothing_else(tmp_path):
    """A module of an earlier run that there is no longer goes; a file of the user's stays."""
    own, stale, outside = tmp_path / "out" / "own.sv", tmp_path / "out" / "stale.sv", tmp_path / "outside.sv"
    stale.parent.mkdir()
    for file in (own, stale, outside):
        file.write_text("module other; endmodule\n")
    files = ["stale.sv", "../outside.sv", str(outside), ".", 7]
    (tmp_path / "out" / "mini.json").write_text(json.dumps({"scan_fields": [], "files": files}))
    run = eyeriss("generate", "--chip", "mini", "-o", tmp_path / "out")
    assert run.returncode == 0
    assert own.exists() and outside.exists() and not stale.exists()


@pytest.mark.slow
def test_two_chips_in_a_folder_with_a_space(tmp_path):
    """They share what is alike; what would change the other's modules is refused, unless it has a prefix."""
    folder = tmp_path / "a folder"
    assert eyeriss("generate", "--chip", "mini", "-o", folder).returncode == 0
    assert eyeriss("generate", "--chip", "mini", "--top", "axi", "-o", folder).returncode == 0
    before = {file: file.read_bytes() for file in folder.iterdir()}
    run = eyeriss("generate", "--chip", "mini-skip", "-o", folder)
    assert run.returncode == 2
    assert re.fullmatch(r"eyeriss: .*a folder/\w+\.sv is the chip mini(-axi)?'s and would change: choose another "
                        r"--output, or a --prefix for the modules\n", run.stderr), run.stderr
    assert before == {file: file.read_bytes() for file in folder.iterdir()}
    run = eyeriss("generate", "--chip", "mini-skip", "--prefix", "my_", "-o", folder)
    assert run.returncode == 0, run.stderr
    described = json.loads((folder / "my_mini-skip.json").read_text())
    assert described["top"] == "my_eyeriss" and described["files"][0] == "my_eyeriss.sv"
    assert all((folder / file).read_bytes() == old for file, old in before.items())
    # the modules of `mini` that the other one needs stay where `mini` itself changes
    (folder / "mini.json").write_text((folder / "mini.json").read_text().replace('"glb.sv"', '"glb.sv", "old.sv"'))
    (folder / "old.sv").write_text("module old; endmodule\n")
    assert eyeriss("generate", "--chip", "mini", "-o", folder).returncode == 0
    assert not (folder / "old.sv").exists() and before.keys() <= set(folder.iterdir())


@pytest.mark.slow
def test_generate_spares_what_it_did_not_write(tmp_path):
    own = tmp_path / "pe.sv"
    own.write_text("module pe; endmodule\n")
    run = eyeriss("generate", "--chip", "mini", "-o", tmp_path)
    assert run.returncode == 2 and "pe.sv is not of this chip and would change" in run.stderr
    assert list(tmp_path.iterdir()) == [own] and own.read_text() == "module pe; endmodule\n"


@pytest.mark.slow
def test_generate_from_a_file(tmp_path):
    chip = tmp_path / "tiny.toml"
    chip.write_text('preset = "mini"\nrows = 3\ncolumns = 4\n')
    assert eyeriss("generate", "--chip", chip, "-o", tmp_path / "out").returncode == 0
    assert json.loads((tmp_path / "out" / "tiny.json").read_text())["chip"]["rows"] == 3


def test_layers():
    run = eyeriss("layers")
    assert run.returncode == 0
    assert all(name in run.stdout for name in CATALOGUE)


KEYS = {
    "layer": str, "shape": str, "chip": str, "match": bool,
    "mapping": ("m", "n", "e", "f", "p", "q", "r", "t", "coded"),
    "outputs": int, "mismatches": int, "cycles": ("total", "processing"), "configuration_cycles": int,
    "milliseconds": float, "frames_per_second": float, "macs": int, "gated_macs": int,
    "active_pes": int, "utilization": float, "glb_bytes": ("ifmap", "psum_read", "psum_write", "filter"),
    "dram_bytes": ("ifmap", "filter", "bias", "ofmap"), "simulator": str, "simulated_cycles_per_second": float,
    "wall_seconds": float,
}


def has_keys(table):
    for key, kind in KEYS.items():
        if isinstance(kind, tuple):
            assert set(kind) <= set(table[key]), key
            assert all(isinstance(value, int) for value in table[key].values()), key
        else:
            assert type(table[key]) is kind, key


@pytest.mark.simulation
@needs_verilator
def test_simulate_saves_tensors_and_json(tmp_path):
    run = eyeriss("simulate", "--chip", "mini", "--shape", SHAPE, "--batch", 2, "--shift", 3, "--relu",
                  "--zeros", 0.5, "--save", tmp_path / "tensors", "--json", tmp_path / "result.json")
    assert run.returncode == 0, run.stderr
    assert "match: all 128 outputs equal the golden model's" in run.stdout
    table = json.loads((tmp_path / "result.json").read_text())
    has_keys(table)
    assert (table["match"], table["outputs"], table["mismatches"]) == (True, 128, 0)
    assert table["shape"] == "N=2,M=4,C=2,H=6,W=6,R=3,S=3,U=1"
    assert table["configuration_cycles"] == configuration_cycles(PRESETS["mini"])
    assert table["milliseconds"] == pytest.approx(
        (table["cycles"]["total"] + table["configuration_cycles"]) / 200e3)
    assert table["frames_per_second"] == pytest.approx(2e3 / table["milliseconds"])
    assert (table["layer"], table["chip"], table["simulator"]) == ("custom", "mini", "verilator")
    tensors = {path.stem: np.load(path) for path in (tmp_path / "tensors").iterdir()}
    assert set(tensors) == {"ifmap", "weights", "bias", "ofmap"}
    assert all(tensor.dtype == np.int16 for tensor in tensors.values())
    assert np.mean(tensors["ifmap"] == 0) == 0.5
    ofmap = tensors.pop("ofmap")
    golden = conv_layer(**tensors, shape=LayerShape.parse(table["shape"]), shift=3, relu=True)
    assert np.array_equal(ofmap, golden)


@pytest.mark.simulation
@needs_verilator
def test_simulate_given_tensors_and_mapping(tmp_path):
    rng = np.random.default_rng(5)
    shape = LayerShape.parse(SHAPE)
    for name, size in (("ifmap", shape.ifmap_shape), ("weights", shape.weights_shape), ("bias", shape.bias_shape)):
        np.save(tmp_path / f"{name}.npy", rng.integers(-99, 100, size).astype(np.int16))
    mapping = dict(m=4, n=1, e=3, p=2, q=1, r=1, t=1)
    (tmp_path / "mapping.json").write_text(json.dumps(mapping))
    files = [item for name in ("ifmap", "weights", "bias") for item in (f"--{name}", tmp_path / f"{name}.npy")]
    run = eyeriss("simulate", "--chip", "mini", "--shape", SHAPE, *files, "--mapping", tmp_path / "mapping.json",
                  "--save", tmp_path / "out", "--json", "-")
    assert run.returncode == 0, run.stderr
    table = json.loads(run.stdout)  # nothing but JSON on standard output
    has_keys(table)
    assert table["mapping"] == mapping | {"f": 4, "g": 1, "coded": 0}
    assert "match: all 64 outputs" in run.stderr
    for name in ("ifmap", "weights", "bias"):
        assert np.array_equal(np.load(tmp_path / "out" / f"{name}.npy"), np.load(tmp_path / f"{name}.npy"))


@pytest.mark.simulation
@needs_verilator
def test_bias_is_zero_with_given_weights(tmp_path):
    np.save(tmp_path / "weights.npy", np.zeros((4, 2, 3, 3), np.int16))
    run = eyeriss("simulate", "--chip", "mini", "--shape", SHAPE, "--weights", tmp_path / "weights.npy",
                  "--save", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    assert not np.load(tmp_path / "out" / "ofmap.npy").any()


@pytest.fixture
def inputs(tmp_path):
    """A directory of inputs to refuse."""
    def mapping(name, **changes):
        table = dict(m=4, n=1, e=4, p=4, q=1, r=1, t=1) | changes
        (tmp_path / name).write_text(json.dumps({key: value for key, value in table.items() if value is not None}))

    np.save(tmp_path / "float.npy", np.zeros((4, 2, 3, 3)))
    np.save(tmp_path / "groups.npy", np.zeros((4, 4, 3, 3), np.int16))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "spad.toml").write_text("filter_spad_words = 11")
    (tmp_path / "bad.toml").write_text("rows = = 3")
    (tmp_path / "field.toml").write_text("raws = 3")
    (tmp_path / "bad.json").write_text("{m: 3}")
    (tmp_path / "list.json").write_text("[1, 2]")
    mapping("psum_spad.json", p=25, m=25)
    mapping("rows.json", r=5)
    mapping("lacks.json", q=None)
    mapping("unknown.json", s=3)
    mapping("zero.json", e=0)
    mapping("text.json", e="4")
    return tmp_path


# what is wrong -> arguments after `simulate`, the line on standard error after "eyeriss: "
REFUSED = {
    "a shift of 8 bits": (f"--shape {SHAPE} --chip mini-int8 --shift 3",
                          r"--shift must be 0 on mini-int8, not 3: sums of 8-bit layers have a factor each"),
    "weights of 16 bits for 8": (f"--shape {SHAPE} --chip mini-int8 --weights groups.npy",
                                 r"weights must be an array of int8, not int16"),
    "weights of other groups": (f"--shape {SHAPE},G=2 --weights groups.npy",
                                r"weights must be of shape \(M, C/G, R, S\) = \(4, 1, 3, 3\), not \(4, 4, 3, 3\)"),
    "groups that do not divide C": ("--shape M=4,C=3,H=6,W=6,R=3,G=2", r"C must be a multiple of G=2, not 3"),
    "float weights": (f"--shape {SHAPE} --weights float.npy", r"weights must be an array of int16, not float64"),
    "a spad too small": (f"--shape {SHAPE} --chip spad.toml",
                         r"spad.toml: filter_spad_words must hold one filter row of ifmap_spad_words = 12, not 11"),
    "an unknown layer": ("--layer alexnet/CONV9",
                         r"layer must be a layer such as alexnet/CONV\d or .*, not 'alexnet/CONV9'"),
    "an unknown key": (f"--shape {SHAPE},X=3", r"shape key must be one of N M C H W R S U V P G D, not 'X'"),
    "a missing key": ("--shape M=4,C=2,H=6,W=6", r"R must be given, not left out of 'M=4,C=2,H=6,W=6'"),
    "no number": ("--shape M=4,C=2,H=6,W=6,R=three", r"R must be an integer, not 'three'"),
    "a filter larger than the map": ("--shape M=4,C=2,H=6,W=6,R=7", r"R must be a filter that spans at most .*"),
    "p too large": (f"--shape {SHAPE} --mapping psum_spad.json",
                    r"p, psums in a PE's psum spad, is 25, chip eyeriss has 24"),
    "r too large": (f"--shape {SHAPE} --mapping rows.json",
                    r"r R, rows of PEs for a stack of sets, is 15, chip eyeriss has 12"),
    "a mapping without q": (f"--shape {SHAPE} --mapping lacks.json", r"mapping file lacks.json lacks q"),
    "a mapping with s": (f"--shape {SHAPE} --mapping unknown.json",
                         r"mapping file unknown.json has unknown keys s"),
    "a mapping of zero rows": (f"--shape {SHAPE} --mapping zero.json",
                               r"mapping e must be an integer of at least 1, not 0"),
    "a mapping of text": (f"--shape {SHAPE} --mapping text.json",
                          r"mapping e must be an integer of at least 1, not '4'"),
    "a mapping that is no JSON": (f"--shape {SHAPE} --mapping bad.json", r"mapping file bad.json must be JSON: .+"),
    "a mapping that is a list": (f"--shape {SHAPE} --mapping list.json",
                                 r"mapping file list.json must be an object with the keys m n e f p q r t"),
    "no mapping file": (f"--shape {SHAPE} --mapping none.json",
                        r"mapping file none.json must be readable: No such file or directory"),
    "text for an array": (f"--shape {SHAPE} --ifmap text.npy",
                          r"--ifmap text.npy must be a readable .npy file: .+"),
    "objects in an array": (f"--shape {SHAPE} --ifmap objects.npy",
                            r"--ifmap objects.npy must be a readable .npy file: .+"),
    "no array": (f"--shape {SHAPE} --bias none.npy", r"--bias none.npy must be a readable .npy file: .+"),
    "bad TOML": (f"--shape {SHAPE} --chip bad.toml", r"bad.toml must be a TOML file: .+"),
    "an unknown field of the chip": (f"--shape {SHAPE} --chip field.toml",
                                     r"field.toml: unknown field 'raws'; known are .+"),
    "an unknown chip": (f"--shape {SHAPE} --chip maxi",
                        r"chip must be one of eyeriss, mini, .* or a TOML file, not 'maxi'"),
    "an unknown option": (f"--shape {SHAPE} --speed 3", r"No such option: --speed.*"),
    "an unknown simulator": (f"--shape {SHAPE} --sim vcs", r"Invalid value for '--sim': .*'vcs' is not one of .*"),
    "a shift of 17": (f"--shape {SHAPE} --shift 17", r"--shift must be 0 to 16, not 17"),
    "a shift of -1": (f"--shape {SHAPE} --shift -1", r"--shift must be 0 to 16, not -1"),
    "zeros of 2": (f"--shape {SHAPE} --zeros 2", r"--zeros must be between 0 and 1, not 2.0"),
    "zeros of nan": (f"--shape {SHAPE} --zeros nan", r"--zeros must be between 0 and 1, not nan"),
    "a batch of none": (f"--shape {SHAPE} --batch 0", r"N must be a positive integer, not 0"),
    "a negative seed": (f"--shape {SHAPE} --seed -1", r"--seed must be 0 or more, not -1"),
    "two layers": (f"--shape {SHAPE} --layer alexnet/CONV1",
                   r"one of --layer and --shape must be given, and only one"),
    "no layer": ("", r"one of --layer and --shape must be given, and only one"),
    "a file to save tensors in": (f"--shape {SHAPE} --save text.npy",
                                  r"--save must be a directory that can be written, not text.npy: .*no directory"),
    "a directory for the JSON": (f"--shape {SHAPE} --json .",
                                 r"--json must be a file that can be written, not \.: it is a directory"),
    "a waveform that is no FST": (f"--shape {SHAPE} --waves x.vcd", r"--waves must end in .fst, not x.vcd"),
    "a trace that is no JSON": (f"--shape {SHAPE} --trace x.pb", r"--trace must end in .json, not x.pb"),
    "a window without a waveform": (f"--shape {SHAPE} --waves-to 9", r"--waves-from, .* need --waves FILE.fst"),
    "a window that ends before it begins": (
        f"--shape {SHAPE} --waves x.fst --waves-from 9 --waves-to 9",
        r"--waves-from must be 0 or more and less than --waves-to, not 9 and 9"),
    "a negative depth": (f"--shape {SHAPE} --waves x.fst --waves-depth -1",
                         r"--waves-depth must be 0 or more, not -1"),
    "an unknown scope": (f"--shape {SHAPE} --chip mini --sim icarus --waves x.fst --waves-scope array.pe",
                         r"--waves-scope must be instances in the chip, such as array.row_0.pe_0: array has no pe, "
                         r"but gin_filter, .*"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(refuses, name):
    arguments, message = REFUSED[name]
    save = [] if "--save" in arguments else ["--save", "out"]
    refuses(message, "simulate", *arguments.split(), *save)


@pytest.mark.parametrize("arguments, message", [
    ("--chip bad.toml", r"bad.toml must be a TOML file: .+"),
    ("-o text.npy", r"--output must be a directory that can be written, not text.npy: .*text.npy is no directory"),
    ("--chips mini", r"No such option: --chips.*"),
    ("--prefix ../", r"prefix must be letters, digits and underscores, no digit first, not '\.\./'"),
])
def test_generate_refuses(refuses, arguments, message):
    refuses(message, "generate", *arguments.split())


def test_unknown_command_refused(refuses):
    refuses(r"No such command 'generat'.*", "generat")


def test_missing_simulator_refused(inputs):
    empty = inputs / "bin"
    empty.mkdir()
    before = sorted(inputs.rglob("*"))
    run = eyeriss("simulate", "--shape", SHAPE, "--sim", "icarus", directory=inputs, env={"PATH": str(empty)})
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == "eyeriss: Icarus Verilog >= 11 is missing: apt-get install iverilog\n"
    assert sorted(inputs.rglob("*")) == before
