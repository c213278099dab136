"""The plain SystemVerilog bench: random layers are equal, a flipped bit is not, nothing of it needs Python."""

import re

import pytest

from golden.layer import LayerShape
from hw.config import PRESETS, scan_fields
from tests.examples import benches

LAYERS = range(10)


@pytest.mark.parametrize("seed", LAYERS)
def test_random_layers_are_equal(need, tmp_path, seed):
    need("verilator")
    benches.random_folder(tmp_path / "layer", seed, 40_000)
    done = benches.run("verilog", tmp_path / "layer", "verilator", f"+stall={seed}")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "equal"), done.stdout + done.stderr


@pytest.mark.parametrize("seed", (0, 1, 5))
def test_small_ones_under_icarus(need, tmp_path, seed):
    need("icarus")
    benches.random_folder(tmp_path / "layer", seed, 1_000)
    done = benches.run("verilog", tmp_path / "layer", "icarus")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "equal"), done.stdout + done.stderr


def test_the_random_layers_are_of_all_kinds(tmp_path):
    kinds = set()
    for seed in LAYERS:
        found = benches.random_folder(tmp_path / str(seed), seed, 40_000)
        shape, job = found.program.shape, found.program.jobs[0]
        ragged = job.placement.strips.last != found.program.mapping.e
        kinds |= {name for name, there in {
            "coded ifmaps": not job.fields["ifmap_raw"], "raw ifmaps": job.fields["ifmap_raw"],
            "coded ofmaps": not job.fields["ofmap_raw"], "raw ofmaps": job.fields["ofmap_raw"],
            "ragged": ragged, "strided": shape.U > 1, "grouped": shape.G > 1, "ReLU": found.relu,
            "bias": found.tensors["bias"].any(), "padded": shape.P,
            "p is no multiple of 4": found.program.mapping.p % 4,
        }.items() if there}
    assert kinds == {"coded ifmaps", "raw ifmaps", "coded ofmaps", "raw ofmaps", "ragged", "strided", "grouped",
                     "ReLU", "bias", "padded", "p is no multiple of 4"}


SHAPE = LayerShape.parse("M=4,C=2,H=6,W=7,R=3")


def flip(path, line, bit, digits=16):
    """Flip a bit of the number in a line of a file."""
    lines = path.read_text().splitlines()
    lines[line] = f"{int(lines[line], 16) ^ 1 << bit:0{digits}x}"
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def layer(tmp_path):
    return benches.compiled(tmp_path / "layer", SHAPE, compress=False)


def differs(folder, message):
    done = benches.run("verilog", folder, "verilator")
    assert done.returncode == 1 and "\nequal" not in done.stdout
    assert re.search(message, done.stdout), done.stdout
    return [int(word) for word in re.findall(r"not equal: word (\d+) ", done.stdout)]


def test_a_flipped_bit_of_memory(need, tmp_path, layer):
    """Of a weight: the ofmap differs."""
    need("verilator")
    flip(tmp_path / "layer" / "memory.hex", layer.program.jobs[0].fields["filter_base"], 0)
    job, = layer.program.jobs
    word, = differs(tmp_path / "layer", r"not equal: word \d+ \(0x[0-9a-f]+\) is \w{16}, must be \w{16}\n")
    assert job.ofmap_base <= word < job.ofmap_base + job.ofmap_count


@pytest.mark.parametrize("field, bit, message, differences", [
    ("shift", 0, "not equal: word", 1),
    ("ifmap_last", 2, "not equal: fault\n", 1),  # too few
    ("bias_ragged", 4, "not equal: fault\n", 0),  # too many: all outputs are right
])
def test_a_flipped_bit_of_the_scan_chain(need, tmp_path, layer, field, bit, message, differences):
    """A wrong setting, or a wrong count, which the chip finds; the first difference is said as well."""
    need("verilator")
    fields, at = scan_fields(PRESETS["mini"]), bit
    for each in fields:
        if each.name == field:
            break
        at += each.bits
    at += -sum(each.bits for each in fields) % 32  # what makes up whole words is shifted in first
    flip(tmp_path / "layer" / "scan.hex", at // 32, at % 32, digits=8)
    job, = layer.program.jobs
    assert job.fields["ifmap_last"] & 4 and not job.fields["bias_ragged"] & 16
    words = differs(tmp_path / "layer", message)
    assert len(words) == differences and all(word >= job.ofmap_base for word in words)


def test_a_flipped_bit_of_what_is_expected(need, tmp_path, layer):
    need("verilator")
    flip(tmp_path / "layer" / "expected.hex", 3, 63)  # behind the line with the address
    assert differs(tmp_path / "layer", "not equal: word") == [layer.program.jobs[0].ofmap_base + 2]


def test_a_word_that_was_overwritten(need, tmp_path, layer):
    """All of memory is compared, not the ofmaps alone."""
    need("verilator")
    expected = tmp_path / "layer" / "expected.hex"
    expected.write_text(f"{expected.read_text()}@1\n{0:016x}\n")
    assert differs(tmp_path / "layer", "not equal: word 1 ") == [1]


@pytest.mark.parametrize("break_it, message", [
    (lambda folder: (folder / "compiled.json").unlink(), "FOLDER must be one that eyeriss compile wrote"),
    (lambda folder: (folder / "compiled.json").write_text((folder / "compiled.json").read_text().replace(
        '"rows": 6', '"rows": 7')), "RTL must have the chip that .* is compiled for"),
])
def test_what_is_missing_is_said(need, tmp_path, layer, break_it, message):
    need("icarus")
    break_it(tmp_path / "layer")
    done = benches.run("verilog", tmp_path / "layer", "icarus")
    assert done.returncode == 2 and re.fullmatch(f"run: {message}.*\n", done.stderr), done


def test_a_simulator_that_is_missing_is_said(need, tmp_path, layer):
    need("verilator")
    done = benches.run("verilog", tmp_path / "layer", "verilator", VERILATOR="none")
    assert (done.returncode, done.stderr) == (
        2, "run: none must be on PATH, or VERILATOR be the program, or the simulator be icarus\n")
