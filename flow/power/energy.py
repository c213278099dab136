"""What a change of a pin costs in each cell of a netlist, by OpenSTA's power report: picojoules.

Debian's OpenSTA reads no waveform, and its report takes most pins' activity from what it propagates, with every clock
at full rate. But power is linear in activity, so three reports give each cell's energies:

    clocks alone | the registers' outputs besides, once a cycle | all nets once a cycle

For each change it also adds the energies of a rise and of a fall, and of each input that could have made it. The
same reports with a library in which every internal energy is 1 pJ say how many were added; the quotient is the mean.
"""

import re
from dataclasses import dataclass

from sim.tools import process

from ..library import liberty_cells
from ..timing import find_sta, sram_liberty
from ..yosys import FlowError

__all__ = ["Energy", "energies"]

#: Nanoseconds; energies do not depend on it.
PERIOD = 10
#: Nanoseconds, behind a gate of the clock: there a tree would stand, which the netlist has not.
CLOCK_SLEW = 0.2
#: The gates of the clock that drive registers, see `flow.library` and `flow.latches`, and what they become.
CLOCK_DRIVER, TREE = re.compile(r"\bAND2X2 (?=(?:gate|fill) \()"), "CLOCK_TREE"
#: Less, in picojoules a cycle, is nothing.
LEAST = 1e-6
_TABLE = re.compile(r"((?:rise|fall)_power\s*\(\w+\)\s*\{)(.*?)(\n\s*\})", re.DOTALL)


@dataclass(frozen=True)
class Energy:
    """Of one cell: picojoules a change, and nanowatts of leakage.

    Attributes
    ----------
    clock : float
        Of a register's clock pin; of the output of a gate of the clock, its load's charge included.
    data : float
        Of a register's data pin.
    output : float
        Of the output, its load's charge included.
    root : float
        Of the module's own clock: the charge of the cell's pins there, as no cell drives that net.
    leakage : float
    """

    clock: float
    data: float
    output: float
    root: float
    leakage: float


def energies(synthesis, top, cells, directory, library, *, poll=None):
    """Energies of all cells of a module.

    Parameters
    ----------
    synthesis : flow.asic.Synthesis
    top : str
        The module.
    cells : list of flow.power.cells.Cell
        Of it.
    directory : Path
        Of the synthesis; gets scripts and logs.
    library : flow.library.Library

    Returns
    -------
    dict of str to Energy
        By the cells' paths; macros have none.

    Raises
    ------
    FlowError
    """
    text = _with_tree(_latches_as_flops((directory / "cells.lib").read_text()))
    (directory / "power.v").write_text(CLOCK_DRIVER.sub(f"{TREE} ", synthesis.netlist.read_text()))
    (directory / "srams.lib").write_text(sram_liberty(synthesis.srams))
    (directory / "power.lib").write_text(text)
    (directory / "unit.lib").write_text(_TABLE.sub(lambda match: match[1] + _ones(match[2]) + match[3], text))
    true = _reports(top, directory, "power", poll)
    unit = _reports(top, directory, "unit", poll)
    registers = {cell for cell, _ in library.clock_pins}
    charge = _charges(text)
    found = {}
    for cell in cells:
        if cell.kind in library.areas:
            root = sum(charge[cell.kind, pin] for pin, net in cell.pins.items() if net == "clk")
            found[cell.path] = _energy(true[cell.path], unit[cell.path], cell.kind in registers, root)
    if not any(found[cell.path].output for cell in cells if cell.kind in library.flops):
        raise FlowError(f"OpenSTA takes no activity of registers' outputs, see {directory / f'unit-{top}.log'}")
    return found


@dataclass(frozen=True)
class _Report:
    """Picojoules a cycle; nanowatts."""

    internal: float
    switching: float
    leakage: float


