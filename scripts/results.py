"""The tables of measured results in README and docs, from the files in docs/results.

``python -m scripts.results`` writes every table between ``<!-- table: NAME -->`` and ``<!-- end -->``.
``python -m scripts.results NAME RESULT.json`` first takes over a new result: the JSON of the command that the file of
NAME names.
"""

import datetime
import functools
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

from compiler.paper.published import MEASURED
from flow.power.tables import gates, latches, pe
from hw.config import PRESETS
from scripts.imagenet.table import photograph_row
from sim.tools.files import ROOT, write_file

__all__ = ["TABLES", "pages", "render", "take"]

RESULTS = ROOT / "docs" / "results"
CORE_KHZ = PRESETS["eyeriss"].core_mhz * 1e3
_TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """The Markdown files that may have tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def load(name) -> dict:
    """A file of results: `rows`, and the `command` and `date` that they are of."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def render(text) -> str:
    """A page's text with its tables written anew."""
    return _TABLE.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}\n{match[3]}", text)


def take(name, path):
    """Make a file of docs/results from the JSON that the command of that result wrote."""
    result, file = json.loads(Path(path).read_text()), load(name)
    keys = file["rows"][0]
    rows = result[file.get("list", "layers")]
    file["rows"] = [{key: value for key, value in _row(row).items() if key in keys} for row in rows]
    file |= {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "version": result["version"]}
    rows = ",\n".join(f"  {json.dumps(row)}" for row in file.pop("rows"))
    head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in file.items())
    write_file(RESULTS / f"{name}.json", f'{{\n{head} "rows": [\n{rows}\n ]\n}}\n')


def _row(layer):
    """What the tables show of a layer, or a photograph, of a command's JSON."""
    if "photograph" in layer:
        return photograph_row(layer)
    if "dram_bytes" not in layer and "rtl_cycles" not in layer:
        return layer
    if "rtl" in layer:
        return {"layer": layer["layer"], "shape": layer["shape"], "mapping": layer["mapping"],
                "cycles": layer["rtl"]["cycles"]["total"], "model_cycles": layer["cycles"]}
    if "rtl_cycles" in layer:
        return {"shape": layer["shape"], "mapping": layer["mapping"], "cycles": layer["rtl_cycles"],
                "model_cycles": layer["model_cycles"]}

    def megabytes(table, but=()):
        return round(sum(count for kind, count in table.items() if kind not in but) / 1e6, 4)

    model = layer["model"]
    return {"layer": layer["layer"], "batch": layer["batch"], "mapping": layer["mapping"],
            "cycles": layer["cycles"]["total"], "model_cycles": model["cycles"],
            "active_pes": layer["active_pes"], "glb_MB": megabytes(layer["glb_bytes"], ("filter",)),
            "dram_MB": megabytes(layer["dram_bytes"]), "model_Mcycles": round(model["cycles"] / 1e6, 2),
            "model_glb_MB": megabytes(model["glb_bytes"], ("filter",)),
            "model_dram_MB": megabytes(model["dram_bytes"]), **_power(layer)}


def _power(layer):
    """mJ of a layer that ran, as counted and by the model, with what goes with it; nothing of one without."""
    power = layer.get("power")
    return {} if power is None else {
        "mj": round(power["millijoules"], 3), "model_mj": round(layer["model"]["power"]["millijoules"], 3),
        "dram_mj": round(power["dram_millijoules"], 3), "mw": round(power["milliwatts"], 1),
        "pj_per_mac": round(power["pj_per_mac"] or 0, 2)}


def _markdown(headings, rows, *origins):
    """A table, and a line for each file of results that it is of."""
    lines = [headings, ["---"] * len(headings), *rows]
    text = "\n".join(f"| {' | '.join(map(str, line))} |".replace("|  |", "| |") for line in lines)
    notes = [f"`{load(name)['command']}`, {load(name)['date']}." for name in origins]
    return text + "".join(f"\n\n{note}" for note in notes)


def _values(row):
    return " ".join(map(str, row["mapping"].values()))


def _paper(row, column):
    """What the paper measured, at the row's batch."""
    measured = MEASURED[row["layer"]]
    return measured[column] * row["batch"] / measured["N"]


def _short(row):
    return row["layer"].partition("/")[2]


def _sum(rows, value):
    return sum(row[value] if isinstance(value, str) else value(row) for row in rows)


def _paper_sum(rows, column):
    return _sum(rows, lambda row: _paper(row, column))


