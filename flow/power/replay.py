"""A recorded module's netlist under what its RTL got, in Icarus: the same outputs, and how often each net moved.

Before the window outputs are not compared: registers without a reset begin with other values at the gates. Delays
are zero, so a net moves at most once a half cycle: power of glitches is not in it.
"""

from dataclasses import dataclass

from sim.tools import process
from sim.tools.find import require

from ..yosys import FlowError
from .vcd import count

__all__ = ["PERIOD", "WrongReplay", "replay"]

#: Of the bench's clock, in its units of time.
PERIOD = 10
RESET_CYCLES = 4
#: Ends of outputs that say whether there is a word on the others of their interface.
VALID = ("valid", "valids")


class WrongReplay(FlowError):
    """The gates' outputs are not those of the RTL."""


@dataclass(frozen=True)
class Activity:
    """How a module's nets moved in a window.

    Attributes
    ----------
    nets : dict of str to (int, float)
        "instance/net" or "instance/net[bit]" -> (changes, share of the time at 1).
    cycles : int
        Of the window.
    """

    nets: dict
    cycles: int


def replay(synthesis, ports, instances, directory, *, netlist=None, ignored=(), poll=None):
    """Run a module's gates through a recording.

    Parameters
    ----------
    synthesis : flow.asic.Synthesis
        That has the module.
    ports : flow.power.record.Ports
    instances : iterable of str
        Paths of instances in the module, "" itself, whose nets are counted: not those of cells.
    directory : Path
        Made if it is not there; keeps bench, log and waveform.
    netlist : Path, optional
        Instead of the synthesis's.
    ignored : tuple of str
        Outputs that are not compared.
    poll : callable, optional
        See `sim.tools.process.call`.

    Returns
    -------
    Activity

    Raises
    ------
    WrongReplay
    SimulatorMissing
    """
    directory.mkdir(parents=True, exist_ok=True)
    bench, program, log = directory / "replay.v", directory / "replay.vvp", directory / "replay.log"
    bench.write_text(_bench(ports, instances, ignored))
    compiler = require("icarus").program
    sources = [bench, netlist or synthesis.netlist, synthesis.models, *synthesis.srams]
    command = [compiler, "-g2012", "-s", "replay", "-o", program, *sources]
    if process.call([*map(str, command)], log=log, poll=poll) != 0:
        raise WrongReplay(f"Icarus refused the netlist, see {log}: {process.last_lines(log, 3)}")
    vvp = str(program.resolve())
    process.call(["vvp", "-n", vvp, f"+rows={ports.file}"], log=log, cwd=directory, poll=poll)
    last = process.last_lines(log, 1)
    if last != "replay: equal":
        raise WrongReplay(f"the gates of {ports.module} must do what its RTL did, see {log}: {last}")
    nets = count(directory / "replay.vcd")
    return Activity(nets, ports.window.last - ports.window.first)


def _bench(ports, instances, ignored):
    width = sum(width for _, _, width in ports.ports)
    first, last = ports.window.first, ports.window.last
    wires, connected, compared, offset = [], [], [], width
    outputs = [name for name, direction, _ in ports.ports if direction == "output"]
    for name, direction, bits in ports.ports:
        offset -= bits
        place = f"row[{offset + bits - 1}:{offset}]"
        if direction == "input":
            connected.append(f".{name}({place})")
            continue
        wires.append(f"  wire [{bits - 1}:0] {name};")
        connected.append(f".{name}({name})")
        if name not in ignored:
            # a word that is not there is nothing
            valid = next((f"{each} != 0 && " for each in (f"{name.rpartition('__')[0]}__{end}" for end in VALID)
                          if each in outputs and each != name), "")
            compared.append(f"      if ({valid}{name} !== {place}) begin wrong = 1; "
                            f'$display("cycle %0d: {name} must be %h, not %h", cycle, {place}, {name}); end')
    half = PERIOD // 2
    dumped = ", ".join(".".join(["dut", *(f"\\{name} " for name in path.split("/") if name)]) for path in instances)
    return "\n".join([
        "`timescale 1ns/1ns", "module replay;", "  reg clk = 0, rst = 1, wrong = 0;",
        f"  reg [{width - 1}:0] row;", *wires,
        f"  {ports.module} dut(.clk(clk), .rst(rst), {', '.join(connected)});",
        "  integer file, cycle, got;", "  reg [8*4096:1] path;",
        "  initial begin",
        '    got = $value$plusargs("rows=%s", path);', '    file = $fopen(path, "r");',
        '    got = $fscanf(file, "%h\\n", row);',
        f"    repeat ({RESET_CYCLES}) begin #{half} clk = 1; #{half} clk = 0; end",
        "    rst = 0;",
        f"    for (cycle = 0; cycle < {last} && !wrong; cycle = cycle + 1) begin",
        f"      if (cycle == {first}) begin $dumpfile(\"replay.vcd\"); $dumpvars(1, {dumped}); end",
        f"      #{half - 1};",
        f"      if (cycle >= {first}) begin", *compared, "      end",
        "      #1 clk = 1;", '      #1 got = $fscanf(file, "%h\\n", row);',
        f"      #{half - 1} clk = 0;",
        "    end",
        "    $dumpoff;",
        '    if (!wrong) $display("replay: equal");',
        "    $finish(0);",
        "  end", "endmodule", ""])
