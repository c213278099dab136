"""`eyeriss plan`: what the chip would do with an ONNX model."""

import sys
from dataclasses import replace
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from compiler.graph import import_graph
from compiler.network_plan import Planner, plan_network, totals
from compiler.onnx_model import infer_dims, load_model, model_inputs
from hw.config import load_chip
from scripts.console import BadInput, bad_input, console, counts_table, time_line, write_json
from scripts.network_inputs import parse_sizes
from scripts.network_page import write_page
from scripts.network_run import check_targets
from sim.cache import Cache

__all__ = ["plan"]


def plan(model, *, shapes, chip, objective, clock, zeros, json_target, page):
    """Plan, print, write."""
    check_targets(json=json_target, page=page)
    if not 0 <= zeros <= 1:
        raise BadInput(f"--zeros must be between 0 and 1, not {zeros!r}")
    path = Path(model)
    with bad_input():
        chip = load_chip(chip)
        if clock is not None:
            chip = replace(chip, core_mhz=clock)
        proto = load_model(path)
        sizes = parse_sizes(shapes, model_inputs(proto))
        dims = infer_dims(proto, sizes)
        network = import_graph(proto, weights=False, dims=dims)
        if not network.layers:
            raise BadInput(f"model {path} must have a Conv, Gemm or MatMul with constant weights; it has none")
        plans = _with_bar(network, dims, Planner(chip, objective, Cache("mappings")), zeros)
    batch = next(iter(sizes.values()))[0] if next(iter(sizes.values()), ()) else 1
    entries = [entry.as_dict() for entry in plans]
    report = {"model": path.stem, "backend": "plan", "chip": chip.name, "core_mhz": chip.core_mhz,
              "link_mhz": chip.link_mhz, "pes": chip.pes, "batch": batch, "objective": objective, "zeros": zeros,
              "inputs": {name: {"shape": list(size)} for name, size in sizes.items()}, "layers": entries,
              "totals": totals(entries, network, chip, batch)}
    write_json(json_target, report)
    page = Path(page or f"build/plan/{path.stem}.html")
    write_page(report, chip, page)
    _show(report, stderr=json_target == "-")
    console(stderr=json_target == "-").print(f"page: {page}", highlight=False, soft_wrap=True)


def _with_bar(network, dims, planner, zeros):
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("layers", total=len(network.layers))

        def report(layer):
            bar.update(task, description=layer.name, advance=1)

        return plan_network(network, dims, planner, zeros=zeros, report=report)


def _show(report, *, stderr):
    out, total = console(stderr), report["totals"]

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
    out.print(counts_table(title, ("layer", "MMACs", names, "PEs", "cycles", "config.", "util.", "bound by", "GLB MB",
                                   "DRAM MB", "energy MMAC"), rows))
    hosts = ", ".join(f"{count} {kind}" for kind, count in total["host_nodes"].items())
    out.print(f"on the host: {hosts or 'nothing'}", highlight=False)
    out.print(f"{total['macs_per_frame'] / 1e9:.3f} G MACs a frame, {time_line(total, report['core_mhz'])}",
              highlight=False)
