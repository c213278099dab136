"""Registers written as one process each; `test_fold.py` proves that they are the registers that Yosys wrote."""

from hw.verilog.processes import join_next_values

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
