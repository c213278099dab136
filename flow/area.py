"""A synthesis by parts of the chip, as Fig. 15 shows them."""

import re

__all__ = ["GROUPS", "PAPER_GATES", "by_group", "totals"]

#: Gate count, logic only (Table IV).
PAPER_GATES = 1_176_000

#: Part of the chip -> modules whose whole content it is, but for parts within it. The first that fits counts.
GROUPS = {
    "PE: ifmap spad": r"ifmap_spad_|zero_scanner",
    "PE: filter spad": r"(skipping_)?filter_spad_",
    "PE: psum spad and streams": r"psum_spad_",
    "PE: multiply-add, control": r"pe(_zero_skip)?$",
    "networks": r"gin_|gon$|pe_array|pe_row",
    "GLB": r"glb$|filter_buffer",
    "RLC": r"rlc_|filter_decoder",
    "DRAM port and link": r"dram_port",
    "scan chain": r"scan_chain",
    "counters": r"counters",
    "control and data paths": r"eyeriss$",
}


def by_group(synthesis):
    """Area of each part: {group: {"logic": NAND2, "registers": NAND2 of register files, "sram_bits": bits}}."""
    groups = {name: {"logic": 0.0, "registers": 0.0, "sram_bits": 0} for name in GROUPS}

    def walk(name, times, group):
        group = next((part for part, pattern in GROUPS.items() if re.match(pattern, name)), group)
        module = synthesis.modules[name]
        if module.kind == "sram":
            words, width = map(int, re.search(r"_(\d+)x(\d+)$", name).groups())
            groups[group]["sram_bits"] += times * words * width
        else:
            groups[group][module.kind] += times * module.nand2
        for placed, number in module.places.items():
            walk(placed, times * number, group)

    walk(synthesis.top, 1, "control and data paths")
    return {name: {kind: round(value) for kind, value in parts.items()}
            for name, parts in groups.items() if any(parts.values())}


def totals(synthesis):
    """The same of the whole."""
    groups = by_group(synthesis).values()
    return {kind: sum(parts[kind] for parts in groups) for kind in ("logic", "registers", "sram_bits")}
