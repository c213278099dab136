"""Registers as people write them, out of the SystemVerilog that Yosys writes.

Amaranth gives each register a next value of its own, so Yosys writes two processes for it::

    always_ff @(posedge clk)            always_ff @(posedge clk) begin
      k <= \\$61 ;                          if (draining) begin
    always_comb begin                        k <= \\$25 [4:0];
      \\$61  = k;                            end
      if (draining) begin           ->      if (rst) begin
        \\$61  = \\$25 [4:0];                    k <= 5'h00;
      end                                   end
      if (rst) begin                      end
        \\$61  = 5'h00;
      end
    end

Both say the same; the right one is shorter to read, and simulates faster, as a register that is not written
costs nothing.
"""

import re

__all__ = ["join_next_values"]

_MODULE = re.compile(r"^module .*?^endmodule$", re.MULTILINE | re.DOTALL)
_NAME = r"(\\\S+ |[A-Za-z_]\w*)"
_REGISTER = re.compile(rf"^  always_ff @\((pos|neg)edge {_NAME}\)\n    {_NAME} ?<= (\\\$\d+ );\n", re.MULTILINE)
_COMB = re.compile(r"^  always_comb begin\n((?:    .*\n)*?)  end\n", re.MULTILINE)
_TARGET = re.compile(rf"^ +{_NAME} ?(?:\[[\d:]+\] )?= ", re.MULTILINE)


def join_next_values(text):
    """Move the process of each register's next value into the register's own.

    Parameters
    ----------
    text : str
        Modules, as `write_verilog -sv -norename` writes them.

    Returns
    -------
    str
        The same logic. A next value that is read elsewhere too stays as it is.
    """
    return _MODULE.sub(lambda match: _join(match[0]), text)


def _join(module):
    uses = {}
    for name in re.findall(r"\\\$\d+ ", module):
        uses[name] = uses.get(name, 0) + 1
    registers = {match[4]: match for match in _REGISTER.finditer(module)}
    joined = {}

    def join(match):
        body, targets = match[1], _TARGET.findall(match[1])
        next_value = targets[0] if targets else None
        register = registers.get(next_value)
        # its declaration, the register, and the targets of this process: nobody else
        if register is None or set(targets) != {next_value} or uses[next_value] != 2 + len(targets):
            return match[0]
        joined[next_value] = register[0]
        edge, clock, name = register[1], register[2], register[3]
        if name[0] == "\\":
            name = name.rstrip() + " "  # an escaped name ends with a space
        # keeping its value is what a register does by itself; a branch that keeps it overrides another, and stays
        body = body.removeprefix(f"    {next_value} = {name};\n")
        target = re.compile(rf"^( +){re.escape(next_value)} ?(\[[\d:]+\] )?= ", re.MULTILINE)
        body = target.sub(lambda found: f"{found[1]}{name}{found[2] or ' '}<= ", body)
        return f"  always_ff @({edge}edge {clock}) begin\n{body}  end\n"

    module = _COMB.sub(join, module)
    for next_value, register in joined.items():
        module = module.replace(register, "", 1)
        module = re.sub(rf"^  reg (\[\d+:\d+\] )?{re.escape(next_value)};\n", "", module, flags=re.MULTILINE)
    return module
