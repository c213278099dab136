"""One self-contained HTML page for a network's plan or run."""

import base64
import io
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from compiler.lowering import lower
from compiler.mapping import Mapping, Placement
from golden.layer import LayerShape
from scripts.figures import dram_figure, roofline_figure, stall_figure
from scripts.mapping_picture import mapping_figure
from sim.files import write_file

__all__ = ["decibels", "write_page"]

TEMPLATE = Path(__file__).with_name("templates") / "network.html.j2"
BINDING = {"pe": "#55a868", "ifmap_bus": "#dd8452", "psum_bus": "#8172b3", "filter_bus": "#4c72b0", "link": "#c44e52"}
FEW = 12  # layers whose names stand upright


def decibels(value) -> str:
    """A figure in dB for people; None is a layer without any noise."""
    return "exact" if value is None else f"{value:.1f}"


def write_page(report, chip, path) -> Path:
    """Write the page of the object that `eyeriss plan --json` or `eyeriss run --json` gives."""
    environment = Environment(loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"decibels": decibels, "megabytes": lambda table: f"{sum(table.values()) / 1e6:.2f}"}
    figures = [(caption, _image(figure)) for caption, figure in _figures(report, chip)] if report["layers"] else []
    mappings = [(", ".join(names), _image(figure, 70)) for names, figure in _mappings(report["layers"], chip)]
    page = environment.get_template(TEMPLATE.name).render(report=report, figures=figures, mappings=mappings,
                                                          ran=report["backend"] != "plan")
    write_file(path, page)
    return Path(path)


def _image(figure, dpi=100):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return base64.b64encode(buffer.getvalue()).decode()


def _figures(report, chip):
    """(caption, figure): planned costs of every layer, then what the RTL's counters say of those that it ran."""
    planned = {"sampled": True, "layers": [
        {"layer": f"/{entry['layer']}", "layer_macs": entry["macs"], "dram_raw_bytes": entry["dram_raw_bytes"],
         "model": {"cycles": entry["cycles"], "dram_bytes": entry["dram_bytes"]}} for entry in report["layers"]]}
    yield "Milliseconds of each layer, in the colour of the resource that binds (planned)", _time_figure(report)
    yield "MACs per cycle and per DRAM byte under the roofs of the PEs and the link (planned)", roofline_figure(
        planned, chip)
    yield "DRAM traffic of each layer, without and with run-length coding (planned)", _upright(
        dram_figure(planned), len(report["layers"]))
    simulated = [entry["rtl"] | {"layer": f"/{entry['layer']}"} for entry in report["layers"] if entry.get("rtl")]
    if simulated:
        yield "Where the PEs' cycles went, from the RTL's counters", _upright(
            stall_figure({"layers": simulated}, chip), len(simulated))
    if report["backend"] != "plan":
        yield "Signal to quantization noise at each layer's output", _sqnr_figure(report)


def _upright(figure, count):
    if count > FEW:
        figure.axes[0].tick_params(axis="x", rotation=90, labelsize=6)
    return figure


def _bars(report, values, colours, title, unit):
    """A bar for each layer."""
    names = [entry["layer"] for entry in report["layers"]]
    figure = Figure(figsize=(max(6.0, min(16.0, 0.5 * len(names) + 2.5)), 4), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(range(len(names)), values, 0.7, color=colours)
    axes.set(title=title, ylabel=unit)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > FEW else 30, fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _time_figure(report):
    layers = report["layers"]
    figure = _bars(report, [entry["milliseconds"] for entry in layers],
                   [BINDING[entry["binding"]] for entry in layers], "Time of each layer", "ms")
    axes = figure.axes[0]
    for name in sorted({entry["binding"] for entry in layers}):
        axes.bar(0, 0, color=BINDING[name], label=f"bound by {name}")
    axes.legend(frameon=False, fontsize=8)
    return figure


def _sqnr_figure(report):
    return _bars(report, [entry["sqnr_db"] or 0 for entry in report["layers"]], "#4c72b0",
                 "SQNR against the float network", "dB")


def _mappings(entries, chip):
    """(layers, picture) of each mapping that there is."""
    pictures = {}
    for entry in entries:
        shape = replace(LayerShape.parse(entry["shape"]), C=entry["mapped_channels"])
        placement = Placement(lower(shape, chip)[0], Mapping(**entry["mapping"]), chip)
        native = placement.layer
        key = native.R, native.S, native.U, tuple(entry["mapping"].values())
        pictures.setdefault(key, ([], placement))[0].append(entry["layer"])
    for names, placement in pictures.values():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield names, mapping_figure(placement, names[0] + more)
