"""Networks of 8-bit layers: made of float ones by onnxruntime's quantizer, run and held to onnxruntime's integers."""

import logging
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from compiler.energy.report import counted_power
from compiler.image.int8 import moved
from compiler.mapping.density import Density, density_of
from compiler.onnx.file import GraphError
from compiler.onnx.float_nodes import error_reason
from compiler.onnx.graph import execute
from compiler.onnx.qlinear import run_as_given
from golden.int8 import conv_int8
from scripts.terminal.console import bars, require_simulator
from scripts.terminal.names import on_terminal
from sim.chip.recording import NOTHING
from sim.jobs.layers import ChipFailure, Int8Task
from sim.jobs.network import compared
from sim.tools.find import SimulatorError

from .shared import planner_of, report_of, rtl_layers, warn

__all__ = ["quantized", "run_int8"]


class _Batches(CalibrationDataReader):
    def __init__(self, batches):
        self._left = iter(batches)

    def get_next(self):
        return next(self._left, None)


@contextmanager
def _quiet():
    """Without the advice that the quantizer writes to the log."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def quantized(model, batches) -> onnx.ModelProto:
    """An 8-bit model of a float one by onnxruntime's static quantizer: uint8 tensors, int8 weights, a scale a filter.

    Parameters
    ----------
    batches : iterable of dict of str to ndarray
        What the ranges of the tensors are taken of; each feeds all inputs.

    Raises
    ------
    GraphError
        The quantizer refuses the model.
    """
    with _quiet(), TemporaryDirectory() as folder:
        ready, made = Path(folder) / "ready.onnx", Path(folder) / "int8.onnx"
        try:
            quant_pre_process(model, ready, skip_symbolic_shape=True)
            quantize_static(ready, made, _Batches(batches), per_channel=True, weight_type=QuantType.QInt8,
                            activation_type=QuantType.QUInt8)
        except Exception as error:  # it has no exceptions of its own
            raise GraphError(f"onnxruntime cannot quantize the model: {error_reason(error)}") from None
        return onnx.load(made)


def run_int8(proto, network, feeds, *, name, chip, backend="model", objective="latency", ofmap="auto", only=None,
             simulator="verilator", energy_table=None, fresh=False, records=None):
    """Run a network of 8-bit layers, with a progress bar.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model as it was given.
    network : Network
        Of its 8-bit layers.
    only : set of int, optional
        The layers that RTL does, all by default; the model does the others.

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
    oracle = run_as_given(proto, feeds, network.outputs)
    entries = []
    with bars() as shown:
        every = shown.add_task("layers", total=len(own.layers))
        rtl = None if backend == "model" else rtl_layers(shown, chip, simulator, fresh)

        def simulated(layer, shape, plan, tensors, coded):
            """(ofmap, the object of its run) of a layer in RTL."""
            task = Int8Task(shape, plan.mapping, *tensors, layer.int8, coded)
            try:
                y, table = rtl.run(task, (records or {}).get(layer.index, NOTHING))
            except ChipFailure as error:
                raise SimulatorError(f"{layer}: {error}") from None
            except ValueError as error:
                raise GraphError(f"{layer}: {error}") from None
            return y, table | {"power": counted_power(energy, plan.placement, table["counters"], plan.shape.N)}

        def layer_done(layer, x):
            shown.update(every, description=on_terminal(layer.name, 30))
            forms, shape = layer.int8, layer.shape(x.shape)
            tensors = layer.ifmap(x), layer.filters(), layer.bias
            y, table = conv_int8(*tensors, shape, forms), None
            density = Density(density_of(moved(tensors[0], forms.ifmap)), density_of(moved(y, forms.ofmap)), ofmap)
            plan = planner.plan(layer, shape, density)
            if rtl and (only is None or layer.index in only):
                found, table = simulated(layer, shape, plan, tensors, density.ofmap_coded(chip))
                table |= compared(y if backend == "both" else None, found)
                y = found
            output = layer.output_tensor(y, x.shape)
            zero, least, most = forms.ofmap.zero, forms.ofmap.least, forms.ofmap.most
            entries.append(plan.as_dict(energy) | {
                "formats": {end: {"scale": float(form.scale), "zero": form.zero, "signed": form.signed}
                            for end, form in (("ifmap", forms.ifmap), ("ofmap", forms.ofmap))},
                "values": output.size, "differing": _differing(right[layer.output], output),
                "saturated": float(np.mean((y == most) | (y == least) & (least != zero))), "rtl": table})
            shown.advance(every)
            return output

        outputs = execute(network, feeds, layer_done)
    report = report_of(
        name, backend, simulator, own, chip, feeds, entries, int8=True,
        inputs={key: {"shape": list(value.shape)} for key, value in feeds.items()},
        outputs={key: {"shape": list(value.shape), "values": value.size, "sqnr_db": None,
                       "differing": _differing(oracle[key], value)} for key, value in outputs.items()})
    report["warnings"] = [f"{what}: {entry['differing']} of {entry['values']} values are not onnxruntime's"
                          for what, entry in [(f"layer {entry['layer']}", entry) for entry in entries]
                          + [(f"output {key}", entry) for key, entry in report["outputs"].items()]
                          if entry["differing"]]
    for line in report["warnings"]:
        warn(line)
    return report, outputs


def _differing(right, found) -> int:
    return int(np.count_nonzero((right != found) & ~((right != right) & (found != found))))
