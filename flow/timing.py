"""Static timing with OpenSTA, before layout: ideal clocks, no wires."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from sim.tools import process

from .ports import module_ports
from .yosys import FlowError

__all__ = ["SRAM_ACCESS", "SRAM_SETUP", "TimedPath", "Timing", "analyse", "find_sta"]

#: Nanoseconds from the clock edge to the data of an SRAM, by its words, and before the edge. No compiled SRAM
#: comes with the cells: these are what a 0.18 um memory compiler is assumed to give, and a path's table
#: says where they enter. OpenSTA gets them as cells with these arcs.
SRAM_ACCESS = {256: 1.5, 4096: 2.5}
SRAM_SETUP = 0.4
#: Paths into the first latches of spads that are looked at: more than a PE has such latches.
PE_LATCHES = 64
#: Of the period: what the world outside takes before the inputs and behind the outputs.
OUTSIDE = 0.2


@dataclass(frozen=True)
class TimedPath:
    """The worst path to one endpoint, in nanoseconds; `slack` at the period that was asked for."""

    start: str
    end: str
    delay: float
    slack: float


@dataclass(frozen=True)
class Timing:
    """`period` in nanoseconds, and the worst paths, the slowest first."""

    period: float
    paths: list

    @property
    def mhz(self):
        """The highest clock at which no path fails."""
        return 1000 / (self.period - self.paths[0].slack)


def find_sta(without=None):
    """OpenSTA's program.

    Parameters
    ----------
    without : str, optional
        The option that does without.

    Raises
    ------
    ValueError
        One line: it is missing.
    """
    program = shutil.which("sta")
    if program is None:
        raise ValueError("OpenSTA (sta) is missing: apt-get install opensta"
                         + (f", or leave it out with {without}" if without else ""))
    return program


def analyse(synthesis, directory, *, mhz, top=None, count=5, poll=None):
    """The worst paths of a synthesised module.

    Parameters
    ----------
    synthesis : flow.asic.Synthesis
    directory : Path
        Where the netlist and the library are.
    mhz : float
        Clock that slacks are against.
    top : str, optional
        The module; the top by default. One without a clock is taken from inputs to outputs.
    count : int
        Endpoints to report.

    Returns
    -------
    Timing
    """
    directory, top = Path(directory), top or synthesis.top
    period = 1000 / mhz
    (directory / "srams.lib").write_text(sram_liberty(synthesis.srams))
    script = [
        "read_liberty cells.lib", "read_liberty srams.lib", "read_verilog netlist.v", f"link_design {top}",
        f"create_clock -name core -period {period} [get_ports -quiet clk]",
        f"create_clock -name link -period {period} [get_ports -quiet link_clk]",
        "set_clock_groups -asynchronous -group core -group link",
        "set_false_path -from [get_ports -quiet {rst link_rst}]",
        f"set_input_delay {OUTSIDE * period} -clock core [all_inputs]",
        f"set_output_delay {OUTSIDE * period} -clock core [all_outputs]",
        # latches that take from the next half cycle have a slack of 0, before paths with less to spare: a group apart
        "set entering [get_pins -quiet -hierarchical enter_*/D]",
        "if {[llength $entering]} {group_path -name spads -to $entering}",
        f"report_checks -path_delay max -group_count {count} -format full -fields {{capacitance slew}}",
        f"if {{[llength $entering]}} {{report_checks -path_delay max -path_group spads -group_count {PE_LATCHES}}}",
    ]
    name = f"timing-{top}"
    (directory / f"{name}.tcl").write_text("\n".join(script) + "\n")
    log = directory / f"{name}.log"
    code = process.call([find_sta(), "-no_splash", "-exit", f"{name}.tcl"], log=log, cwd=directory, poll=poll)
    text = log.read_text()
    paths = parse(text)
    if code != 0 or not paths or re.search(r" port \w+ not found", text):  # the last is only a warning there
        raise FlowError(f"OpenSTA failed, see {log}: {process.last_lines(log, 3)}")
    return Timing(period, paths[:count])


def parse(text):
    """The paths of OpenSTA's report, worst first; one into a spad has until its latch closes."""
    paths = []
    for block in text.split("Startpoint: ")[1:]:
        slack = re.search(r"^ +(-?[\d.]+) +slack", block, re.MULTILINE)
        arrival = re.search(r"^ +(-?[\d.]+) +data arrival time", block, re.MULTILINE)
        end = re.search(r"^Endpoint: (\S+)", block, re.MULTILINE)
        borrow = re.search(r"^max time borrow +([\d.]+)\nactual time borrow +([\d.]+)$", block, re.MULTILINE)
        if slack and arrival and end:
            spare = float(slack[1])
            if borrow and "\nPath Group: spads\n" in block:
                spare += float(borrow[1]) - float(borrow[2])
            start, stop = (name.split("\\\\")[0] for name in (block.split()[0], end[1]))  # cells are named net\\type
            paths.append(TimedPath(start, stop, float(arrival[1]), spare))
    return sorted(dict.fromkeys(paths), key=lambda path: path.slack)


def sram_liberty(files):
    """Liberty text of macros, one for each RTL file of an SRAM."""
    cells = [_macro(file) for file in files]
    types = sorted({width for _, ports, _ in cells for _, _, width in ports if width > 1})
    lines = [
        "library (srams) {", "  delay_model : table_lookup;", '  time_unit : "1ns";', '  voltage_unit : "1V";',
        '  current_unit : "1uA";', '  pulling_resistance_unit : "1kohm";', '  leakage_power_unit : "1nW";',
        "  capacitive_load_unit (1,pf);",
        *(f"  {pin}_threshold_pct_{edge} : 50;" for pin in ("input", "output") for edge in ("rise", "fall")),
        *(f"  slew_{part}_threshold_pct_{edge} : {percent};"
          for part, percent in (("lower", 20), ("upper", 80)) for edge in ("rise", "fall")),
        *(f"  type (bits{width}) {{ base_type : array; data_type : bit; bit_width : {width}; "
          f"bit_from : {width - 1}; bit_to : 0; downto : true; }}" for width in types),
    ]
    for name, ports, access in cells:
        lines.append(f"  cell ({name}) {{ area : 0; interface_timing : true;")
        lines += [_pin(*port, access) for port in ports]
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _macro(file):
    """(module, [(port, direction, width)], access time) of an SRAM."""
    words = int(re.search(r"_(\d+)x\d+$", file.stem)[1])
    return file.stem, module_ports(file), next(time for most, time in sorted(SRAM_ACCESS.items()) if words <= most)


def _pin(name, direction, width, access):
    head = f"    pin ({name}) {{" if width == 1 else f"    bus ({name}) {{ bus_type : bits{width};"
    if name == "clk":
        return f"{head} direction : input; clock : true; capacitance : 0.02; }}"
    if name == "rst":
        return f"{head} direction : input; capacitance : 0.0; }}"
    if direction == "input":
        arcs = " ".join(f'{edge}_constraint (scalar) {{ values ("{SRAM_SETUP}"); }}' for edge in ("rise", "fall"))
        return (f'{head} direction : input; capacitance : 0.01; timing () {{ related_pin : "clk"; '
                f"timing_type : setup_rising; {arcs} }} }}")
    arcs = " ".join(f'cell_{edge} (scalar) {{ values ("{access}"); }} '
                    f'{edge}_transition (scalar) {{ values ("0.15"); }}' for edge in ("rise", "fall"))
    return f'{head} direction : output; timing () {{ related_pin : "clk"; timing_type : rising_edge; {arcs} }} }}'
