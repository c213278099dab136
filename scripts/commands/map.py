"""`eyeriss map`: the mapping of a layer and what it is expected to cost."""

from compiler.energy.report import planned_power
from compiler.mapping.cost import RESOURCES, costs
from compiler.mapping.density import Density
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import load_mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import SLACK, search, timed_costs
from hw.config import load_chip
from scripts.pages.mapping_picture import PICTURES, draw_mapping
from scripts.terminal.console import (
    BadInput,
    bad_input,
    check_fractions,
    check_targets,
    console,
    counts_table,
    write_json,
)

from .shared import choose_energy

__all__ = ["map_layer"]


def map_layer(layer, *, chip, objective, mapping, zeros, ofmap_zeros, weight_zeros, ofmap, energy_table,
              json_target, picture):
    """Search (or take a given mapping), print, and write JSON and picture where asked for."""
    check_targets(json=json_target, picture=picture)
    if picture and picture.suffix not in PICTURES:
        raise BadInput(f"--picture must end in {', '.join(PICTURES)}, not {picture}")
    check_fractions({"--zeros": zeros, "--ofmap-zeros": ofmap_zeros, "--weight-zeros": weight_zeros})
    with bad_input():
        chip = load_chip(chip)
        priced, prices = choose_energy(energy_table, chip)
        density = Density(1 - zeros, 1 - ofmap_zeros, ofmap, 1 - weight_zeros)
        native = lower(layer.shape, chip)
        found = None
        if mapping == "auto":
            found = search(native, chip, objective=objective, density=density, energy=prices, coded=True)
            chosen, expected = found.mapping, found.costs
        else:
            chosen = Placement(native, load_mapping(mapping), chip).mapping
            expected = timed_costs(native, chip, chosen, density, prices)
    placement = Placement(native, chosen, chip)

    def costs_of(mapping, found):
        geometry = Placement(native, mapping, chip)
        return {**_costs_table(found), "energy": float(costs(geometry, density).energy),
                "power": planned_power(priced, geometry, found, density, macs=layer.shape.macs)}

    table = {"layer": layer.name, "shape": str(layer.shape), "chip": chip.name, "jobs": placement.jobs,
             "objective": objective if found else "given",
             "ofmap": "coded" if density.ofmap_coded(chip) else "raw",
             "mapping": chosen.as_dict(), "active_pes": placement.active_pes,
             **costs_of(chosen, expected)}
    if found and found.runner_up:
        table["runner_up"] = {"mapping": found.runner_up.as_dict(),
                              **costs_of(found.runner_up, found.runner_up_costs)}
        table["runner_up"]["why"] = _why(expected, found.runner_up_costs, objective)
    write_json(json_target, table)
    _show(table, stderr=json_target == "-")
    if picture:
        draw_mapping(placement, layer.name, picture)


def _costs_table(expected):
    """Costs as plain numbers, bytes for words."""
    return {
        "cycles": int(expected.cycles), "binding": expected.binding(),
        "cycles_by_resource": {name: int(expected.by_resource[name]) for name in RESOURCES},
        "ramp_cycles": int(expected.ramp), "passes": int(expected.passes),
        "macs": int(expected.macs),
        "glb_bytes": {name: int(8 * words) for name, words in expected.glb.items()},
        "dram_bytes": {name: int(8 * words) for name, words in expected.dram.items()},
    }


def _why(best, other, objective):
    """What the runner-up has more of."""
    terms = {"cycles": (best.cycles, other.cycles), "energy": (best.energy, other.energy),
             "DRAM words": (sum(best.dram.values()), sum(other.dram.values())),
             "GLB words": (sum(best.glb.values()), sum(other.glb.values()))}
    more = [f"{(theirs / ours - 1):.1%} more {name}" for name, (ours, theirs) in terms.items()
            if theirs > 1.0005 * ours]
    fewer = 1 - other.cycles / best.cycles
    faster = (f"; its {fewer:.1%} fewer cycles count as equal: within {SLACK - 1:.0%} of the least latency, "
              "the energy of DRAM and GLB traffic decides") if objective == "latency" and fewer > 0.0005 else ""
    return f"{', '.join(more) or 'no more of anything'}; bound by {other.binding()}{faster}"


def _show(table, *, stderr):
    entries = [("best", table)] + ([("runner-up", table["runner_up"])] if "runner_up" in table else [])
    rows = []

    def row(name, value):
        rows.append((name, *(value(entry) for _, entry in entries)))

    for name in table["mapping"]:
        row(name, lambda entry, name=name: str(entry["mapping"][name]))
    row("cycles", lambda entry: f"{entry['cycles']:,}")
    row("bound by", lambda entry: entry["binding"])
    for resource in RESOURCES:
        row(f"  {resource}", lambda entry, resource=resource: f"{entry['cycles_by_resource'][resource]:,}")
    row("  ramp", lambda entry: f"{entry['ramp_cycles']:,}")
    row("passes", lambda entry: f"{entry['passes']:,}")
    for level in ("glb", "dram"):
        row(f"{level.upper()} bytes", lambda entry, level=level: f"{sum(entry[f'{level}_bytes'].values()):,}")
    row("energy (MACs)", lambda entry: f"{entry['energy']:,.0f}")
    row(f"mJ, {table['power']['table']}", lambda entry: f"{entry['power']['millijoules']:.3f}")
    row("  DRAM besides", lambda entry: f"{entry['power']['dram_millijoules']:.3f}")
    row("mW", lambda entry: f"{entry['power']['milliwatts']:.1f}")
    row("pJ a MAC", lambda entry: f"{entry['power']['pj_per_mac']:.2f}")
    out = console(stderr)
    title = f"{table['layer']} on {table['chip']}, for {table['objective']}: {table['active_pes']} active PEs"
    out.print(counts_table(title, ("", *(name for name, _ in entries)), rows))
    if "runner_up" in table:
        out.print(f"the runner-up has {table['runner_up']['why']}")
