"""The page of a benchmark: where its cycles went, roofline, traffic, and each layer beside the fabricated chip."""

from pathlib import Path

from compiler.mapping.lowering import lower
from compiler.mapping.placement import Placement

from .figures import cause_chart, energy_chart, mapping_drawing, roofline_chart, traffic_chart
from .page import write_template

__all__ = ["write_page"]

HEADINGS = ("layer", "compared", "outputs", "cycles", "configuration", "model's cycles", "ms",
            "chip's ms", "processing ms", "chip's", "PEs", "chip's", "utilization", "chip's", "GLB MB",
            "chip's", "DRAM MB", "chip's", "bound by")


def _row(entry, chip):
    """Cells of a layer: the RTL's figure, then the fabricated chip's, scaled to the same N."""
    paper, scale = entry["published"], entry["batch"] / entry["published"]["N"]
    glb = sum(count for name, count in entry["glb_bytes"].items() if name != "filter")
    used = entry["utilization"]
    if used is None:  # of parts of a layer there is none: the model's, of all
        used = entry["layer_macs"] / entry["model"]["cycles"] / chip.pes
    theirs = paper["macs_G"] * 1e9 / (paper["total_ms"] * 200e3) / 168  # at 200 MHz, of 168 PEs
    cycles = entry["cycles"]
    return (entry["layer"].partition("/")[2], "equal" if entry["match"] else entry["status"], f"{entry['outputs']:,}",
            f"{cycles['total']:,}", f"{entry['configuration_cycles']:,}",
            f"{entry['model']['cycles']:,}", f"{entry['milliseconds']:.2f}", f"{paper['total_ms'] * scale:.1f}",
            f"{cycles['processing'] / chip.core_mhz / 1e3:.2f}", f"{paper['processing_ms'] * scale:.1f}",
            entry["active_pes"], paper["active_pes"], f"{used:.1%}", f"{theirs:.1%}",
            f"{glb / 1e6:.2f}", f"{paper['glb_MB'] * scale:.2f}",
            f"{sum(entry['dram_bytes'].values()) / 1e6:.2f}", f"{paper['dram_MB'] * scale:.2f}",
            entry["model"]["binding"])


def write_page(report, plan, chip, path) -> Path:
    """Write the page of a benchmark's report; `plan` gives the mapping of each BenchmarkLayer."""
    entries = report["layers"]
    names = [entry["layer"].partition("/")[2] for entry in entries]
    whole = [entry["model"] if report["sampled"] else entry | {"cycles": entry["cycles"]["total"]}
             for entry in entries]
    traffic, cycles = [entry["dram_bytes"] for entry in whole], [entry["cycles"] for entry in whole]
    points = [(name, entry["layer_macs"], sum(bytes_.values()), count)
              for name, entry, bytes_, count in zip(names, entries, traffic, cycles, strict=True)]
    charts = [
        cause_chart("Where the cycles went, by the RTL's counters", names, simulated=entries, pes=chip.pes),
        roofline_chart("Each layer under the roofs of the PEs and the link", points, chip),
        traffic_chart("DRAM traffic, without run-length coding and with it (Fig. 9)", names,
                      [entry["dram_raw_bytes"] for entry in entries], traffic),
        energy_chart("Energy by part of the chip, and of the DRAM", names, [entry["power"] for entry in whole])]
    drawings = [([layer.name], mapping_drawing(Placement(lower(layer.shape, chip), mapping, chip)))
                for layer, mapping in plan.items()]
    return write_template("benchmark.html.j2", path, report=report, charts=charts, drawings=drawings,
                          title=f"{report['network']} on {chip.name}, N = {report['batch']}", headings=HEADINGS,
                          rows=[_row(entry, chip) for entry in entries])
