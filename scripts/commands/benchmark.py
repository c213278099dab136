"""`eyeriss benchmark`: a whole network in RTL, beside Table V or VI."""

from compiler.energy.report import counted_power, planned_power, total_power
from compiler.mapping.cost import costs
from compiler.mapping.density import Density
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping, timed_costs
from compiler.paper.networks import benchmark_layers
from compiler.paper.published import MEASURED, PAPER_MAPPINGS
from hw.config import configuration_cycles
from scripts.pages.benchmark import write_page
from scripts.terminal.console import (
    BadInput,
    bad_input,
    check_targets,
    choose_page,
    console,
    counts_table,
    place,
    require_simulator,
    time_line,
    write_json,
)
from scripts.terminal.names import in_path
from sim.jobs.benchmark import layer_tasks, merge, record_tasks, tile_mapping
from sim.jobs.workers import parse_workers
from sim.tools.files import BUILD

from .shared import (
    choose_energy,
    fixed_point_chip,
    power_line,
    prepare_recording,
    run_with_bar,
    search_with_bar,
    show_recording,
)

__all__ = ["benchmark"]


def benchmark(network, *, batch, chosen, workers, chip, mappings, objective, part, ofmap, shards, seed, simulator,
              energy_table=None, fresh, recording, json_target, page, no_page=False) -> int:
    """Run, print, write; the exit status."""
    page = choose_page(page, no_page, BUILD / "benchmark" / f"{in_path(network)}-{part}.html")
    check_targets(json=json_target, page=page, folders={"build": BUILD})
    with bad_input():
        chip = fixed_point_chip(chip)
        energy, prices = choose_energy(energy_table, chip)
        layers = benchmark_layers(network, batch, chosen)
        require_simulator(simulator)
        prepare_recording(recording, chip, simulator)
        workers = parse_workers(workers)
        if shards < 1:
            raise BadInput("--shards must be at least 1")
        found = search_with_bar(layers, lambda layer: tile_mapping(layer.shape, chip) if part == "tile"
                                else _mapping(layer, chip, mappings, objective, ofmap, prices))
        plan = dict(zip(layers, found, strict=True))
        tasks = {layer: layer_tasks(layer, mapping, chip, seed=seed, simulator=simulator, shards=shards,
                                    part=part, ofmap=ofmap)
                 for layer, mapping in plan.items()}
    tasks = dict(zip(tasks, record_tasks(list(tasks.values()), recording), strict=True))
    results = run_with_bar([task for listed in tasks.values() for task in listed], workers, fresh)
    entries = [_entry(layer, merge([results[task] for task in listed]), chip, part != "all", ofmap, energy)
               for layer, listed in tasks.items()]
    report = {"network": network, "chip": chip.name, "core_mhz": chip.core_mhz,
              "batch": entries[0]["batch"], "part": part, "sampled": part != "all",
              "shards_per_group": shards, "mappings": mappings, "objective": objective, "ofmap": ofmap,
              "seed": seed,
              "layers": entries, "totals": _totals(entries, chip)}
    write_json(json_target, report)
    _show(report, chip, stderr=json_target == "-")
    if page:
        write_page(report, plan, chip, page)
        console(stderr=json_target == "-").print(f"page: {place(page)}")
    for task in (task for listed in tasks.values() for task in listed):
        show_recording(task.record, stderr=json_target == "-")
    return 0 if report["totals"]["match"] else 1


def _mapping(layer, chip, mappings, objective, ofmap, prices):
    if mappings == "paper":
        if layer.name not in PAPER_MAPPINGS:
            raise BadInput(f"the paper prints no mapping of {layer.name}: use --mappings auto")
        return Mapping(**PAPER_MAPPINGS[layer.name])
    return find_mapping(lower(layer.shape, chip).each()[0], chip, objective=objective,
                        density=Density(1 - layer.zeros, 1 - layer.ofmap_zeros, ofmap), energy=prices,
                        coded=True)


def _entry(layer, merged, chip, sample, ofmap, energy):
    """A layer's object: the keys of `simulate --json`, what the model says, what the paper measured."""
    mapping, density = Mapping(**merged["mapping"]), Density(1 - layer.zeros, 1 - layer.ofmap_zeros, ofmap)
    groups = [Placement(native, mapping, chip) for native in lower(layer.shape, chip).each()]
    expected = [timed_costs(group.layer, chip, mapping, density) for group in groups]
    raw = [costs(group).dram for group in groups]
    merged["utilization"] = layer.shape.macs / merged["cycles"]["total"] / chip.pes if not sample else None
    return {
        "layer": layer.name, "batch": layer.shape.N, "zeros": layer.zeros, "sampled": sample, **merged,
        "model": {
            "cycles": int(sum(item.cycles for item in expected)),
            "configuration_cycles": len(expected) * configuration_cycles(chip), "binding": expected[0].binding(),
            "glb_bytes": {name: int(8 * sum(item.glb[name] for item in expected)) for name in expected[0].glb},
            "dram_bytes": {name: int(8 * sum(item.dram[name] for item in expected)) for name in expected[0].dram},
            "energy": float(sum(item.energy for item in expected)),
            "power": total_power([planned_power(energy, group, costed, density, macs=0)
                                  for group, costed in zip(groups, expected, strict=True)],
                                 layer.shape.macs, layer.shape.N),
        },
        "power": counted_power(energy, groups[0], merged["counters"], None if sample else layer.shape.N),
        "dram_raw_bytes": {name: int(8 * sum(words[name] for words in raw)) for name in raw[0]},
        "published": MEASURED[layer.name],
    }


