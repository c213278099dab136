"""The page of a network's plan or run."""

from dataclasses import replace
from pathlib import Path

from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from golden.layer import LayerShape

from .figures import accuracy_chart, cause_chart, energy_chart, mapping_drawing, roofline_chart, traffic_chart
from .page import write_template

__all__ = ["network_charts", "write_page"]


def write_page(report, chip, path) -> Path:
    """Write the page of the object that `eyeriss plan --json` or `eyeriss run --json` gives."""
    layers = report["layers"]
    return write_template("network.html.j2", path, report=report, ran=report["backend"] != "plan",
                          charts=network_charts(report, chip) if layers else [], drawings=_drawings(layers, chip),
                          simulated=[entry["rtl"] for entry in layers if entry.get("rtl")])


def network_charts(report, chip):
    """Costs of every layer as planned, what the RTL's counters say of those that it ran, and accuracy."""
    layers = report["layers"]
    names = [entry["layer"] for entry in layers]
    charts = [cause_chart("Cycles of each layer, by what binds them (planned)", names, planned=layers)]
    ran = [entry for entry in layers if entry.get("rtl")]
    if ran:
        charts.append(cause_chart(
            f"Where the cycles went, by the RTL's counters ({len(ran)} of {len(layers)} layers)",
            [entry["layer"] for entry in ran], simulated=[entry["rtl"] for entry in ran], pes=chip.pes))
    points = [(entry["layer"], entry["macs"], sum(entry["dram_bytes"].values()), entry["cycles"]) for entry in layers]
    charts += [
        roofline_chart("Each layer under the roofs of the PEs and the link (planned)", points, chip),
        traffic_chart("DRAM traffic of each layer, without run-length coding and with it (planned)", names,
                      [entry["dram_raw_bytes"] for entry in layers], [entry["dram_bytes"] for entry in layers]),
        energy_chart("Energy of each layer by part of the chip, and of the DRAM (planned)", names,
                     [entry["power"] for entry in layers])]
    if report["backend"] != "plan" and not report["int8"]:
        charts.append(accuracy_chart("Signal to quantization noise at each layer's output", names, layers))
    return charts


def _drawings(entries, chip):
    """(layers, drawing) of each mapping that there is."""
    drawings = {}
    for entry in entries:
        shape = replace(LayerShape.parse(entry["shape"]), C=entry["mapped_channels"])
        native = lower(shape, chip)
        key = native.R, native.S, native.U, tuple(entry["mapping"].values())
        if key not in drawings:
            placement = Placement(native, Mapping(**entry["mapping"]), chip)
            drawings[key] = [], mapping_drawing(placement)
        drawings[key][0].append(entry["layer"])
    return list(drawings.values())