def _error(row):
    return f"{row['model_cycles'] / row['cycles'] - 1:+.2%}"


def alexnet():
    """AlexNet complete in RTL beside Table V."""
    rows = load("alexnet")["rows"]
    lines = [(_short(row), _values(row), f"{row['cycles']:,}", f"{row['cycles'] / CORE_KHZ:.2f}",
              f"{_paper(row, 'total_ms'):.1f}", row["active_pes"], f"{row['glb_MB']:.2f}",
              f"{_paper(row, 'glb_MB'):.1f}", f"{row['dram_MB']:.2f}", f"{_paper(row, 'dram_MB'):.1f}")
             for row in rows]
    cycles = _sum(rows, "cycles")
    lines.append(("all", "", f"{cycles:,}", f"{cycles / CORE_KHZ:.2f}", f"{_paper_sum(rows, 'total_ms'):.1f}", "",
                  f"{_sum(rows, 'glb_MB'):.1f}", f"{_paper_sum(rows, 'glb_MB'):.1f}", f"{_sum(rows, 'dram_MB'):.1f}",
                  f"{_paper_sum(rows, 'dram_MB'):.1f}"))
    return _markdown(("layer", "mapping m n e f p q r t coded g", "cycles, total", "ms", "the chip, ms", "active PEs",
                      "GLB MB", "the chip", "DRAM MB", "the chip"), lines, "alexnet")


def vgg16_rtl():
    """Layers of VGG-16 complete in RTL."""
    lines = [(_short(row), _values(row), f"{row['cycles']:,}", f"{row['model_cycles']:,}", _error(row),
              f"{row['cycles'] / CORE_KHZ:.2f}", f"{_paper(row, 'total_ms'):.1f}")
             for row in load("vgg16-rtl")["rows"]]
    return _markdown(("layer", "mapping m n e f p q r t coded", "RTL, cycles", "timeline", "error", "ms",
                      "the chip's total / 3"), lines, "vgg16-rtl")


def vgg16():
    """All of VGG-16 by the timeline beside Table VI."""
    rows = load("vgg16")["rows"]

    def figures(cycles, paper_ms, glb, paper_glb, dram, paper_dram):
        return (f"{cycles:.2f}", f"{cycles * 1e3 / CORE_KHZ * 1e3:,.1f}", f"{paper_ms:,.1f}", f"{glb:,.1f}",
                f"{paper_glb:,.1f}", f"{dram:.1f}", f"{paper_dram:.1f}")

    keys = ("model_Mcycles", "total_ms", "model_glb_MB", "glb_MB", "model_dram_MB", "dram_MB")

    def value(row, key):
        return row[key] if key in row else _paper(row, key)

    lines = [(_short(row), _values(row), *figures(*(value(row, key) for key in keys))) for row in rows]
    lines.append(("all", "", *figures(*(_sum(rows, lambda row, key=key: value(row, key)) for key in keys))))
    return _markdown(("layer", "mapping m n e f p q r t coded", "M cycles", "ms", "the chip, ms", "GLB MB",
                      "the chip", "DRAM MB", "the chip"), lines, "vgg16")


def skip():
    """AlexNet's CONV3-5 where zeros are skipped."""
    dense = {row["layer"]: row["cycles"] for row in load("alexnet")["rows"]}
    both = [load(name)["rows"] for name in ("alexnet-skip", "alexnet-skip-wide")]
    lines = [(_short(narrow), f"{MEASURED[narrow['layer']]['zeros_pct']} %", f"{dense[narrow['layer']]:,}",
              *(cell for row in (narrow, wide) for cell in (
                  _values(row), f"{row['cycles']:,}", f"{dense[row['layer']] / row['cycles']:.2f}")))
             for narrow, wide in zip(*both, strict=True)]
    all_dense = sum(dense[row["layer"]] for row in both[0])
    lines.append(("all", "", f"{all_dense:,}", *(cell for rows in both for cell in (
        "", f"{_sum(rows, 'cycles'):,}", f"{all_dense / _sum(rows, 'cycles'):.2f}"))))
    return _markdown(("layer", "zeros", "dense, cycles", "16-bit bus: mapping", "cycles", "times fewer",
                      "64-bit bus: mapping", "cycles", "times fewer"), lines, "alexnet-skip", "alexnet-skip-wide")


