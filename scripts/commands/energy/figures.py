"""`eyeriss energy figures`: Figs. 16 and 17, and the energy of AlexNet's layers by level, as pictures and numbers."""

from dataclasses import asdict

from compiler.energy.fit import CHIP, mapped_actions, predictions
from compiler.energy.report import energy_of
from compiler.energy.scaling import HIGH, LOW, operating_point
from compiler.energy.table import DEFAULT, load_table
from compiler.paper.networks import benchmark_layers
from scripts.pages.energy_figures import draw_shares, draw_stacks, draw_voltage
from scripts.terminal.console import bad_input, check_targets, console, counts_table, place, write_json

__all__ = ["figures"]

#: The components of Accelergy's validation on Eyeriss, their % (post-layout, Accelergy), and their actions.
VALIDATION = {
    "PE array": (93.8, 93.0, ("mac", "ifmap_spad", "filter_spad", "psum_spad", "psum_hop")),
    "shared buffer": (3.6, 3.9, ("glb_ifmap", "glb_psum")), "psum networks": (1.9, 1.8, ("noc_psum",)),
    "ifmap network": (0.5, 0.5, ("noc_ifmap",)), "weights buffer": (0.2, 0.2, ("glb_filter",)),
    "weights network": (0.1, 0.1, ("noc_filter",)),
}

STEPS = 8  # of the voltage


def figures(*, energy_table, output, json_target):
    """Draw, print, write."""
    check_targets(json=json_target, folders={"output": output})
    with bad_input():
        table = load_table(energy_table or DEFAULT)
    powers = {each.layer.partition("/")[2]: each.parts for each in predictions(table) if each.fitted}
    levels, shares = {}, {}
    for layer in benchmark_layers("alexnet"):
        energy = energy_of(table, mapped_actions(layer), CHIP.core_mhz)
        levels[layer.name.partition("/")[2]] = {part: pj / 1e9 / layer.shape.N for part, pj in energy.parts.items()}
        shares[layer.name.partition("/")[2]] = _shares(energy_of(load_table("45nm"), mapped_actions(layer), 200))
    step = (HIGH["volts"] - LOW["volts"]) / STEPS
    points = [operating_point(table, min(HIGH["volts"], LOW["volts"] + index * step)) for index in range(STEPS + 1)]
    draw_shares({name: powers[name] for name in ("CONV1", "CONV5")}, output / "energy-parts.svg")
    draw_stacks(levels, "mJ a frame", output / "energy-levels.svg")
    draw_voltage(points, (([HIGH["volts"]], [HIGH["frames_per_second"]]), ([LOW["volts"]], [LOW["gmacs_per_watt"]])),
                 output / "energy-voltage.svg")
    report = {"table": table.name, "parts_mw": powers,
              "layers": [{"layer": name, **{part: round(mj, 4) for part, mj in parts.items()}}
                         for name, parts in levels.items()],
              "validation": [{"component": name, "post_layout": truth, "accelergy": theirs,
                              **{layer: round(100 * found[name], 1) for layer, found in shares.items()}}
                             for name, (truth, theirs, _) in VALIDATION.items()],
              "voltage": [{key: round(value, 2) for key, value in asdict(point).items()} for point in points]}
    write_json(json_target, report)
    _show(report, output, stderr=json_target == "-")


def _shares(energy):
    """Share of each component of the validation, in their sum."""
    sums = {name: sum(pj for action, pj in energy.by_action.items() if action.startswith(actions))
            for name, (_, _, actions) in VALIDATION.items()}
    total = sum(sums.values())
    return {name: pj / total for name, pj in sums.items()}


def _show(report, output, *, stderr):
    out, parts = console(stderr), list(report["layers"][0])[1:]
    out.print(counts_table(f"mJ a frame, AlexNet by the paper's mappings, {report['table']}", ("layer", *parts), [
        (row["layer"], *(f"{row[part]:.3f}" for part in parts)) for row in report["layers"]]))
    figures_of = ("core_mhz", "link_mhz", "frames_per_second", "gmacs_per_watt", "milliwatts")
    out.print(counts_table("AlexNet over the voltage (the chip: 45 frames/s at 1.17 V, 122.8 GMACS/W at 0.82 V)", (
        "V", "core MHz", "link MHz", "frames/s", "GMACS/W", "mW"), [
        (f"{point['volts']:.2f}", *(f"{point[key]:.1f}" for key in figures_of)) for point in report["voltage"]]))
    out.print(f"pictures: {place(output)}")
