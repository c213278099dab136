"""`eyeriss compile`: files that say what the program is, to hosts without Python; refusals leave nothing behind."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from compiler.image.program import compile_layer
from compiler.mapping.mapping import Mapping
from golden import rlc
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from host.axi import mask
from host.folder import FILES
from hw.config import PRESETS, scan_words
from hw.config.registers import OFFSETS
from scripts.pages import register_map
from sim.tools.files import ROOT

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
MAPPING = Path(__file__).with_name("two_jobs.json")  # m is two of the three filters of a group, so each is a job
ARGUMENTS = ["compile", "--chip", "mini", "--shape", "M=6,C=4,H=7,W=6,R=3,P=1,G=2", "--zeros", "0.6", "--relu",
             "--base", "0x1_0000_0040", "-o", "out", "--mapping", str(MAPPING)]
SHAPE = LayerShape.parse("M=6,C=4,H=7,W=6,R=3,P=1,G=2")
TENSORS = random_tensors(SHAPE, seed=1, zeros=0.6)


@pytest.fixture
def folder(eyeriss, tmp_path):
    status, out, err = eyeriss(*ARGUMENTS)
    assert status == 0, err
    assert re.fullmatch(r"custom on mini: \d+ words, 2 jobs, [\d,]+ cycles planned, in out\n", out)
    return tmp_path / "out"


@pytest.fixture
def table(folder):
    return json.loads((folder / "compiled.json").read_text())


def program(table):
    return compile_layer(SHAPE, Mapping(**table["mapping"]), PRESETS["mini"], *TENSORS, relu=True,
                         ofmap_coded=table["jobs"][0]["ofmap"]["coded"])


def numbers(path):
    """Rows of hexadecimal numbers."""
    return [[int(word, 16) for word in line.split()] for line in path.read_text().splitlines()]


def test_all_files_are_there_and_described(folder, table):
    assert {path.name for path in folder.iterdir()} == set(FILES) - {"factors.npy"} == set(table["files"])
    assert table["files"].items() < FILES.items()


def test_the_docs_name_all_files_and_keys(table):
    section = (ROOT / "docs" / "commands.md").read_text().partition("## eyeriss compile")[2].partition("\n## ")[0]
    rows = [re.findall(r"`([\w.]+)`", line.split("|")[1]) for line in section.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in row if "." in name] == list(FILES)
    assert {name for row in rows for name in row if "." not in name} == set(table) - {"version"}
    assert all(f"`{key}`" in section for key in table["jobs"][0])


def test_memory(folder, table):
    words = np.array(numbers(folder / "memory.hex"), np.uint64).ravel()
    assert np.array_equal(words, program(table).dram) and len(words) == table["memory_words"]
    assert (folder / "memory.bin").read_bytes() == words.astype("<u8").tobytes()


def test_scan_chain_and_register_writes(folder, table):
    """A reset, the configuration and a start for each job; what CONFIG is given is what the scan file has."""
    jobs = program(table).jobs
    scan = [word for job in jobs for word in scan_words(job.bits)]
    assert [word for word, in numbers(folder / "scan.hex")] == scan
    assert len(scan) == 2 * table["scan_words"] and table["scan_bits"] == len(jobs[0].bits)
    writes = numbers(folder / "registers.hex")
    assert [value for offset, value in writes if offset == OFFSETS["CONFIG"]] == scan
    reset, start = mask("CONTROL.RESET"), mask("CONTROL.START")
    assert [value for offset, value in writes if offset == OFFSETS["CONTROL"]] == [reset, start, reset, start]
    assert writes[0] == [OFFSETS["CONTROL"], reset] and writes[-1] == [OFFSETS["CONTROL"], start]
    assert [value for offset, value in writes if offset == OFFSETS["BASE_LOW"]] == [0x40, 0x40]
    assert [value for offset, value in writes if offset == OFFSETS["BASE_HIGH"]] == [1, 1]


def test_what_is_expected(folder, table):
    """The words of the file over the image are a memory whose ofmap is the golden one."""
    made, at = program(table), 0
    memory = made.dram.copy()
    for line in (folder / "expected.hex").read_text().splitlines():
        if line.startswith("@"):
            at = int(line[1:], 16)
        else:
            memory[at], at = int(line, 16), at + 1
    expected = conv_layer(*TENSORS, SHAPE, relu=True)
    assert np.array_equal(made.ofmap(memory), expected) and np.array_equal(np.load(folder / "ofmap.npy"), expected)
    changed = np.flatnonzero(memory != made.dram)
    written = [job["ofmap"]["address"] + word for job in table["jobs"] for word in range(job["ofmap"]["written"])]
    assert sorted(changed) == sorted(written)
    for name in ("ifmap", "weights", "bias"):
        assert np.array_equal(np.load(folder / f"{name}.npy"), getattr(TENSORS, name))


def test_jobs_and_sizes(folder, table):
    """Each job's parts follow one another and fill memory; simulators get the same sizes as C."""
    at = 0
    for job, made in zip(table["jobs"], program(table).jobs, strict=True):
        for name in ("ifmap", "filter", "bias", "ofmap"):
            assert job[name]["address"] == at == made.fields[f"{name}_base"]
            at += job[name]["words"]
        assert job["ifmap"]["coded"] == (not made.fields["ifmap_raw"]) and job["passes"] == made.placement.passes
    assert at == table["memory_words"] and [job["filters"] for job in table["jobs"]] == [[0, 3], [3, 6]]
    assert table["cycles"] == sum(job["cycles"] for job in table["jobs"])
    sizes = dict(re.findall(r"^\+(\w+)=(\w+)$", (folder / "compiled.f").read_text(), re.M))
    assert sizes == {"memory_words": str(at), "scan_words": str(table["scan_words"]), "jobs": "2",
                     "cycles": str(table["cycles"]), "base": "100000040"}


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
def test_the_header_is_c(folder, table):
    """A program that has the header and that of the registers prints what the files have."""
    code = """#include <stdio.h>
        #include "compiled.h"
        int main(void) {
            for (unsigned i = 0; i < EYERISS_WRITES; i++)
                printf("%08x %08x\\n", eyeriss_writes[i][0], eyeriss_writes[i][1]);
            for (unsigned i = 0; i < EYERISS_JOBS; i++)
                printf("%u %u\\n", eyeriss_ofmaps[i][0], eyeriss_ofmaps[i][1]);
            printf("%u %u %u %u %llx\\n", EYERISS_MEMORY_WORDS, EYERISS_SCAN_WORDS, EYERISS_JOBS, EYERISS_CYCLES,
                   EYERISS_BASE);
        }"""
    (folder / "main.c").write_text(code)
    subprocess.run(["gcc", *STRICT, "-o", "main", "main.c"], cwd=folder, check=True)
    printed = subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout
    ofmaps = "".join(f"{job['ofmap']['address']} {job['ofmap']['written']}\n" for job in table["jobs"])
    sizes = f"{table['memory_words']} {table['scan_words']} 2 {table['cycles']} 100000040\n"
    assert printed == (folder / "registers.hex").read_text() + ofmaps + sizes


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
@pytest.mark.parametrize("status, outcome", [("DONE", 0), ("HALTED", 255)])
def test_the_driver_of_the_docs_is_c(folder, status, outcome):
    """With the header of the registers; on registers that are memory, so that STATUS is what it is from the start."""
    (folder / "mini-axi.h").write_text(register_map.header(PRESETS["mini"]))
    driver = re.search(r"```c\n(.*?)```", (ROOT / "docs" / "integration.md").read_text(), re.S)[1]
    main = f"""
        static uint32_t memory[1024];
        int main(void) {{ memory[EYERISS_STATUS / 4] = EYERISS_STATUS_{status}_MASK; return run(memory); }}"""
    (folder / "main.c").write_text(driver + main)
    subprocess.run(["gcc", *STRICT, "-o", "main", "main.c"], cwd=folder, check=True)
    assert subprocess.run([folder / "main"], timeout=60).returncode == outcome


