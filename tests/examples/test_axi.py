"""The bench behind AXI: register writes from a file, an image at any address, a stalling bus."""

import re

import pytest

from compiler.mapping.mapping import Mapping
from golden.layer import LayerShape
from hw.config.registers import FIELDS, OFFSETS
from tests.examples import benches

# two groups, each cut in m, so two jobs
SHAPE, MAPPING = LayerShape.parse("M=4,C=4,H=6,W=7,R=3,G=2"), Mapping(m=1, n=1, e=4, p=1, q=2, r=1, t=1)
SMALL = LayerShape.parse("M=2,C=1,H=4,W=4,R=3")


@pytest.mark.parametrize("plusargs", [(), ("+stall=3",)], ids=["", "stalls"])
def test_equal(need, tmp_path, plusargs):
    need("icarus")
    found = benches.compiled(tmp_path / "layer", SHAPE, relu=True, base=0x1_2345_6FB8, mapping=MAPPING)
    assert len(found.program.jobs) == 2
    done = benches.run("axi", tmp_path / "layer", "icarus", *plusargs, top="axi")
    assert (done.returncode, done.stdout) == (0, "equal\n"), done.stdout + done.stderr


@pytest.mark.parametrize("old, new, message", [
    (r"(00000034 [0-9a-f]{8}\n)00000038", r"\1\g<1>00000038", r"the job does not end well, STATUS is 0x4, ERROR 0x"),
    ("00000038 00000000", "00000038 00000040", r"word \d+ \(0x[0-9a-f]+\)"),
    ("00000034 ", "0000004c ", "a write of register 0x4c was refused"),
], ids=["a word too many", "another base", "no such register"])
def test_not_equal(need, tmp_path, old, new, message):
    need("icarus")
    benches.compiled(tmp_path / "layer", SMALL)
    writes = tmp_path / "layer" / "registers.hex"
    changed = re.sub(old, new, writes.read_text(), count=1)
    assert changed != writes.read_text()
    writes.write_text(changed)
    done = benches.run("axi", tmp_path / "layer", "icarus", top="axi")
    assert done.returncode == 1 and re.search(f"not equal: {message}", done.stdout), done.stdout + done.stderr


def test_the_bench_has_the_register_map():
    """Offsets and bits are those of the map."""
    text = (benches.EXAMPLES / "axi" / "bench.sv").read_text()
    for name in ("CONTROL", "STATUS", "ERROR"):
        assert f"{name} = 'h{OFFSETS[name]:X}" in text
    for name in ("BUSY", "DONE", "RESETTING"):
        assert f"{name} = {FIELDS[f'STATUS.{name}'].low}" in text
