"""A standard-cell library in Liberty format, and clock gates made of its cells."""

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DEFAULT", "ClockGate", "Library", "liberty_cells", "load_library"]

#: Where Debian's package qflow-tech-osu018 puts Oklahoma State University's cells for TSMC's 0.18 um.
DEFAULT = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")


@dataclass(frozen=True)
class ClockGate:
    """A clock-gating cell (ICG): `verilog` of a module CLOCK_GATE(CLK, EN, GCLK), and its area."""

    verilog: str
    area: float


#: OSU's Liberty file gives the latch no area; its LEF does, 5.6 um x 10 um in the unit of the other cells.
OSU_LATCH_AREA = 56
#: The OSU library has no such cell: a latch that is open while the clock is low, and a gate behind it.
OSU_CLOCK_GATE = ClockGate("""\
module CLOCK_GATE(input CLK, input EN, output GCLK);
  wire low, enabled;
  INVX1 invert(.A(CLK), .Y(low));
  LATCH hold(.CLK(low), .D(EN), .Q(enabled));
  AND2X2 gate(.A(CLK), .B(enabled), .Y(GCLK));
endmodule
""", area=16 + OSU_LATCH_AREA + 32)

#: What clock gates and latch arrays are made of.
OSU_GATE_CELLS = ("LATCH", "INVX1", "AND2X2")


@dataclass(frozen=True)
class Library:
    """A Liberty file.

    Attributes
    ----------
    path : Path
    nand2 : float
        Area of the smallest two-input NAND: the unit of gate counts.
    areas : dict of str to float
        Of all cells.
    flops : frozenset of str
        Names of the flip-flops.
    clock_pins : frozenset of (str, str)
        (flip-flop or latch, its clock's pin).
    buffer : tuple of str
        A buffer of medium strength, its input and its output.
    clock_gate : ClockGate or None
        None where there is none: registers then keep their enables as multiplexers, and there are no latch arrays.
    """

    path: Path
    nand2: float
    areas: dict
    flops: frozenset
    clock_pins: frozenset
    buffer: tuple
    clock_gate: ClockGate | None


def load_library(path=None):
    """Read what is needed of a Liberty file.

    Raises
    ------
    ValueError
        In one line: the file is missing or is no library of standard cells.
    """
    chosen = Path(path or DEFAULT)
    try:
        text = chosen.read_text()
    except (OSError, UnicodeDecodeError):
        if path is None:
            raise ValueError(f"the default cell library {DEFAULT} is missing: apt-get install qflow-tech-osu018, "
                             "or give another with --liberty") from None
        raise ValueError(f"liberty must be a Liberty file that can be read, not {chosen}") from None
    cells = dict(liberty_cells(text))
    nands = [area for name, (area, _) in cells.items() if re.match(r"(?i).*(nand2|nd2)", name) and area > 0]
    if not nands:
        raise ValueError(f"liberty must have a two-input NAND with an area (a cell named *NAND2* or *ND2*), "
                         f"which {chosen} has not")
    flops = {name: body for name, (_, body) in cells.items() if re.search(r"\bff\s*\(", body)}
    clocked = flops | {name: body for name, (_, body) in cells.items() if re.search(r"\blatch\s*\(", body)}
    clock_pins = {(name, pin) for name, body in clocked.items()
                  for pin in re.findall(r"(?:clocked_on|enable)\s*:\s*\"[!(\s]*(\w+)", body)}
    areas = {name: area for name, (area, _) in cells.items()}
    gate = OSU_CLOCK_GATE if set(OSU_GATE_CELLS) <= set(cells) else None
    if gate:
        areas["LATCH"] = areas["LATCH"] or OSU_LATCH_AREA
    return Library(chosen, min(nands), areas, frozenset(flops), frozenset(clock_pins), _buffer(cells, chosen), gate)


def _buffer(cells, path):
    """The second smallest buffer: the smallest is weaker than what it relieves."""
    found = []
    for name, (area, body) in cells.items():
        pins = re.findall(r"\bpin\s*\(\s*\"?(\w+)", body)
        function = re.search(r"\bfunction\s*:\s*\"\s*\(?\s*(\w+)\s*\)?\s*\"", body)
        if function and len(pins) == 2 and function[1] in pins and not re.search(r"\b(ff|latch)\s*\(", body):
            found.append((area, name, function[1], next(pin for pin in pins if pin != function[1])))
    found = [cell for cell in sorted(found) if not re.match(r"(?i)clk", cell[1])]
    if not found:
        raise ValueError(f"liberty must have a buffer, which {path} has not")
    return found[min(1, len(found) - 1)][1:]


def liberty_cells(text):
    """(name, (area, text)) of each cell."""
    starts = list(re.finditer(r"^\s*cell\s*\(\s*\"?(\w+)\"?\s*\)", text, re.MULTILINE))
    for start, end in zip(starts, [*starts[1:], None], strict=False):
        body = text[start.end():end.start() if end else len(text)]
        area = re.search(r"\barea\s*:\s*([\d.]+)", body)
        yield start[1], (float(area[1]) if area else 0.0, body)