def test_the_coded_word_of_the_docs():
    text = (ROOT / "docs" / "integration.md").read_text()
    values, word = re.search(r"The values ([-\d ]+) are the word `(\w+)`", text).groups()
    assert rlc.encode(np.array(values.split(), np.int16)).tolist() == [int(word, 16)]


def test_tensors_of_ones_own(eyeriss, tmp_path):
    rng = np.random.default_rng(2)
    for name, shape in (("x", SHAPE.ifmap_shape), ("w", SHAPE.weights_shape)):
        np.save(tmp_path / f"{name}.npy", rng.integers(-9, 9, shape).astype(np.int16))
    assert eyeriss(*ARGUMENTS, "--ifmap", "x.npy", "--weights", "w.npy")[0] == 0
    tensors = [np.load(tmp_path / f"{name}.npy") for name in "xw"]
    expected = conv_layer(*tensors, np.zeros(6, np.int16), SHAPE, relu=True)
    assert np.array_equal(np.load(tmp_path / "out" / "ofmap.npy"), expected)


def test_a_layer_of_8_bits(eyeriss, tmp_path):
    """The files have all that its outputs are computed from; those of another layer that it does not have go."""
    options = ["compile", "--shape", "M=5,C=4,H=6,W=7,R=3,P=1", "--zeros", "0.4", "-o", "out", "--chip"]
    assert eyeriss(*options, "mini-int8")[0] == 0
    table = json.loads((tmp_path / "out" / "compiled.json").read_text())
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES) and table["files"] == FILES
    assert table["ofmap_zero"] == 128 and table["tensors"]["bias"]["type"] == "int32"
    x, w, b, factors, y = (np.load(tmp_path / "out" / f"{name}.npy")
                           for name in ("ifmap", "weights", "bias", "factors", "ofmap"))
    assert np.count_nonzero(x == 0) == round(0.4 * x.size)
    planes = np.pad(x[0].astype(int), ((0, 0), (1, 1), (1, 1)))
    sums = np.array([[[(planes[:, e:e + 3, f:f + 3] * w[m]).sum() + b[m] for f in range(7)] for e in range(6)]
                     for m in range(5)])
    units = np.rint(sums.astype(np.float32) * factors[:, None, None])
    assert np.array_equal(y[0], np.clip(units + 128, 0, 255))
    assert np.allclose(np.sqrt(np.mean(units ** 2, axis=(1, 2))), 64, atol=1)
    job, = table["jobs"]
    words = [int(line, 16) for line in (tmp_path / "out" / "memory.hex").read_text().split()]
    first = job["bias"]["address"]
    halves = np.array(words[first:first + 4], np.uint64).view(np.uint32)  # of a word of psums at the first set
    assert np.array_equal(halves[:2].view(np.int32), b[:2])
    assert np.array_equal(halves[2:4].view(np.float32), factors[:2])
    assert eyeriss(*options, "mini")[0] == 0
    assert not (tmp_path / "out" / "factors.npy").exists()