def entropy():
    """Bits of a run-length pair of a random source, and what the format takes above them."""
    zeros = [0.4, 0.5, 0.6, 0.7, 0.8]
    bits = [16 - (z * math.log2(z) + (1 - z) * math.log2(1 - z)) / (1 - z) for z in zeros]
    above = [64 / 3 / value - 1 for value in bits]  # 64 bits hold three pairs
    return _markdown(["zeros", *(f"{100 * z:.0f} %" for z in zeros)],
                     [["bits a pair, entropy", *(f"{value:.1f}" for value in bits)],
                      ["the format's bits above it", *(f"{100 * part:.0f} %" for part in above)]])


def timeline():
    """Complete layers: the RTL's cycles and the timeline's."""
    lines = [(row["layer"], row["batch"], f"{row['cycles']:,}", f"{row['model_cycles']:,}", _error(row))
             for row in load("timeline")["rows"]]
    return _markdown(("layer", "N", "RTL, cycles", "timeline", "error"), lines, "timeline")


def calibrate():
    """Random layers: the RTL's cycles and the timeline's."""
    rows = load("calibrate")["rows"]
    lines = [(row["shape"], _values(row), f"{row['cycles']:,}", f"{row['model_cycles']:,}", _error(row))
             for row in rows]
    worst = max(abs(row["model_cycles"] / row["cycles"] - 1) for row in rows)
    return (_markdown(("layer", "m n e f p q r t", "RTL, cycles", "timeline", "error"), lines, "calibrate")
            + f" All outputs equal; the largest error is {worst:.2%}.")


def modern():
    """Depthwise and pointwise layers: the RTL's cycles and the timeline's."""
    lines = [(row["shape"], _values(row), f"{row['cycles']:,}", f"{row['model_cycles']:,}", _error(row))
             for row in load("modern")["rows"]]
    return _markdown(("layer", "m n e f p q r t coded g", "RTL, cycles", "timeline", "error"), lines, "modern")


def mobilenet_int8():
    """MobileNet 0.5-128 in 8 bits, complete in RTL."""
    rows = load("mobilenet-int8")["rows"]
    total = {key: _sum(rows, key) for key in ("cycles", "model_cycles")}
    lines = [(row["layer"], row["shape"].removeprefix("N=1,"), _values(row), f"{row['cycles']:,}",
              f"{row['model_cycles']:,}", _error(row)) for row in rows]
    lines.append(("all", "", "", f"{total['cycles']:,}", f"{total['model_cycles']:,}", _error(total)))
    return _markdown(("layer", "shape", "m n e f p q r t coded g", "RTL, cycles", "timeline", "error"), lines,
                     "mobilenet-int8")


def lite0():
    """Layers of the trained network: the RTL's cycles and the timeline's."""
    lines = [(row["chip"], row["layer"], _values(row), " ".join(f"{part:.2f}" for part in row["density"]),
              f"{row['cycles']:,}", f"{row['model_cycles']:,}", _error(row)) for row in load("lite0")["rows"]]
    return _markdown(("chip", "layer", "m n e f p q r t coded g", "density: ifmap, ofmap", "RTL, cycles", "timeline",
                      "error"), lines, "lite0")


def energy_fit():
    """The chip's measured power beside the 65 nm table's, by part."""
    rows = load("energy-fit")["rows"]
    parts = [part for part in rows[0]["parts_mw"] if any(row["parts_mw"][part] for row in rows)]
    lines = [(row["layer"], "fitted" if row["fitted"] else "predicted", row["measured_mw"], row["predicted_mw"],
              f"{row['error_pct']:+.1f}", *(row["parts_mw"][part] for part in parts), row["gating_saves_pct"])
             for row in rows]
    errors = {fitted: [abs(row["error_pct"]) for row in rows if row["fitted"] is fitted] for fitted in (True, False)}
    text = ", ".join(f"{name} {sum(found) / len(found):.1f} % on average, {max(found):.1f} % at worst"
                     for name, found in (("AlexNet", errors[True]), ("VGG-16", errors[False])))
    return _markdown(("layer", "", "measured, mW", "model", "error, %", *parts,
                      "gating saves, % of the PEs"), lines, "energy-fit") + f" {text}."


