"""What the commands for networks share: run a model on the chip or its numpy model, and say it in words."""

import sys
from dataclasses import replace

import numpy as np

from compiler.energy.report import total_power
from compiler.energy.table import DEFAULT, load_table
from compiler.onnx.chip_layer import ChipLayer
from compiler.onnx.float_nodes import run_float
from compiler.onnx.plan import NEAR, Planner, totals
from compiler.onnx.quantize import calibrate, quantize, sqnr_db
from scripts.terminal.console import (
    BadInput,
    bars,
    require_simulator,
    work_bar,
    working,
)
from scripts.terminal.names import in_path, on_terminal
from sim.jobs.cache import Cache
from sim.jobs.layers import ChipFailure, RtlLayers
from sim.jobs.network import SideTask, finite, run_network, run_side_by_side
from sim.jobs.workers import ClusterError
from sim.tools.find import SimulatorError

from .quality import warnings

__all__ = ["chosen_layers", "division", "in_rtl", "layer_recordings", "planner_of", "report_of", "rtl_layers",
           "run_model", "warn"]


def warn(text):
    print(f"eyeriss: warning: {on_terminal(text)}", file=sys.stderr)


def run_model(proto, network, feeds, batches, *, name, backend, chip, objective="latency", ofmap="auto", only=None,
              simulator="verilator", energy_table=None, fresh=False, records=None, quantized=None, workers=None,
              oracle=None, look=None) -> tuple[dict, dict]:
    """Calibrate, quantize and run a network, with a progress bar.

    Parameters
    ----------
    batches : list
        To calibrate with.
    only : set of int, optional
        The layers that RTL does, as in `run_network`, like `records`.
    quantized : (dict of int to QuantizedLayer, dict of str to (least, largest)), optional
        The layers in integers and the ranges of the inputs, of an earlier calibration; then `batches` are not used.
    workers : int or str, optional
        With backend "both": the RTL's layers run side by side, as in `run_side_by_side`.
    oracle : dict of str to ndarray, optional
        The outputs of the model in float, where they are known.
    look : callable, optional
        Called with (ChipLayer, what its ofmap stands for) of each layer.

    Returns
    -------
    report : dict
        The object of `eyeriss run --json`.
    outputs : dict of str to ndarray
    """
    energy, planner = planner_of(chip, objective, ofmap, energy_table)
    if backend != "model":
        require_simulator(simulator)
    with working("the network in float"):
        if quantized is None:
            seen, ranges = calibrate(network, batches)
            quantized = quantize(network, seen), ranges
        integers, ranges = quantized
        oracle = run_float(proto, feeds) if oracle is None else oracle
    together = backend == "both" and workers is not None
    taken = {}

    def take(run, task, ofmap):
        layer = run.quantized.layer
        if together and (only is None or layer.index in only):
            taken[layer.index] = SideTask(str(layer), task, ofmap, run.plan.cycles)
        if look:
            look(layer, run.quantized.real_ofmap(ofmap))

    with bars() as shown:
        every = shown.add_task("layers", total=len(network.layers))

        def report(what):
            if isinstance(what, ChipLayer):
                shown.update(every, description=on_terminal(what.name, 30))
            else:
                shown.advance(every)

        rtl = None if backend == "model" else rtl_layers(shown, chip, simulator, fresh, visible=not together)
        try:
            outputs, runs = run_network(network, integers, feeds, planner, rtl=None if together else rtl,
                                        model=backend != "rtl", only=only, records=records, report=report, take=take)
        except ChipFailure as error:
            raise SimulatorError(str(error)) from None
    if together:
        simulated = in_rtl(taken, rtl, workers)
        runs = [replace(run, rtl=simulated.get(run.quantized.layer.index)) for run in runs]
    entries = [entry.as_dict(energy) for entry in runs]
    table = report_of(
        name, backend, simulator, network, chip, feeds, entries, int8=False,
        inputs={key: _outside(value, *ranges[key]) for key, value in feeds.items()},
        outputs={key: _output(oracle[key], value) for key, value in outputs.items()})
    table["warnings"] = warnings(table, network, [run.quantized.layer.index for run in runs])
    for line in table["warnings"]:
        warn(line)
    return table, outputs


def planner_of(chip, objective, ofmap, energy_table):
    """The table that energy is priced by, and the planner of a run; it searches by that table if one is given."""
    energy = load_table(energy_table or DEFAULT)
    prices = energy.prices(chip) if energy_table else None
    return energy, Planner(chip, objective, Cache("mappings"), prices=prices, near=NEAR, form=ofmap)


