"""Networks of 8-bit layers: made of float ones by onnxruntime's quantizer, run and held to onnxruntime's integers."""

import logging
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from compiler.energy.table import DEFAULT, load_table
from compiler.mapping.density import Density, density_of
from compiler.onnx.file import GraphError
from compiler.onnx.float_nodes import error_reason
from compiler.onnx.graph import execute
from compiler.onnx.plan import NEAR, Planner, totals
from compiler.onnx.qlinear import run_as_given
from golden.int8 import conv_int8
from scripts.terminal.console import bars
from scripts.terminal.names import on_terminal
from sim.jobs.cache import Cache

from .shared import batch_of, warn

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


def run_int8(proto, network, feeds, *, name, chip, objective="latency", ofmap="auto", energy_table=None):
    """Run a network of 8-bit layers by the numpy model, with a progress bar.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model as it was given.
    network : Network
        Of its 8-bit layers.

    Returns
    -------
    report : dict
        The object of `eyeriss run --json`.
    outputs : dict of str to ndarray
    """
    energy = load_table(energy_table or DEFAULT)
    prices = energy.prices(chip.core_mhz) if energy_table else None
    planner = Planner(chip, objective, Cache("mappings"), prices=prices, near=NEAR, form=ofmap)
    own = network.fed(feeds)
    names = [layer.output for layer in own.layers]
    right = run_as_given(own.fused, feeds, names) if names else {}
    oracle = run_as_given(proto, feeds, network.outputs)
    entries = []
    with bars() as shown:
        every = shown.add_task("layers", total=len(own.layers))

        def layer_done(layer, x):
            shown.update(every, description=on_terminal(layer.name, 30))
            shape, ifmap = layer.shape(x.shape), layer.ifmap(x)
            y = conv_int8(ifmap, layer.filters(), layer.bias, shape, layer.int8)
            zero, least, most = layer.int8.ofmap.zero, layer.int8.ofmap.least, layer.int8.ofmap.most
            density = Density(density_of(ifmap.astype(int) - layer.int8.ifmap.zero), density_of(y.astype(int) - zero),
                              ofmap)
            output = layer.output_tensor(y, x.shape)
            entries.append(planner.plan(layer, shape, density).as_dict(energy) | {
                "formats": {end: {"scale": float(form.scale), "zero": form.zero, "signed": form.signed}
                            for end, form in (("ifmap", layer.int8.ifmap), ("ofmap", layer.int8.ofmap))},
                "values": output.size, "differing": _differing(right[layer.output], output),
                "saturated": float(np.mean((y == most) | (y == least) & (least != zero))), "rtl": None})
            shown.advance(every)
            return output

        outputs = execute(network, feeds, layer_done)
    report = {
        "model": name, "backend": "model", "int8": True, "chip": chip.name, "core_mhz": chip.core_mhz,
        "link_mhz": chip.link_mhz, "pes": chip.pes, "batch": batch_of(feeds), "simulator": None, "match": None,
        "inputs": {key: {"shape": list(value.shape)} for key, value in feeds.items()},
        "outputs": {key: {"shape": list(value.shape), "values": value.size, "sqnr_db": None,
                          "differing": _differing(oracle[key], value)} for key, value in outputs.items()},
        "layers": entries, "totals": totals(entries, own, chip, batch_of(feeds)) | {"rtl_cycles": 0},
    }
    report["warnings"] = [f"{what}: {entry['differing']} of {entry['values']} values are not onnxruntime's"
                          for what, entry in [(f"layer {entry['layer']}", entry) for entry in entries]
                          + [(f"output {key}", entry) for key, entry in report["outputs"].items()]
                          if entry["differing"]]
    for line in report["warnings"]:
        warn(line)
    return report, outputs


def _differing(right, found) -> int:
    return int(np.count_nonzero((right != found) & ~((right != right) & (found != found))))
