"""Liberty files: what is read, and what is refused."""

import re

import pytest

from flow import library
from flow.library import load_library
from flow.timing import sram_liberty
from hw.chip import Eyeriss
from hw.config import PRESETS
from hw.verilog.generate import write

TINY = """
library (tiny) {
  cell (INVX1) { area : 2; pin(A) { direction : input; } pin(Y) { direction : output; function : "(!A)"; } }
  cell (BUFX1) { area : 3; pin(A) { direction : input; } pin(Y) { direction : output; function : "A"; } }
  cell (BUFX2) { area : 4; pin(A) { direction : input; } pin(Y) { direction : output; function : "(A)"; } }
  cell ("my_nand2_x2") { area : 6; pin(A) { } pin(B) { } pin(Y) { function : "(!(A B))"; } }
  cell ("my_nand2_x1") { area : 5; pin(A) { } pin(B) { } pin(Y) { function : "(!(A B))"; } }
  cell (DFF) { area : 20; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; } pin(CK) { } pin(Q) { } }
}
"""


def test_reads_a_library(tmp_path):
    path = tmp_path / "tiny.lib"
    path.write_text(TINY)
    tiny = load_library(path)
    assert tiny.nand2 == 5
    assert tiny.flops == {"DFF"} and tiny.clock_pins == {("DFF", "CK")}
    assert tiny.buffer == ("BUFX2", "A", "Y")
    assert tiny.clock_gate is None


@pytest.mark.parametrize("text, message", [
    (None, "liberty must be a Liberty file that can be read, not .*gone.lib"),
    ("", "liberty must have a two-input NAND with an area .*, which .* has not"),
    ("cell (NAND2X1) { area : 0; }", "liberty must have a two-input NAND with an area .*"),
    ("cell (NAND2X1) { area : 4; }", "liberty must have a buffer, which .* has not"),
])
def test_refuses(text, message, tmp_path):
    path = tmp_path / "gone.lib"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=f"^{message}$"):
        load_library(path)


def test_default_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "DEFAULT", tmp_path / "none.lib")
    with pytest.raises(ValueError, match="^the default cell library .*none.lib is missing: apt-get install"):
        load_library()


def test_macros_have_the_ports_of_the_srams(tmp_path):
    """Else OpenSTA times no path from or to one."""
    files = [file for file in write(Eyeriss(PRESETS["mini"]), tmp_path) if file.stem.startswith("sram_")]
    assert files
    for file in files:
        header = file.read_text().partition(");")[0]
        ports = {line.split()[-1].rstrip(",") for line in header.splitlines() if line.startswith("  ")}
        assert set(re.findall(r"^    (?:pin|bus) \((\w+)\)", sram_liberty([file]), re.MULTILINE)) == ports
        assert "clk" in ports and len(ports) > 5