def _glb(entry):
    return sum(count for name, count in entry["glb_bytes"].items() if name != "filter")


def _totals(entries, chip):
    milliseconds = sum(entry["milliseconds"] for entry in entries)
    total = {
        "match": all(entry["match"] for entry in entries),
        "outputs": sum(entry["outputs"] for entry in entries),
        "mismatches": sum(entry["mismatches"] for entry in entries),
        "cycles": {name: sum(entry["cycles"][name] for entry in entries) for name in entries[0]["cycles"]},
        "configuration_cycles": sum(entry["configuration_cycles"] for entry in entries),
        "milliseconds": milliseconds,
        # of parts of layers there are no frames
        "frames_per_second": None if entries[0]["sampled"] else 1e3 * entries[0]["batch"] / milliseconds,
        "macs": sum(entry["macs"] for entry in entries),
        "glb_bytes": sum(_glb(entry) for entry in entries),
        "dram_bytes": sum(sum(entry["dram_bytes"].values()) for entry in entries),
        "model_cycles": sum(entry["model"]["cycles"] for entry in entries),
        "model_milliseconds": sum(_model_ms(entry, chip) for entry in entries),
        "power": total_power([entry["power"] for entry in entries], *_done(entries)),
        "model_power": total_power([entry["model"]["power"] for entry in entries],
                                   sum(entry["layer_macs"] for entry in entries), entries[0]["batch"]),
        "wall_seconds": sum(entry["wall_seconds"] for entry in entries),
    }
    return total


def _done(entries):
    """MACs and frames that ran; of parts of layers there are none."""
    return (0, None) if entries[0]["sampled"] else (sum(entry["layer_macs"] for entry in entries),
                                                    entries[0]["batch"])


def _model_ms(entry, chip):
    """As the mapper's model has it, configuration included."""
    return (entry["model"]["cycles"] + entry["model"]["configuration_cycles"]) / chip.core_mhz / 1e3


def _show(report, chip, *, stderr):
    clock = chip.core_mhz * 1e3
    rows = []
    for entry in report["layers"]:
        paper, scale = entry["published"], entry["batch"] / entry["published"]["N"]
        rows.append((
            entry["layer"].partition("/")[2], "yes" if entry["match"] else entry["status"].upper(),
            f"{entry['milliseconds']:.2f}", f"{entry['cycles']['processing'] / clock:.2f}",
            f"{entry['configuration_cycles'] / clock:.2f}", f"{_model_ms(entry, chip):.2f}",
            f"{paper['total_ms'] * scale:.1f}", f"{paper['processing_ms'] * scale:.1f}",
            f"{entry['active_pes']} / {paper['active_pes']}",
            f"{_glb(entry) / 1e6:.2f} / {paper['glb_MB'] * scale:.2f}",
            f"{sum(entry['dram_bytes'].values()) / 1e6:.2f} / {paper['dram_MB'] * scale:.2f}",
            f"{entry['power']['milliwatts']:.0f} / {paper['power_mW']}"))
    totals = report["totals"]
    scale = report["batch"] / report["layers"][0]["published"]["N"]

    def paper(column):
        return sum(entry["published"][column] for entry in report["layers"]) * scale

    rows.append(("all", "yes" if totals["match"] else "NO",
                 f"{totals['milliseconds']:.2f}", f"{totals['cycles']['processing'] / clock:.2f}",
                 f"{totals['configuration_cycles'] / clock:.2f}", f"{totals['model_milliseconds']:.2f}",
                 f"{paper('total_ms'):.1f}", f"{paper('processing_ms'):.1f}", "",
                 f"{totals['glb_bytes'] / 1e6:.2f} / {paper('glb_MB'):.2f}",
                 f"{totals['dram_bytes'] / 1e6:.2f} / {paper('dram_MB'):.2f}",
                 f"{totals['power']['milliwatts']:.0f}"))
    title = f"{report['network']}, N = {report['batch']}: RTL / the chip"
    if report["sampled"]:
        title += " (RTL columns are of the simulated parts only)"
    headings = ("layer", "equal", "total ms", "proc. ms", "config. ms", "model ms", "chip total", "chip proc.", "PEs",
                "GLB MB", "DRAM MB", "mW")
    console(stderr).print(counts_table(
        title, headings, rows, optional=("PEs", "config. ms", "chip proc.", "proc. ms", "model ms")))
    if not report["sampled"]:
        console(stderr).print(f"in RTL: {time_line(totals, report['core_mhz'])}")
        console(stderr).print(power_line(totals["power"]))
