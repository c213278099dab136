"""`eyeriss asic`: gate counts and timing of the chip in standard cells."""

from pathlib import Path

from flow.area import PAPER_GATES, by_group, totals
from flow.asic import check_spads, synthesize
from flow.library import load_library
from flow.timing import analyse, find_sta
from hw.chip import Eyeriss
from hw.config import load_chip
from scripts.pages.area_chart import draw
from scripts.terminal.console import (
    bad_input,
    check_targets,
    console,
    counts_table,
    require_simulator,
    working,
    write_json,
)

from .asic_power import check_power, gate_power

__all__ = ["asic"]

MHZ = 150
#: What the spads' register files are made of -> the title of their area.
SPADS = {"registers": "spads' registers", "latch": "spads' latches"}
#: What is timed: (title, module).
TIMED = (("PE", ("pe", "pe_zero_skip")), ("GIN", ("gin_64_4",)), ("X-bus", ("x_bus_64_",)), ("chip", ("eyeriss",)))


def asic(chip_source, liberty, output, *, spads, timing, power, json_target):
    """Synthesise a chip; its tables, chart and results."""
    with bad_input():
        chip = load_chip(chip_source)
        library = load_library(liberty)
        check_spads(spads, library)
        if power:
            check_power(chip, library)
            require_simulator("verilator")
            require_simulator("icarus")
        if timing or power:
            find_sta("--no-timing" if timing else None)
    directory = Path(output) / chip.name
    check_targets(json=json_target, folders={"output": directory})
    directory.mkdir(parents=True, exist_ok=True)
    with working("synthesis"):
        synthesis = synthesize(Eyeriss(chip), directory, library, spads=spads)
    console().print(area_table(chip, synthesis, spads))
    console().print(module_table(synthesis))
    draw(by_group(synthesis), chip.name, directory / "area.png")
    result = {"chip": chip.name, "library": library.path.name, "spads": spads, "area": area_json(synthesis)}
    if timing:
        result["timing"] = report_timing(synthesis, directory)
    if power:
        result["power"] = gate_power(chip, synthesis, directory, library, spads=spads, mhz=MHZ)
    write_json(directory / "result.json", result)
    write_json(json_target, result)
    console().print(f"netlist.v, area.png, result.json and logs are in {directory}")
    return 0


def area_table(chip, synthesis, spads):
    """Groups of modules beside the paper."""
    rows = [(name, f"{parts['logic']:,}", f"{parts['registers']:,}", f"{parts['sram_bits'] / 8192:.1f}")
            for name, parts in (by_group(synthesis) | {"all": totals(synthesis)}).items()]
    rows.append(("the paper's chip", f"{PAPER_GATES:,}", "", "181.5"))
    return counts_table(f"{chip.name}: area in NAND2", ("", "logic", SPADS[spads], "SRAM, KB"), rows)


def module_table(synthesis):
    """Each module: once, and times its instances."""
    counts = synthesis.instances()
    rows = [(name, f"{counts[name]}", f"{module.nand2:,.0f}", f"{module.nand2 * counts[name]:,.0f}",
             f"{module.flops}", f"{module.clock_gates}")
            for name, module in synthesis.modules.items() if module.kind != "sram"]
    rows.sort(key=lambda row: -float(row[3].replace(",", "")))
    return counts_table("modules, without what is placed in them",
                        ("module", "instances", "NAND2 each", "NAND2", "flip-flops each", "clock gates each"), rows)


def area_json(synthesis):
    counts = synthesis.instances()
    return {
        "totals": totals(synthesis), "groups": by_group(synthesis), "paper_logic": PAPER_GATES,
        "modules": {name: {"kind": module.kind, "instances": counts[name], "nand2": round(module.nand2, 1),
                           "flops": module.flops, "clock_gates": module.clock_gates}
                    for name, module in synthesis.modules.items()},
    }


def report_timing(synthesis, directory):
    """Worst paths of PE, networks and chip, as a table and for JSON."""
    results = {}
    for title, starts in TIMED:
        module = next((name for name in synthesis.modules if name.startswith(starts)), None)
        if module is None:
            continue
        with working(f"timing of the {title}"):
            timing = analyse(synthesis, directory, mhz=MHZ, top=module)
        rows = [(path.start, path.end, f"{path.delay:.2f}", f"{path.slack:+.2f}") for path in timing.paths]
        console().print(counts_table(f"{title} ({module}): {timing.mhz:.0f} MHz; worst paths against {MHZ} MHz",
                                     ("from", "to", "ns", "slack"), rows))
        results[title] = {"module": module, "mhz": round(timing.mhz, 1),
                          "paths": [vars(path) for path in timing.paths]}
    return results