@pytest.mark.parametrize("arguments, message", [
    (["--chip", "mini-int8", "--shift", "3"],
     "--shift must be 0 on mini-int8, not 3: sums of 8-bit layers have a factor each"),
    (["--base", "12"], "--base must be a byte address, a multiple of 8 such as 0x80000000, not '12'"),
    (["--base", "high"], "--base must be a byte address, a multiple of 8 such as 0x80000000, not 'high'"),
    (["--base", "0xffff_ffff_ffff_fff8"], "--base must leave [0-9,]+ bytes below 2\\^64, not 0xffff_ffff_ffff_fff8"),
    (["--shift", "17"], "--shift must be 0 to 16, not 17"),
    (["--layer", "alexnet/CONV1"], "one of --layer and --shape must be given, and only one"),
    (["--ifmap", "none.npy"], "--ifmap none.npy must be a readable .npy file: .*"),
])
def test_refusals(eyeriss, tmp_path, arguments, message):
    status, out, err = eyeriss(*ARGUMENTS, *arguments)
    assert (status, out) == (2, "") and re.fullmatch(f"eyeriss: {message}\n", err), err
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_a_file(eyeriss, tmp_path):
    (tmp_path / "out" / "scan.hex").mkdir(parents=True)
    status, _, err = eyeriss(*ARGUMENTS)
    assert (status, err) == (2, "eyeriss: out/scan.hex must be a file, not a directory: choose another --output\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scan.hex"]


def test_what_was_interrupted_has_no_description(eyeriss, folder, monkeypatch):
    """So that nobody takes files of two runs for one."""
    monkeypatch.setattr("scripts.commands.compile.write_file", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        eyeriss(*ARGUMENTS)
    assert not (folder / "compiled.json").exists()
