"""`eyeriss plan`: what the chip would do with an ONNX model."""

from dataclasses import replace
from pathlib import Path

from compiler.energy.table import DEFAULT, load_table
from compiler.onnx.file import load_model, model_inputs
from compiler.onnx.graph import import_graph
from compiler.onnx.plan import Planner, plan_network, totals, unplanned
from compiler.onnx.qlinear import is_quantized
from hw.config import load_chip
from scripts.commands.shared import power_line
from scripts.pages.network import write_page
from scripts.terminal.console import (
    bad_input,
    bars,
    check_fractions,
    check_targets,
    choose_page,
    console,
    counts_table,
    place,
    time_line,
    write_json,
)
from scripts.terminal.names import on_terminal, own_file
from sim.jobs.cache import Cache
from sim.tools.files import BUILD

from .inputs import parse_sizes
from .shared import division, warn

__all__ = ["plan", "plan_model"]


def plan(model, *, shapes, chip, objective, clock, zeros, weight_zeros, ofmap, energy_table=None, json_target,
         page, no_page=False):
    """Plan, print, write."""
    path = Path(model)
    page = choose_page(page, no_page, BUILD / "plan" / f"{own_file(path)}.html")
    check_targets(json=json_target, page=page, folders={"build": BUILD})
    check_fractions({"--zeros": zeros, "--weight-zeros": weight_zeros})
    with bad_input():
        chip = load_chip(chip)
        if clock is not None:
            chip = replace(chip, core_mhz=clock)
        proto = load_model(path, weights=False)
        sizes = parse_sizes(shapes, model_inputs(proto))
        if chip.data_width == 8 and is_quantized(proto):
            proto = load_model(path)  # its layers are what onnxruntime makes of it, with its weights
        report = plan_model(proto, sizes, name=path.stem, chip=chip, objective=objective, zeros=zeros,
                            weight_zeros=weight_zeros, ofmap=ofmap, energy_table=energy_table)
    write_json(json_target, report)
    _show(report, stderr=json_target == "-")
    if page:
        write_page(report, chip, page)
        console(stderr=json_target == "-").print(f"page: {place(page)}", soft_wrap=True)


def plan_model(proto, sizes, *, name, chip, objective="latency", zeros=0.0, weight_zeros=0.0, ofmap="auto",
               energy_table=None) -> dict:
    """Plan a model for inputs of these sizes, with a progress bar: the object of `eyeriss plan --json`."""
    energy = load_table(energy_table or DEFAULT)
    prices = energy.prices(chip) if energy_table else None
    int8 = chip.data_width == 8 and is_quantized(proto)
    network = import_graph(proto, sizes, weights=False, int8=int8)
    plans = _with_bar(network, Planner(chip, objective, Cache("mappings"), prices=prices, form=ofmap), zeros,
                      weight_zeros)
    for layer in unplanned(network):
        warn(f"{layer} is not planned: the sizes of its input are known only when the model runs")
    batch = next(iter(sizes.values()))[0] if next(iter(sizes.values()), ()) else 1
    entries = [entry.as_dict(energy) for entry in plans]
    return {"model": name, "backend": "plan", "int8": int8, "chip": chip.name, "core_mhz": chip.core_mhz,
            "link_mhz": chip.link_mhz, "pes": chip.pes, "batch": batch, "objective": objective, "zeros": zeros,
            "weight_zeros": weight_zeros, "ofmap": ofmap,
            "inputs": {name: {"shape": list(size)} for name, size in sizes.items()}, "layers": entries,
            "totals": totals(entries, network, chip, batch)}


def _with_bar(network, planner, zeros, weight_zeros):
    with bars() as bar:
        task = bar.add_task("layers", total=len(network.layers))

        def report(layer):
            bar.update(task, description=on_terminal(layer.name, 30), advance=1)

        return plan_network(network, planner, zeros=zeros, weight_zeros=weight_zeros, report=report)


def _show(report, *, stderr):
    out, total = console(stderr), report["totals"]
    if report["layers"]:
        out.print(_table(report))
    out.print(division(total))
    if report["layers"]:
        out.print(f"{total['macs_per_frame'] / 1e9:.3f} G MACs a frame, {time_line(total, report['core_mhz'])}")
        out.print(power_line(total["power"]))


def _table(report):
    total = report["totals"]

    def megabytes(table):
        return f"{sum(table.values()) / 1e6:.2f}"

    rows = [(entry["layer"], f"{entry['macs'] / 1e6:.1f}",
             " ".join(str(value) for value in entry["mapping"].values()), str(entry["active_pes"]),
             f"{entry['cycles']:,}", f"{entry['configuration_cycles']:,}", f"{entry['utilization']:.0%}",
             entry["binding"], megabytes(entry["glb_bytes"]), megabytes(entry["dram_bytes"]),
             f"{entry['energy'] / 1e6:.0f}") for entry in report["layers"]]
    rows.append(("all", f"{total['macs'] / 1e6:.1f}", "", "", f"{total['cycles']:,}",
                 f"{total['configuration_cycles']:,}", f"{total['utilization']:.0%}", "",
                 f"{total['glb_bytes'] / 1e6:.2f}", f"{total['dram_bytes'] / 1e6:.2f}",
                 f"{total['energy'] / 1e6:.0f}"))
    title = f"{report['model']} on {report['chip']} at {report['core_mhz']} MHz, N = {report['batch']}"
    names = " ".join(report["layers"][0]["mapping"])
    return counts_table(title, ("layer", "MMACs", names, "PEs", "cycles", "config.", "util.", "bound by", "GLB MB",
                                "DRAM MB", "energy MMAC"), rows,
                        optional=(names, "energy MMAC", "GLB MB", "PEs", "config."))
