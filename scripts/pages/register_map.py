"""The register map of the top with AXI, as a Markdown page and as a C header."""

from hw.config import VERSION
from hw.config.counters import COUNTERS, counter_index
from hw.config.registers import REGISTERS, constants

__all__ = ["header", "page"]

ACCESS = {"RO": "read only", "RW": "read and write", "WO": "write only", "W1C": "write one to clear"}


def page(chip) -> str:
    """Markdown: all registers with their fields, this chip's constants, the counters."""
    values = constants(chip)
    lines = [f"# Registers of {chip.name} behind AXI4-Lite", "",
             f"Eyeriss generator {VERSION}.", "",
             "32 bits each, at byte offsets. A write must be of whole registers. What is not in this map, cannot be",
             "read, or cannot be written, is answered by SLVERR.", "",
             "| offset | register | access | meaning | value |", "|---|---|---|---|---|"]
    for register in REGISTERS:
        value = f"0x{values[register.name]:08X}" if register.name in values else ""
        lines.append(f"| 0x{register.offset:03X} | {register.name} | {ACCESS[register.access]} | {register.meaning} "
                     f"| {value} |")
    for register in filter(lambda register: register.fields, REGISTERS):
        lines += ["", f"## {register.name}", "", "| bits | field | meaning |", "|---|---|---|"]
        for field in register.fields:
            bits = str(field.low) if field.width == 1 else f"{field.low + field.width - 1}:{field.low}"
            lines.append(f"| {bits} | {field.name} | {field.meaning} |")
    lines += ["", "## Counters", "", "| number | counter | meaning |", "|---|---|---|"]
    lines += [f"| {counter_index(name)} | {name} | {meaning} |" for name, meaning in COUNTERS.items()]
    return "\n".join(lines) + "\n"


def header(chip) -> str:
    """C: an offset for each register, shift and mask for each field, this chip's constants, counter numbers."""
    guard = "EYERISS_AXI_H"
    lines = [f"/* Registers of {chip.name} behind AXI4-Lite. Eyeriss generator {VERSION}. */",
             f"#ifndef {guard}", f"#define {guard}", ""]
    for register in REGISTERS:
        lines.append(f"#define EYERISS_{register.name} 0x{register.offset:03X}u /* {ACCESS[register.access]}: "
                     f"{register.meaning} */")
        for field in register.fields:
            name = f"EYERISS_{register.name}_{field.name}"
            lines += [f"#define {name}_SHIFT {field.low}u",
                      f"#define {name}_MASK 0x{(1 << field.width) - 1 << field.low:08X}u /* {field.meaning} */"]
    lines += ["", "/* What the registers that cannot be written read. */"]
    lines += [f"#define EYERISS_{name}_VALUE 0x{value:08X}u" for name, value in constants(chip).items()]
    lines += ["", "/* Numbers for COUNTER_SELECT. */"]
    lines += [f"#define EYERISS_COUNTER_{name.upper()} {counter_index(name)}u /* {meaning} */"
              for name, meaning in COUNTERS.items()]
    return "\n".join([*lines, "", f"#endif /* {guard} */"]) + "\n"
