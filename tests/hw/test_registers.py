"""Registers written as one process each are the registers that Yosys wrote as two."""

import re

import pytest

import hw.verilog.generate
from flow import yosys
from hw.chip import Eyeriss
from hw.config import PRESETS
from hw.verilog.registers import join_next_values

pytestmark = pytest.mark.slow

MODULE = """module m(
  a, clk, q, rst
);
  reg [7:0] \\$1 ;
  input [7:0] a;
  wire [7:0] a;
  input clk;
  wire clk;
  output [7:0] q;
  reg [7:0] q = 8'h00;
  input rst;
  wire rst;
  always_ff @(posedge clk)
    q <= \\$1 ;
  always_comb begin
    \\$1  = q;
    if (a[0]) begin
      \\$1 [3:0] = a[7:4];
    end
    if (rst) begin
      \\$1  = 8'h00;
    end
  end
endmodule
"""


def test_a_register_gets_one_process():
    text = join_next_values(MODULE)
    assert text[text.index("  always"):] == """  always_ff @(posedge clk) begin
    if (a[0]) begin
      q[3:0] <= a[7:4];
    end
    if (rst) begin
      q <= 8'h00;
    end
  end
endmodule
"""
    assert "$1" not in text


def test_a_branch_that_holds_the_value_stays():
    """It overrides what was given before: only the default at the beginning says nothing."""
    text = join_next_values(MODULE.replace("    \\$1  = q;\n", "    \\$1  = a;\n").replace(
        "      \\$1 [3:0] = a[7:4];\n", "      \\$1  = q;\n"))
    assert text[text.index("  always"):].startswith("""  always_ff @(posedge clk) begin
    q <= a;
    if (a[0]) begin
      q <= q;
    end
""")


def test_a_next_value_that_is_read_elsewhere_stays():
    text = MODULE.replace("  always_ff", "  assign b = \\$1 ;\n  always_ff", 1)
    assert join_next_values(text) == text


#: Of mini: queues, rings, a data path with lanes, a controller, a clock of its own name.
PROVED = ("ring_12", "queue_64x2", "psum_spad_24_2", "pe", "layer_controller", "rlc_encoder", "scan_chain")


def unproven(before, after, name, directory):
    """How many bits of a module's two texts Yosys cannot prove equal; instances of other modules become ports."""
    script = []
    for stage, text in (("gold", before), ("gate", after)):
        (directory / f"{stage}.sv").write_text(text)
        script += [f"read_verilog -sv {stage}.sv", f"proc {name}", f"expose -evert {name}/c:*",
                   f"memory_collect {name}", f"memory_map {name}", f"opt_clean {name}", f"rename {name} {stage}",
                   f"design -stash {stage}"]
    script += ["design -copy-from gold -as gold gold", "design -copy-from gate -as gate gate",
               "equiv_make gold gate equiv", "equiv_simple -undef equiv", "equiv_induct -undef equiv",
               "equiv_status equiv"]
    yosys.run(script, directory, name="equivalence")
    printed = (directory / "equivalence.log").read_text()
    if "Equivalence successfully proven!" in printed:
        return 0
    return int(re.search(r"Found (\d+) unproven", printed)[1])


@pytest.fixture(scope="module")
def texts():
    """The chip's modules by name, before and after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hw.verilog.generate, "join_next_values", lambda text: text)
        before = hw.verilog.generate.verilog(Eyeriss(PRESETS["mini"]))
    return tuple(dict(hw.verilog.generate.split(text)) for text in (before, join_next_values(before)))


def family(modules, name):
    """The text of a module and of those that it places."""
    placed = set(re.findall(r"^  (\w+) \w+ \($", modules[name], re.MULTILINE))
    return "\n".join(modules[each] for each in (name, *sorted(placed)))


@pytest.mark.parametrize("name", PROVED)
def test_logic_is_the_same(name, texts, tmp_path):
    before, after = texts
    assert before[name] != after[name]
    assert unproven(family(before, name), family(after, name), name, tmp_path) == 0


def test_another_register_is_noticed(texts, tmp_path):
    before, after = texts
    broken = after["ring_12"].replace("if (push) begin\n      write <=", "if (step) begin\n      write <=")
    assert broken != after["ring_12"]
    assert unproven(before["ring_12"], broken, "ring_12", tmp_path) > 0