def energy_compare():
    """AlexNet's energy by mappings and objectives."""
    lines = [(row["way"], f"{row['cycles'] / 1e6:.2f}", row["mj_per_frame"], row["glb_mj_per_frame"],
              row["dram_mj_per_frame"], row["milliwatts"], row["pj_per_mac"], row["frames_per_joule"])
             for row in load("energy-compare")["rows"]]
    alexnet = [columns for name, columns in MEASURED.items() if name.startswith("alexnet/")]
    frame, total = _frame_mj("alexnet/"), _sum(alexnet, "total_ms")
    energy = frame * alexnet[0]["N"]
    lines.append(("the chip, measured", f"{total * CORE_KHZ / 1e6:.1f}", f"{frame:.3f}", "", "",
                  f"{1e3 * energy / total:.1f}", f"{energy / _sum(alexnet, 'macs_G'):.2f}", f"{1e3 / frame:.1f}"))
    return _markdown(("mappings", "M cycles", "mJ a frame", "of it GLB", "DRAM besides", "mW", "pJ a MAC",
                      "frames a joule"), lines, "energy-compare")


def energy_rtl():
    """AlexNet in RTL: energy by its counters, and the cycle model's."""
    rows = load("energy-rtl")["rows"]
    lines = [(_short(row), row["mj"], row["model_mj"], f"{row['model_mj'] / row['mj'] - 1:+.1%}", row["dram_mj"],
              row["mw"], row["pj_per_mac"]) for row in rows]
    total, model, dram = (_sum(rows, key) for key in ("mj", "model_mj", "dram_mj"))
    milliseconds = _sum(rows, lambda row: row["cycles"]) / CORE_KHZ
    macs = _sum(rows, lambda row: row["mj"] / row["pj_per_mac"])
    lines.append(("all", f"{total:.3f}", f"{model:.3f}", f"{model / total - 1:+.1%}", f"{dram:.3f}",
                  f"{1e3 * total / milliseconds:.1f}", f"{total / macs:.2f}"))
    return _markdown(("layer", "mJ, by RTL's counters", "by the model", "error", "DRAM besides", "mW", "pJ a MAC"),
                     lines, "energy-rtl")


def power(table, *origins):
    """A table of `flow.power.tables`, and a line below it."""
    headings, lines, text = table(*(load(name)["rows"] for name in origins))
    return _markdown(headings, lines, *origins) + text


def energy_crossbar():
    """Cells used and energy of crossbars, a line for each network."""
    rows = load("energy-crossbar")["rows"]
    sizes = sorted({row["size"] for row in rows})
    lines = [(network, *(f"{row['utilization']:.0f} %; {row['pj_per_mac']:.1f}" for row in rows
                         if row["network"] == network)) for network in dict.fromkeys(row["network"] for row in rows)]
    return _markdown(("cells used; pJ a MAC", *(f"{size:,}" for size in sizes)), lines, "energy-crossbar")


def _frame_mj(network):
    """Measured power times time, a frame."""
    layers = [columns for name, columns in MEASURED.items() if name.startswith(network)]
    return _sum(layers, lambda columns: columns["power_mW"] * columns["total_ms"]) / 1e3 / layers[0]["N"]


