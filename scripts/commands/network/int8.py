"""Networks of 8-bit layers, run and held to onnxruntime's integers."""

import numpy as np

from compiler.energy.report import counted_power
from compiler.image.int8 import moved
from compiler.mapping.density import Density, density_of
from compiler.onnx.file import GraphError
from compiler.onnx.graph import execute
from compiler.onnx.qlinear import run_as_given
from golden.int8 import conv_int8
from scripts.terminal.console import bars, require_simulator
from scripts.terminal.names import on_terminal
from sim.chip.recording import NOTHING
from sim.jobs.layers import ChipFailure, Int8Task
from sim.jobs.network import SideTask, compared
from sim.tools.find import SimulatorError

from .shared import in_rtl, planner_of, report_of, rtl_layers, warn

__all__ = ["run_int8"]


def run_int8(proto, network, feeds, *, name, chip, backend="model", objective="latency", ofmap="auto", only=None,
             simulator="verilator", energy_table=None, fresh=False, records=None, workers=None, oracle=None,
             look=None):
    """Run a network of 8-bit layers, with a progress bar.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model as it was given.
    network : Network
        Of its 8-bit layers.
    only : set of int, optional
        The layers that RTL does, all by default; the model does the others.
    workers, look : optional
        As in `run_model`.
    oracle : dict of str to ndarray, optional
        The outputs of the model as onnxruntime runs it, where they are known.

    Returns
    -------
    report : dict
        The object of `eyeriss run --json`.
    outputs : dict of str to ndarray
    """
    if backend != "model":
        require_simulator(simulator)
    energy, planner = planner_of(chip, objective, ofmap, energy_table)
    own = network.fed(feeds)
    names = [layer.output for layer in own.layers]
    right = run_as_given(own.fused, feeds, names) if names else {}
    oracle = run_as_given(proto, feeds, network.outputs) if oracle is None else oracle
    together = backend == "both" and workers is not None
    entries, plans, taken = {}, {}, {}
    with bars() as shown:
        every = shown.add_task("layers", total=len(own.layers))
        rtl = None if backend == "model" else rtl_layers(shown, chip, simulator, fresh, visible=not together)

        def simulated(layer, task):
            """(ofmap, the object of its run) of a layer in RTL."""
            try:
                return rtl.run(task, (records or {}).get(layer.index, NOTHING))
            except ChipFailure as error:
                raise SimulatorError(f"{layer}: {error}") from None
            except ValueError as error:
                raise GraphError(f"{layer}: {error}") from None

        def layer_done(layer, x):
            shown.update(every, description=on_terminal(layer.name, 30))
            forms, shape = layer.int8, layer.shape(x.shape)
            tensors = layer.ifmap(x), layer.filters(), layer.bias
            y, table = conv_int8(*tensors, shape, forms), None
            density = Density(density_of(moved(tensors[0], forms.ifmap)), density_of(moved(y, forms.ofmap)), ofmap,
                              density_of(tensors[1]))
            plan = planner.plan(layer, shape, density)
            if rtl and (only is None or layer.index in only):
                task = Int8Task(shape, plan.mapping, *tensors, forms, density.ofmap_coded(chip))
                if together:
                    taken[layer.index] = SideTask(str(layer), task, y, plan.cycles)
                else:
                    found, table = simulated(layer, task)
                    table |= compared(y if backend == "both" else None, found)
                    y = found
            output = layer.output_tensor(y, x.shape)
            if look:
                look(layer, forms.ofmap.scale * (y.astype(np.float32) - forms.ofmap.zero))
            plans[layer.index] = plan
            entries[layer.index] = plan.as_dict(energy) | _formats(forms, y) | {
                "values": output.size, "differing": _differing(right[layer.output], output), "rtl": table}
            shown.advance(every)
            return output

        outputs = execute(network, feeds, layer_done)
    if together:
        for index, table in in_rtl(taken, rtl, workers).items():
            entries[index]["rtl"] = table
    for index, entry in entries.items():
        if table := entry["rtl"]:
            table["power"] = counted_power(energy, plans[index].placement, table["counters"], plans[index].shape.N)
    report = report_of(
        name, backend, simulator, own, chip, feeds, list(entries.values()), int8=True,
        inputs={key: {"shape": list(value.shape)} for key, value in feeds.items()},
        outputs={key: {"shape": list(value.shape), "values": value.size, "sqnr_db": None,
                       "differing": _differing(oracle[key], value)} for key, value in outputs.items()})
    report["warnings"] = [f"{what}: {entry['differing']} of {entry['values']} values are not onnxruntime's"
                          for what, entry in [(f"layer {entry['layer']}", entry) for entry in entries.values()]
                          + [(f"output {key}", entry) for key, entry in report["outputs"].items()]
                          if entry["differing"]]
    for line in report["warnings"]:
        warn(line)
    return report, outputs


def _formats(forms, y):
    """What the integers of a layer stand for, and the share of its ofmap that is at an end of its range."""
    zero, least, most = forms.ofmap.zero, forms.ofmap.least, forms.ofmap.most
    return {"formats": {end: {"scale": float(form.scale), "zero": form.zero, "signed": form.signed}
                        for end, form in (("ifmap", forms.ifmap), ("ofmap", forms.ofmap))},
            "saturated": float(np.mean((y == most) | (y == least) & (least != zero)))}


def _differing(right, found) -> int:
    return int(np.count_nonzero((right != found) & ~((right != right) & (found != found))))
