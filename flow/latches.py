"""Register files as arrays of latches: standard-cell memory, in place of their flip-flops.

                    open while clk is low, in cycles of a write
    write_data --> [one latch a bit] --+--> [word 0] --+
                                       +--> [word 1] --+--> AND-OR --> read_data_<n>
                                       +--> ...      --+
                    open while clk is high, behind the cycle of a write to that word

A flip-flop is two latches; of a register file's, the first can be one for all words. Each word's clock is gated, so
only a word that is written hears the clock. As with flip-flops a word is there from the rising edge on that ends the
cycle of its write. What is written may be made of what is read: never are both rows of latches open.

Words are read by ANDs of one-hot selects and ORs, which take less area than multiplexers.
"""

import re

__all__ = ["latch_array"]

#: The clock of the first row, of OSU's cells.
FILLING = """\
  INVX1 invert(.A(clk), .Y(low));
  AND2X2 fill(.A(low), .B(write_enable), .Y(filling));  // EN may move while clk is low: only its last value counts
"""


def latch_array(name, clock_gate):
    """Verilog of register file ``registers_<depth>x<width>_<reads>r``, of the ports of `hw.kit.memory.RegisterFile`.

    Parameters
    ----------
    name : str
    clock_gate : str
        Module (CLK, EN, GCLK) of a clock gate.
    """
    depth, width, reads = map(int, re.fullmatch(r"registers_(\d+)x(\d+)_(\d+)r", name).groups())
    address = f"[{max(1, (depth - 1).bit_length()) - 1}:0]"
    bits = f"[{width - 1}:0]"
    ports = ["input clk", "input rst", "input write_enable", f"input {address} write_address",
             f"input {bits} write_data"]
    for port in range(reads):
        ports += [f"input {address} read_address_{port}", f"output {bits} read_data_{port}"]
    lines = [f"module {name}({', '.join(ports)});", f"  wire low, filling; wire {bits} entering;", FILLING.rstrip()]
    lines += [f"  LATCH enter_{bit}(.CLK(filling), .D(write_data[{bit}]), .Q(entering[{bit}]));"
              for bit in range(width)]
    for word in range(depth):
        lines += [
            f"  wire open_{word}; wire {bits} word_{word};",
            f"  wire write_{word} = write_enable & write_address == {word};",
            f"  {clock_gate} gate_{word}(.CLK(clk), .EN(write_{word}), .GCLK(open_{word}));",
            *(f"  LATCH keep_{word}_{bit}(.CLK(open_{word}), .D(entering[{bit}]), .Q(word_{word}[{bit}]));"
              for bit in range(width)),
        ]
    for port in range(reads):
        chosen = [f"({{{width}{{read_address_{port} == {word}}}}} & word_{word})" for word in range(depth)]
        lines.append(f"  assign read_data_{port} = {' | '.join(chosen)};")
    return "\n".join([*lines, "endmodule", ""])
