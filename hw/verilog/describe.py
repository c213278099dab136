"""What a testbench or a driver must know of a generated chip, as plain data."""

from dataclasses import asdict

from hw.config import ChipConfig, scan_fields
from hw.config.counters import COUNTERS, counter_index
from hw.kit.block import flat_ports

__all__ = ["describe"]


def describe(chip: ChipConfig, files, top, prefix="") -> dict:
    """Ports, configuration fields and counters of a chip.

    Parameters
    ----------
    files : list of str
        Names of its Verilog files.
    top : Block
        With the clocks of `hw.chip.Eyeriss`.
    prefix : str
        What its modules' names begin with.
    """
    clocks = [{"name": name, "direction": "input", "width": 1} for name in ("clk", "rst", "link_clk", "link_rst")]
    ports = [{"name": name, "direction": "input" if is_input else "output", "width": len(value)}
             for name, is_input, value in flat_ports(top.signature, top)]
    fields, at = [], 0
    for field in scan_fields(chip):
        fields.append({"name": field.name, "offset": at, "width": field.width, "count": field.count,
                       "meaning": field.meaning})
        at += field.bits
    return {
        "top": prefix + top.module_name, "chip": asdict(chip), "files": list(files), "ports": clocks + ports,
        "scan_bits": at, "scan_fields": fields,
        "counters": [{"name": name, "select": counter_index(name), "meaning": meaning}
                     for name, meaning in COUNTERS.items()],
    }
