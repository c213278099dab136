"""The figures people know, drawn from a benchmark's report."""

from matplotlib.figure import Figure

__all__ = ["dram_figure", "roofline_figure", "stall_figure"]

KINDS = ("filter", "ifmap", "ofmap", "bias")
COLOURS = {"filter": "#4c72b0", "ifmap": "#dd8452", "ofmap": "#55a868", "bias": "#8c8c8c"}
STALLS = {"work": ("MACs", "#55a868"), "idle": ("PEs without work", "#c7e0cb"),
          "ramp": ("ramp", "#ccb974"), "wait_ifmap": ("wait: ifmap", "#dd8452"),
          "wait_filter": ("wait: filter", "#4c72b0"), "wait_ofmap": ("wait: ofmap", "#c44e52")}


def _names(report):
    return [entry["layer"].partition("/")[2] for entry in report["layers"]]


def _axes(title, ylabel, count):
    figure = Figure(figsize=(max(6.0, 0.9 * count + 2.5), 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def dram_figure(report) -> Figure:
    """DRAM accesses without and with RLC, by data type (Fig. 9)."""
    names = _names(report)
    figure, axes = _axes("DRAM accesses, without RLC (left) and with it (right)", "MB", len(names))
    for index, entry in enumerate(report["layers"]):
        source = entry["model"]["dram_bytes"] if report["sampled"] else entry["dram_bytes"]
        for offset, table in ((-0.2, entry["dram_raw_bytes"]), (0.2, source)):
            bottom = 0
            for kind in KINDS:
                height = table[kind] / 1e6
                axes.bar(index + offset, height, 0.36, bottom, color=COLOURS[kind],
                         label=kind if index == 0 and offset < 0 else None)
                bottom += height
    axes.set_xticks(range(len(names)), names)
    axes.legend(frameon=False)
    return figure


def roofline_figure(report, chip) -> Figure:
    """MACs a cycle over MACs a DRAM byte, under the roofs of PEs and link."""
    figure, axes = _axes("Roofline", "MACs per core cycle", 7)
    roof, slope = chip.pes, 8 * chip.link_mhz / chip.core_mhz
    points = []
    for entry, name in zip(report["layers"], _names(report), strict=True):
        if report["sampled"]:
            cycles, dram = entry["model"]["cycles"], sum(entry["model"]["dram_bytes"].values())
        else:
            cycles, dram = entry["cycles"]["total"], sum(entry["dram_bytes"].values())
        points.append((entry["layer_macs"] / dram, entry["layer_macs"] / cycles, name))
    low = min(x for x, _, _ in points) / 2
    high = max(max(x for x, _, _ in points) * 2, 2 * roof / slope)
    axes.plot([low, roof / slope, high], [low * slope, roof, roof], color="#444444", linewidth=1.5)
    for x, y, name in points:
        axes.plot(x, y, "o", color="#c44e52")
        axes.annotate(name, (x, y), textcoords="offset points", xytext=(-4, -8), fontsize=7, rotation=-60,
                      va="top", rotation_mode="anchor")
    axes.set(xscale="log", yscale="log", xlabel="MACs per DRAM byte", xlim=(low, high),
             ylim=(min(low * slope, min(y for _, y, _ in points)) / 1.5, roof * 1.6))
    return figure


def _shares(entry, pes):
    """Shares of all PE cycles: MACs, PEs without one while others work, and the kinds of cycles without any."""
    cycles = entry["cycles"]
    work = entry["macs"] / pes / cycles["total"]
    rest = {kind: cycles[kind] / cycles["total"] for kind in STALLS if kind in cycles}
    return {"work": work, "idle": cycles["mac"] / cycles["total"] - work} | rest


def stall_figure(report, chip) -> Figure:
    """Where the PEs' cycles went: the share of each kind."""
    names = _names(report)
    figure, axes = _axes("PE cycles by kind", "share of all", len(names))
    bottoms = [0.0] * len(names)
    for kind, (label, colour) in STALLS.items():
        shares = [_shares(entry, chip.pes)[kind] for entry in report["layers"]]
        axes.bar(range(len(names)), shares, 0.6, bottoms, color=colour, label=label)
        bottoms = [bottom + share for bottom, share in zip(bottoms, shares, strict=True)]
    axes.set_xticks(range(len(names)), names)
    axes.legend(frameon=False, ncols=6, loc="upper center", bbox_to_anchor=(0.5, -0.1), fontsize=8)
    return figure