def _reports(top, directory, name, poll):
    """{path: (_Report of clocks alone, of registers' outputs besides, of all nets)}."""
    script = [
        f"read_liberty {name}.lib", "read_liberty srams.lib", "read_verilog power.v", f"link_design {top}",
        f"create_clock -name core -period {PERIOD} [get_ports clk]",
        "proc show {mode} {", "  foreach cell [get_cells -hierarchical *] {",
        '    puts "cell $mode [sta::instance_power $cell [sta::cmd_corner]] [get_full_name $cell]"', "  }", "}",
        "sta::set_power_input_activity 0.0 0.5", "show 0",
        "foreach pin [all_registers -output_pins] {sta::set_power_pin_activity $pin 1.0 0.5}", "show 1",
        "sta::set_power_global_activity 1.0 0.5", "show 2",
    ]
    (directory / f"{name}-{top}.tcl").write_text("\n".join(script) + "\n")
    log = directory / f"{name}-{top}.log"
    code = process.call([find_sta(), "-no_splash", "-exit", f"{name}-{top}.tcl"], log=log, cwd=directory, poll=poll)
    found = {}
    for line in log.read_text().splitlines():
        if line.startswith("cell "):
            _, mode, internal, switching, leakage, _, path = line.split(maxsplit=6)
            watts = 1e3 * PERIOD  # pJ a cycle of a watt
            found.setdefault(path.replace("\\", ""), {})[int(mode)] = _Report(
                float(internal) * watts, float(switching) * watts, float(leakage) * 1e9)
    if code != 0 or not found:
        raise FlowError(f"OpenSTA failed, see {log}: {process.last_lines(log, 3)}")
    return {path: tuple(modes[mode] for mode in range(3)) for path, modes in found.items()}


def _energy(true, unit, register, root):
    """Each energy: what a mode has that the mode before has not, over the same with energies of 1 pJ."""
    def mean(mode, before=None):
        more = [modes[mode].internal - (0.0 if before is None else modes[before].internal) for modes in (true, unit)]
        return more[0] / more[1] if more[1] > LEAST else 0.0

    leakage = true[0].leakage
    if register:
        return Energy(mean(0), mean(2, before=1), mean(1, before=0) + true[2].switching, root, leakage)
    if unit[0].internal > LEAST:  # of the clock, which changes twice a cycle
        return Energy(mean(0) + true[0].switching / 2, 0.0, 0.0, root, leakage)
    return Energy(0.0, 0.0, mean(2) + true[2].switching, root, leakage)


def _charges(text):
    """(cell, pin) -> picojoules of charging it once in two changes."""
    volts = float(re.search(r"nom_voltage\s*:\s*([\d.]+)", text)[1])
    pins = re.compile(r"\bpin\s*\(\s*\"?(\w+)\"?\s*\)\s*\{.*?\bcapacitance\s*:\s*([\d.]+)", re.DOTALL)
    return {(name, pin): float(farads) * volts ** 2 / 2 for name, (_, body) in liberty_cells(text)
            for pin, farads in pins.findall(body)}


def _latches_as_flops(text):
    """A Liberty text with flip-flops for latches: OpenSTA never ends on arrays of transparent ones."""
    parts, start = [], 0
    for _, (_, body) in liberty_cells(text):
        if not re.search(r"\blatch\s*\(", body):
            continue
        at = text.index(body, start)
        changed = re.sub(r"\blatch\s*\(", "ff (", body)
        changed = changed.replace("data_in :", "next_state :").replace("enable :", "clocked_on :")
        parts += [text[start:at], _without_arc(changed)]
        start = at + len(body)
    return "".join([*parts, text[start:]])


def _with_tree(text):
    """A Liberty text with an AND2X2 besides whose output has the slew of a clock tree, whatever it drives."""
    body = dict(liberty_cells(text))["AND2X2"][1]
    tree = re.sub(r"(_transition\s*\(\w+\)\s*\{.*?values)(.*?)(\n\s*\})",
                  lambda match: match[1] + re.sub(r"[\d.]+", str(CLOCK_SLEW), match[2]) + match[3], body,
                  flags=re.DOTALL)
    start = text.rindex("cell", 0, text.index(body))
    return f"{text[:start]}cell ({TREE}){tree}{text[start:]}"


def _without_arc(body):
    """A latch's text without the delay from its data to its output."""
    for match in re.finditer(r"timing\s*\(\)\s*\{", body):
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(body[end], 0)
            end += 1
        if re.search(r'related_pin : "D";\s*timing_sense', body[match.end():end]):
            return body[:match.start()] + body[end:]
    return body


def _ones(body):
    """The values of an energy table as 1; its axes stay."""
    head, values, rest = body.partition("values")
    return head + values + re.sub(r"-?\d[\d.e-]*", "1", rest)