def report_of(name, backend, simulator, network, chip, feeds, entries, *, int8, inputs, outputs) -> dict:
    """The object of `eyeriss run --json`, but for its warnings, of a network whose layers' objects are `entries`."""
    matches = [entry["rtl"]["match"] for entry in entries if entry["rtl"]]
    return {
        "model": name, "backend": backend, "int8": int8, "chip": chip.name, "core_mhz": chip.core_mhz,
        "link_mhz": chip.link_mhz, "pes": chip.pes, "batch": _batch_of(feeds),
        "simulator": None if backend == "model" else simulator,
        "match": all(matches) if backend == "both" else None, "inputs": inputs, "outputs": outputs,
        "layers": entries, "totals": totals(entries, network, chip, _batch_of(feeds)) | _rtl_totals(entries),
    }


def rtl_layers(shown, chip, simulator, fresh, *, visible=True):
    """Layers on the simulated chip, with a bar of their passes among those `shown`."""
    passes = shown.add_task("passes", total=None, visible=visible)
    return RtlLayers(chip, simulator, fresh=fresh,
                     progress=lambda done, total: shown.update(passes, completed=done, total=total))


def _rtl_totals(entries) -> dict:
    """Sums over the layers that the RTL ran, for the totals of a run."""
    simulated = [entry["rtl"] for entry in entries if entry["rtl"]]
    return {
        "rtl_cycles": sum(entry["cycles"]["total"] for entry in simulated),
        "rtl_configuration_cycles": sum(entry["configuration_cycles"] for entry in simulated),
        "rtl_milliseconds": sum(entry["milliseconds"] for entry in simulated),
        "rtl_power": total_power([entry["power"] for entry in simulated],
                                 sum(entry["layer_macs"] for entry in simulated), None),
    }


def in_rtl(taken, rtl, workers):
    """What the RTL makes of layers that the model ran, side by side, by `index`; with a progress bar."""
    with work_bar("layers in RTL", {index: side.cycles for index, side in taken.items()}) as done:
        try:
            return run_side_by_side(taken, rtl, workers, lambda index, table: done(index, table["kept"]))
        except ChipFailure as error:
            raise SimulatorError(str(error)) from None
        except ClusterError as error:
            raise BadInput(str(error)) from None


def division(total) -> str:
    """What the chip does of a model and what the host, in a line, from the totals of a plan or a run."""
    hosts = ", ".join(f"{count} {kind}" for kind, count in total["host_nodes"].items()) or "nothing"
    if total["chip_share"] is not None:
        share = f"{100 * total['chip_share']:.3g} % of the MACs are on the chip"
    elif total["host_macs"] is None:
        share = f"{total['macs'] / 1e6:.2f} M MACs are on the chip; how many are on the host cannot be told"
    else:
        share = "no MACs are on the chip"
    return f"{share}; on the host: {hosts}"


def chosen_layers(layers, network):
    """Indices of the layers of --layers; None stands for all."""
    if layers is None:
        return None
    known = [layer.name for layer in network.layers]
    names = [name for text in layers for name in _names(text, set(known))]
    for name in names:
        if name not in known:
            raise BadInput(f"--layers: the chip runs no layer {name}; its layers are {', '.join(known)}")
    return {layer.index for layer in network.layers if layer.name in names}


def layer_recordings(network, only, recording):
    """The recording of each layer that is simulated: files of its own, FILE-LAYER, unless it is the only one."""
    layers = [layer for layer in network.layers if only is None or layer.index in only]
    if not recording:
        return {}
    if len(layers) == 1:
        return {layers[0].index: recording}
    return {layer.index: recording.of(f"{layer.index}-{in_path(layer.name)}") for layer in layers}


def _names(text, known):
    """Names of a list A,B, some of which may have commas in them: the longest that are known."""
    parts = text.split(",")
    for count in range(len(parts), 0, -1):
        name, rest = ",".join(parts[:count]), ",".join(parts[count:])
        if name in known or count == 1:
            return [name, *(_names(rest, known) if count < len(parts) else [])]


def _batch_of(feeds):
    """The first size of the first input, or 1 where it has one size at most."""
    first = next(iter(feeds.values()))
    return len(first) if np.ndim(first) > 1 else 1


def _output(reference, found):
    """An output's object in the JSON: noise where it is in float, else how many values differ."""
    reference, found = np.asarray(reference), np.asarray(found)
    real = np.issubdtype(found.dtype, np.floating)
    return {"shape": list(found.shape), "values": found.size,
            "sqnr_db": finite(sqnr_db(reference, found)) if real else None,
            "differing": None if real else int(np.count_nonzero(reference != found))}


def _outside(value, least, largest):
    return {"shape": list(value.shape), "calibrated": [least, largest], "values": value.size,
            "outside": int(np.count_nonzero((value < least) | (value > largest)))}
