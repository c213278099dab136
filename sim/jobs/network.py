"""A quantized network run layer by layer: by the numpy model, by the chip's RTL, or by both and compared."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compiler.energy.report import counted_power
from compiler.energy.table import EnergyTable
from compiler.mapping.density import Density, density_of
from compiler.onnx.chip_layer import ChipLayer
from compiler.onnx.float_nodes import FloatConv
from compiler.onnx.graph import Network, execute
from compiler.onnx.plan import LayerPlan, Planner
from compiler.onnx.quantize import QuantizedLayer, sqnr_db
from compiler.onnx.rounding import chip_shape
from golden.conv import conv_layer
from golden.tensors import first_difference
from sim.chip.recording import NOTHING, Recording

from .layers import ChipFailure, Int8Task, LayerTask, RtlLayers

__all__ = ["LayerRun", "SideTask", "compared", "finite", "float_outputs", "run_network", "run_side_by_side"]


@dataclass(frozen=True)
class LayerRun:
    """A layer of a network, run.

    Attributes
    ----------
    quantized : QuantizedLayer
    plan : LayerPlan
    saturated, overflowed : float
        Shares of ifmap values and of sums that do not fit their 16 bits.
    sqnr, own_sqnr : float
        In dB, of the output against the float network's, and against a float layer of the same input.
    rtl : dict or None
        The keys of `eyeriss simulate --json`, if the RTL ran it; `match` is None where nothing was compared.
    """

    quantized: QuantizedLayer
    plan: LayerPlan
    saturated: float
    overflowed: float
    sqnr: float
    own_sqnr: float
    rtl: dict[str, Any] | None

    def as_dict(self, energy: EnergyTable) -> dict[str, Any]:
        """The layer's object in the JSON."""
        own, rtl = self.quantized, self.rtl
        if rtl is not None:
            rtl = rtl | {"power": counted_power(energy, self.plan.placement, rtl["counters"], self.plan.shape.N)}
        return self.plan.as_dict(energy) | {
            "fraction_bits": {"ifmap": own.ifmap_bits, "weights": own.weight_bits, "ofmap": own.ofmap_bits},
            "shift": own.shift, "headroom_bits": own.headroom_bits, "saturated": self.saturated,
            "overflowed": self.overflowed, "sqnr_db": finite(self.sqnr), "own_sqnr_db": finite(self.own_sqnr),
            "rtl": rtl}


def finite(decibels: float) -> float | None:
    """A number that JSON can hold: None where there is no noise."""
    return decibels if np.isfinite(decibels) else None


def float_outputs(network: Network, feeds: dict[str, NDArray[Any]]) -> dict[int, NDArray[Any]]:
    """The chip layers' outputs in float, by the layers' `index`."""
    found, conv = {}, FloatConv()

    def chip(layer: ChipLayer, x: NDArray[Any]) -> NDArray[Any]:
        found[layer.index] = _float_layer(conv, layer, x)[1]
        return found[layer.index]

    execute(network, feeds, chip)
    return found


