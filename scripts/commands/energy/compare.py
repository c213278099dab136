"""`eyeriss energy compare`: what a network takes by the paper's mappings and by ours, for each objective."""

from compiler.energy.report import planned_power, total_power
from compiler.mapping.density import Density
from compiler.mapping.energy import Prices
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping, timed_costs
from compiler.paper.networks import benchmark_layers
from compiler.paper.published import MEASURED, PAPER_MAPPINGS
from hw.config import load_chip
from scripts.commands.shared import choose_energy, search_with_bar
from scripts.terminal.console import bad_input, check_targets, console, counts_table, write_json

__all__ = ["compare"]

WAYS = ("paper", "latency", "energy, ratios", "energy, pJ")


def compare(network, *, chip, energy_table, json_target):
    """Search, cost, print, write."""
    check_targets(json=json_target)
    with bad_input():
        chip = load_chip(chip)
        layers = benchmark_layers(network)
        table, _ = choose_energy(energy_table, chip)
    ways = WAYS if all(layer.name in PAPER_MAPPINGS for layer in layers) else WAYS[1:]
    rows = search_with_bar([(layer, way) for way in ways for layer in layers],
                           lambda task: _cost(*task, chip, table))
    report = {"network": network, "chip": chip.name, "batch": layers[0].shape.N, "table": table.name,
              "measured": _measured([layer.name for layer in layers]), "layers": rows,
              "ways": [_sum(way, [row for row in rows if row["way"] == way]) for way in ways]}
    write_json(json_target, report)
    _show(report, stderr=json_target == "-")


def _cost(layer, way, chip, table):
    density, native = Density(1 - layer.zeros, 1 - layer.ofmap_zeros), lower(layer.shape, chip)
    if way == "paper":
        mapping = Mapping(**PAPER_MAPPINGS[layer.name]).cut_to(native)
    else:
        mapping = find_mapping(native.each()[0], chip, objective=way.partition(",")[0], density=density, coded=True,
                               energy=table.prices(chip) if way == "energy, pJ" else Prices())
    found = timed_costs(native, chip, mapping, density)
    power = planned_power(table, Placement(native, mapping, chip), found, density, macs=layer.shape.macs)
    return {"way": way, "layer": layer.name, "batch": layer.shape.N, "macs": layer.shape.macs,
            "mapping": mapping.as_dict(), "cycles": int(found.cycles), "power": power}


def _sum(way, rows):
    total = total_power([row["power"] for row in rows], sum(row["macs"] for row in rows), rows[0]["batch"])
    frames = rows[0]["batch"]
    return {"way": way, "cycles": sum(row["cycles"] for row in rows),
            "mj_per_frame": round(total["millijoules"] / frames, 3),
            "glb_mj_per_frame": round(total["parts_mj"]["glb"] / frames, 3),
            "dram_mj_per_frame": round(total["dram_millijoules"] / frames, 3),
            "milliwatts": round(total["milliwatts"], 1), "pj_per_mac": round(total["pj_per_mac"], 2),
            "frames_per_joule": round(total["frames_per_joule"], 1)}


def _measured(names):
    columns = [MEASURED[name] for name in names]
    energy = sum(each["power_mW"] * each["total_ms"] for each in columns) / 1e3  # mJ
    return {"mj_per_frame": round(energy / columns[0]["N"], 3),
            "milliwatts": round(1e3 * energy / sum(each["total_ms"] for each in columns), 1),
            "pj_per_mac": round(energy / sum(each["macs_G"] for each in columns), 2)}


def _show(report, *, stderr):
    measured = report["measured"]
    rows = [(way["way"], f"{way['cycles'] / 1e6:.2f}", f"{way['mj_per_frame']:.2f}", f"{way['glb_mj_per_frame']:.2f}",
             f"{way['dram_mj_per_frame']:.2f}", f"{way['milliwatts']:.0f}", f"{way['pj_per_mac']:.2f}",
             f"{way['frames_per_joule']:.0f}") for way in report["ways"]]
    rows.append(("the chip, measured", "", f"{measured['mj_per_frame']:.2f}", "", "", f"{measured['milliwatts']:.0f}",
                 f"{measured['pj_per_mac']:.2f}", f"{1e3 / measured['mj_per_frame']:.0f}"))
    console(stderr).print(counts_table(
        f"{report['network']} on {report['chip']}, N = {report['batch']}, by {report['table']}",
        ("mappings for", "M cycles", "mJ a frame", "of it GLB", "DRAM besides", "mW", "pJ a MAC", "frames/J"), rows))