def readme():
    """The README's results beside the paper."""
    rows, vgg = load("alexnet")["rows"], load("vgg16")["rows"]
    one, = load("alexnet-1")["rows"]
    paper = MEASURED[one["layer"]]
    dense = {row["layer"]: row["cycles"] for row in rows}

    def faster(name):
        skipped = load(name)["rows"]
        return f"{_sum(skipped, lambda row: dense[row['layer']]) / _sum(skipped, 'cycles'):.2f}"

    def millions(milliseconds):
        return f"{milliseconds * CORE_KHZ / 1e6:.1f} M"

    def power(network, value):
        layers = [row for row in load("energy-fit")["rows"] if row["layer"].startswith(network)]
        energy = _sum(layers, lambda row: row[value] * MEASURED[row["layer"]]["total_ms"])
        return f"{energy / _sum(layers, lambda row: MEASURED[row['layer']]['total_ms']):.0f}"

    digits, = (row for row in load("networks")["rows"] if row["what"].startswith("digits:"))
    lines = [
        ("AlexNet CONV1, N = 1: cycles", f"{one['cycles']:,}", f"{paper['total_ms'] / paper['N'] * CORE_KHZ:,.0f}",
         f"`{load('alexnet-1')['command']}`"),
        ("... without waits for DRAM", f"{one['processing_cycles']:,}",
         f"{paper['processing_ms'] / paper['N'] * CORE_KHZ:,.0f}", "as above"),
        ("... active PEs; GLB accesses", f"{one['active_pes']}; {one['glb_MB']:.2f} MB",
         f"{paper['active_pes']}; {paper['glb_MB'] / paper['N']:.2f} MB", "as above"),
        ("AlexNet CONV1-5, N = 4: cycles", f"{_sum(rows, 'cycles') / 1e6:.2f} M",
         millions(_paper_sum(rows, "total_ms")), f"`{load('alexnet')['command']}`"),
        ("... GLB; DRAM accesses", f"{_sum(rows, 'glb_MB'):.1f}; {_sum(rows, 'dram_MB'):.1f} MB",
         f"{_paper_sum(rows, 'glb_MB'):.1f}; {_paper_sum(rows, 'dram_MB'):.1f} MB", "as above"),
        ("... CONV3-5 with zeros skipped: times fewer cycles", faster("alexnet-skip"), "gates only",
         "`eyeriss benchmark alexnet --chip eyeriss-skip`"),
        ("... and an ifmap bus of four values", faster("alexnet-skip-wide"), "", "`... --chip eyeriss-skip-wide`"),
        ("VGG-16, N = 3: cycles by the cycle model", f"{_sum(vgg, 'model_Mcycles'):.1f} M",
         millions(_paper_sum(vgg, "total_ms")), f"`{load('vgg16')['command']}`"),
        ("AlexNet; VGG-16: mW by the energy model, fitted to AlexNet",
         *("; ".join(power(network, value) for network in ("alexnet/", "vgg16/"))
           for value in ("predicted_mw", "measured_mw")), f"`{load('energy-fit')['command']}`"),
        ("AlexNet, N = 4: mJ a frame by the energy model, RTL's counters",
         f"{_sum(load('energy-rtl')['rows'], lambda row: row['mj'] / row['batch']):.2f}",
         f"{_frame_mj('alexnet/'):.2f}", f"`{load('energy-rtl')['command']}`"),
        ("handwritten digits, right of 360", digits["measured"], "", digits["command"]),
    ]
    return _markdown(("", "this RTL", "the chip", "command"), lines)


def listed(name, *headings, origin=False):
    """Rows that are written as they are; with the command below, where the rows do not have it."""
    return _markdown(headings, [row.values() for row in load(name)["rows"]], *([name] if origin else []))


#: name -> function that gives the Markdown
TABLES: dict[str, Callable[[], str]] = {
    "readme": readme, "alexnet": alexnet, "vgg16-rtl": vgg16_rtl, "vgg16": vgg16, "skip": skip, "entropy": entropy,
    "timeline": timeline, "calibrate": calibrate, "modern": modern, "mobilenet-int8": mobilenet_int8,
    "lite0": lite0,
    "energy-fit": energy_fit, "energy-compare": energy_compare,
    "energy-levels": functools.partial(listed, "energy-levels", "layer", "clock", "leakage", "alu", "spads",
                                       "networks", "glb", "link", "dram", origin=True),
    "energy-voltage": functools.partial(listed, "energy-voltage", "V", "core MHz", "link MHz", "frames a second",
                                        "GMACS/W", "mW", origin=True),
    "energy-validation": functools.partial(listed, "energy-validation", "component", "post-layout, %", "Accelergy",
                                           "CONV1", "CONV2", "CONV3", "CONV4", "CONV5", origin=True),
    "energy-shares": functools.partial(listed, "energy-shares", "PEs' share of the clock", "AlexNet, worst, %",
                                       "VGG-16, mean, %", "VGG-16, worst, %", origin=True),
    "power-gates": functools.partial(power, gates, "power"), "power-pe": functools.partial(power, pe, "power"),
    "power-latches": functools.partial(power, latches, "power", "power-latch"),
    "energy-crossbar": energy_crossbar, "energy-rtl": energy_rtl,
    "energy-noise": functools.partial(listed, "energy-noise", "noise", "level", "right, %", origin=True),
    "imagenet": functools.partial(listed, "imagenet", "photograph", "onnxruntime's float", "the chip",
                                  "five in its order", "SQNR, dB", "cycles, M", "frames/s", "mJ", "DRAM mJ",
                                  "DRAM MB", origin=True),
    "imagenet-int8": functools.partial(listed, "imagenet-int8", "photograph", "onnxruntime's float", "the chip",
                                       "five in its order", "values not onnxruntime's", "SQNR, dB", "cycles, M",
                                       "frames/s", "mJ", "DRAM mJ", "DRAM MB", origin=True),
    "networks": functools.partial(listed, "networks", "what", "measured", "command", "date")}


def main():
    if len(sys.argv) == 3:
        take(*sys.argv[1:])
    for page in pages():
        before = page.read_text()
        after = render(before)
        if after != before:
            write_file(page, after)
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