def _float_layer(conv: FloatConv, layer: ChipLayer, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(sums before a ReLU, output) of a layer in float."""
    sums = conv(layer.ifmap(x), layer.filters(), layer.parameters[1], layer.shape(x.shape))
    return sums, layer.output_tensor(np.maximum(sums, 0) if layer.relu else sums, x.shape).astype(x.dtype)


def run_network(
        network: Network, quantized: dict[int, QuantizedLayer], feeds: dict[str, NDArray[Any]], planner: Planner, *,
        rtl: RtlLayers | None = None, model: bool = True, only: Collection[int] | None = None,
        records: Mapping[int, Recording] | None = None,
        report: Callable[[ChipLayer | LayerRun], None] | None = None,
        take: Callable[[LayerRun, LayerTask, NDArray[np.int16]], None] | None = None,
) -> tuple[dict[str, NDArray[Any]], list[LayerRun]]:
    """Run a network in the chip's integers.

    Between the layers tensors are float32, which holds 16-bit fixed point exactly: so the host's nodes get the
    same values whoever computed the layer before them.

    Parameters
    ----------
    quantized : dict of int to QuantizedLayer
    feeds : dict of str to ndarray
    planner : Planner
        Whose mappings the chip runs.
    rtl : RtlLayers, optional
    model : bool
        Compute each layer with the numpy model, and compare the RTL's with it; if False the RTL goes alone.
    only : set of int, optional
        The layers that RTL does, all by default; the model does the others.
    records : dict of int to Recording, optional
        What is recorded of these layers.
    report : callable, optional
        Called with each ChipLayer as it begins, and with its LayerRun when it is done.
    take : callable, optional
        Called with each layer that is done: what it was, what it was computed from, and its ofmap.

    Returns
    -------
    outputs : dict of str to ndarray
    runs : list of LayerRun
    """
    floats, conv, runs = float_outputs(network, feeds), FloatConv(), []

    def chip(layer: ChipLayer, x: NDArray[Any]) -> NDArray[Any]:
        own = quantized[layer.index]
        if report:
            report(layer)
        shape = chip_shape(layer, layer.shape(x.shape))
        tensors, saturated = own.tensors(layer.ifmap(x))
        expected = found = table = None
        simulated = rtl if only is None or layer.index in only else None
        if model or simulated is None:
            expected = found = conv_layer(*tensors, shape, shift=own.shift, relu=layer.relu)
        # the zeros of the float network's ofmap, which is there whoever computes the layer
        ofmap = density_of(np.rint(np.ldexp(floats[layer.index], own.ofmap_bits)))
        density = Density(density_of(tensors.ifmap), ofmap, planner.form, density_of(tensors.weights))
        plan = planner.plan(layer, layer.shape(x.shape), density)
        task = LayerTask(shape, plan.mapping, tensors, own.shift, layer.relu,
                         density.ofmap_coded(planner.chip))
        if simulated is not None:
            try:
                found, table = simulated.run(task, (records or {}).get(layer.index, NOTHING))
            except ChipFailure as error:
                raise ChipFailure(f"{layer}: {error}") from None
            table |= compared(expected, found)
        sums, alone = _float_layer(conv, layer, x)
        assert found is not None
        y = layer.output_tensor(own.real_ofmap(found), x.shape).astype(x.dtype)
        runs.append(LayerRun(own, plan, saturated / x.size, own.overflows(sums) / sums.size,
                             sqnr_db(floats[layer.index], y), sqnr_db(alone, y), table))
        if take:
            take(runs[-1], task, found)
        if report:
            report(runs[-1])
        return y

    return execute(network, feeds, chip), runs


class SideTask(NamedTuple):
    """A layer that the model ran, and the RTL is to run.

    Attributes
    ----------
    name : str
        What messages call it.
    task : LayerTask or Int8Task
    ofmap : ndarray
        The model's.
    cycles : float
        As planned.
    """

    name: str
    task: LayerTask | Int8Task
    ofmap: NDArray[Any]
    cycles: float


def run_side_by_side(taken: Mapping[int, SideTask], rtl: RtlLayers, workers: int | str,
                     report: Callable[[int, dict[str, Any]], None]) -> dict[int, dict[str, Any]]:
    """Layers that the model ran, on the simulated chip: side by side, as the model gave each one's tensors.

    Parameters
    ----------
    taken : mapping of int to SideTask
        By the layers' `index`.
    workers : int or str
        As in `sim.jobs.workers.executor`.
    report : callable
        Called with (index, object of its run) of each layer that the RTL has done.

    Returns
    -------
    dict of int to dict
        The objects of the runs, each compared with the model.
    """
    longest = sorted(taken, key=lambda index: -taken[index].cycles)  # first: no worker is left alone with one
    done: dict[int, dict[str, Any]] = {}

    def ended(place: int, result: tuple[NDArray[Any], dict[str, Any]]) -> None:
        index, (found, table) = longest[place], result
        done[index] = table | compared(taken[index].ofmap, found)
        report(index, done[index])

    rtl.run_all([(taken[index].name, taken[index].task) for index in longest], workers, ended)
    return done


def compared(expected: NDArray[Any] | None, found: NDArray[Any]) -> dict[str, Any]:
    """Whether an ofmap of the RTL is the model's, as keys of its object; None stands for nothing to compare with."""
    if expected is None:
        return {"match": None, "mismatches": None}
    difference = first_difference(expected, found)
    return {"match": difference is None, "mismatches": int(difference.count) if difference else 0}
