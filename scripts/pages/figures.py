"""The pictures that people know, of a plan, a run or a benchmark: cycles by cause, roofline, traffic, accuracy."""


from typing import Any

from compiler.image.noc_ids import noc_ids

from .charts import Chart, Series, bars, roofline

__all__ = ["accuracy_chart", "cause_chart", "energy_chart", "mapping_drawing", "roofline_chart", "traffic_chart"]

#: What binds a planned layer.
BINDING = {"pe": ("bound by the PEs", "#55a868"), "ifmap_bus": ("by the ifmap bus", "#dd8452"),
           "psum_bus": ("by the psum bus", "#8172b3"), "filter_bus": ("by the filter bus", "#64b5cd"),
           "link": ("by the link", "#c44e52")}
#: Where the cycles of a simulated layer went.
CAUSES = {"work": ("MACs", "#55a868"), "idle": ("PEs without work beside others", "#c7e0cb"),
          "ramp": ("ramp", "#ccb974"), "wait_ifmap": ("wait for ifmaps", "#dd8452"),
          "wait_filter": ("wait for filters", "#64b5cd"), "wait_ofmap": ("wait for ofmaps", "#c44e52")}
CONFIGURATION = ("configuration", "#555555")
#: Where energy goes.
PARTS = {"clock": "#8c8c8c", "leakage": "#222222", "alu": "#c44e52", "spads": "#55a868", "networks": "#dd8452",
         "glb": "#4c72b0", "link": "#8172b3", "dram": "#ccb974"}
KINDS = {"filter": "#4c72b0", "ifmap": "#dd8452", "ofmap": "#55a868", "bias": "#8c8c8c"}


def cause_chart(title, names, planned=None, simulated=None, pes=None) -> Chart:
    """Cycles of each layer; of `planned` objects by what binds, of `simulated` ones by the RTL's counters."""
    if planned is not None:
        kinds = {label: (colour, [entry["cycles"] if entry["binding"] == name else 0 for entry in planned])
                 for name, (label, colour) in BINDING.items()}
    else:
        found = [_causes(entry, pes) for entry in simulated]
        kinds = {label: (colour, [entry.get(name, 0) for entry in found]) for name, (label, colour) in CAUSES.items()}
    kinds[CONFIGURATION[0]] = (CONFIGURATION[1], [entry["configuration_cycles"] for entry in planned or simulated])
    series = [Series(label, colour, [value / 1e3 for value in values])
              for label, (colour, values) in kinds.items() if any(values)]
    return bars(title, "thousand cycles", names, series, text="{:,.1f}")


def _causes(entry, pes):
    """Cycles in which all PEs did MACs, as many as that is of part of them, and the rest by kind."""
    cycles, work = entry["cycles"], entry["macs"] / pes
    rest = {kind: cycles[kind] for kind in CAUSES if kind in cycles}
    return {"work": work, "idle": max(0, cycles["mac"] - work)} | rest


def roofline_chart(title, points, chip) -> Chart:
    """Of (name, MACs, DRAM bytes, cycles)."""
    return roofline(title, [(name, macs / dram, macs / cycles) for name, macs, dram, cycles in points],
                    chip.pes, 8 * chip.link_mhz / chip.core_mhz)


def traffic_chart(title, names, raw, coded) -> Chart:
    """DRAM bytes by kind, uncoded on the left and as they go over the link on the right (Fig. 9)."""
    series = [Series(kind, colour, [entry[kind] / 1e6 for entry in table], group)
              for group, table in enumerate((raw, coded)) for kind, colour in KINDS.items()]
    return bars(title, "MB", names, series, groups=2)


def energy_chart(title, names, powers) -> Chart:
    """Energy of each layer by part of the chip, and the DRAM's, from the objects `power` of a JSON."""
    found = [power["parts_mj"] | {"dram": power["dram_millijoules"]} for power in powers]
    series = [Series(part, colour, [parts[part] for parts in found]) for part, colour in PARTS.items()]
    return bars(title, "mJ", names, [entry for entry in series if any(entry.values)])


def accuracy_chart(title, names, entries) -> Chart:
    """SQNR of each layer's output against the float network's, and its own."""
    series = [Series("against the float network", "#4c72b0", [entry["sqnr_db"] for entry in entries]),
              Series("of the layer alone", "#b7c9e2", [entry["own_sqnr_db"] for entry in entries], 1)]
    return bars(title, "dB", names, series, groups=2, text="{:.1f}")


def mapping_drawing(placement) -> dict:
    """The array as Fig. 5 draws it: paths of PEs that receive the same ifmap values, frames of PE sets."""
    chip, mp, layer = placement.chip, placement.mapping, placement.layer
    ids = noc_ids(placement)
    groups: dict[Any, list[str]] = {}  # by row and col ID, or None where no ifmap goes
    for y in range(chip.rows):
        for x in range(chip.columns):
            pe = y * chip.columns + x
            key = (int(ids["ifmap_row_id"][y]), int(ids["ifmap_col_id"][pe])) if ids["active"][pe] else None
            groups.setdefault(key, []).append(f"M{x + .04:g} {y + .04:g}h.92v.92h-.92z")
    rest = groups.pop(None, [])
    paths = [("".join(rest), "#e4e4e4", "inactive")] if rest else []
    for index, key in enumerate(sorted(groups)):
        hue, light = round(300 * index / max(1, len(groups) - 1)), 72 if index % 2 else 62
        colour = f"hsl({hue} 65% {light}%)"
        paths.append(("".join(groups[key]), colour, f"row ID {key[0]}, col ID {key[1]}"))
    frames, height = [], mp.r * layer.R
    for stack in range(placement.stacks):
        for x in range(0, placement.pe_columns, min(mp.e, placement.pe_columns)):
            width = min(mp.e - (stack % placement.segments) * placement.pe_columns, placement.pe_columns - x, mp.e)
            frames += [(x, stack * height + channel * layer.R, width, layer.R) for channel in range(mp.r)]
    return {"columns": chip.columns, "rows": chip.rows, "paths": paths, "frames": frames,
            "active": placement.active_pes, "mapping": " ".join(f"{k}={v}" for k, v in mp.as_dict().items())}
