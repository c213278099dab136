"""Plans a network on the chip: a mapping and its costs for each layer, and their sums."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from compiler.energy.report import planned_power, total_power
from compiler.energy.table import EnergyTable
from compiler.mapping.cost import RESOURCES, Costs, costs
from compiler.mapping.density import Density
from compiler.mapping.energy import Prices
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping, MappingError
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping, timed_costs
from golden.layer import LayerShape
from hw.config import ChipConfig, configuration_cycles

from .chip_layer import ChipLayer
from .file import GraphError
from .graph import Network
from .rounding import chip_shape

__all__ = ["NEAR", "LayerPlan", "Planner", "layer_densities", "plan_network", "totals", "unplanned"]

NEAR = 0.06  # densities of one network's tensors for photos alike
ROUNDING = 1e-9  # of a difference of two densities, which have two decimals


@dataclass(frozen=True)
class LayerPlan:
    """A layer's mapping and costs.

    Attributes
    ----------
    index : int
        The layer's place in the network, as in ChipLayer.
    name : str
    folded : tuple of str
        Operators that were folded into it, in order.
    shape : LayerShape
        The network's own.
    mapped : LayerShape
        The shape that the chip runs: with rounding channels, see `compiler.onnx.rounding`.
    mapping : Mapping
    costs : Costs
        Cycles by the timeline.
    density : Density
        That the costs are of.
    chip : ChipConfig
    """

    index: int
    name: str
    folded: tuple[str, ...]
    shape: LayerShape
    mapped: LayerShape
    mapping: Mapping
    costs: Costs[float]
    density: Density
    chip: ChipConfig

    @property
    def placement(self) -> Placement:
        return Placement(lower(self.mapped, self.chip), self.mapping, self.chip)

    @property
    def cycles(self) -> int:
        """Of all jobs."""
        return int(self.costs.cycles)

    @property
    def configuration_cycles(self) -> int:
        """Of all jobs: each is configured separately, and the chip is idle in that time."""
        return self.placement.jobs * configuration_cycles(self.chip)

    def as_dict(self, energy: EnergyTable) -> dict[str, Any]:
        """A layer's object in the JSON: bytes for words, all jobs together."""
        found, placement = self.costs, self.placement
        raw = costs(placement).dram

        def by_kind(words: dict[str, float]) -> dict[str, int]:
            return {name: int(8 * count) for name, count in words.items()}

        return {
            "layer": self.name, "node": self.index, "folded": list(self.folded), "shape": str(self.shape),
            "macs": self.shape.macs,
            "jobs": placement.jobs, "mapped_channels": self.mapped.C, "mapping": self.mapping.as_dict(),
            "active_pes": placement.active_pes, "cycles": self.cycles,
            "configuration_cycles": self.configuration_cycles,
            "milliseconds": (self.cycles + self.configuration_cycles) / self.chip.core_mhz / 1e3,
            "utilization": self.shape.macs / self.cycles / self.chip.pes, "binding": found.binding(),
            "cycles_by_resource": {name: int(found.by_resource[name]) for name in RESOURCES},
            "passes": int(found.passes), "glb_bytes": by_kind(found.glb), "dram_bytes": by_kind(found.dram),
            "dram_raw_bytes": by_kind(raw), "energy": float(found.energy),
            "power": planned_power(energy, placement, found, self.density, macs=self.shape.macs),
        }


class Kept(Protocol):
    """Where results are kept: what `Planner` needs of a `sim.jobs.cache.Cache`."""

    def key(self, *subject: Any) -> str: ...

    def get(self, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None: ...

    def put(self, name: str, table: dict[str, Any]) -> None: ...


class Planner:
    """Finds mappings; equal layers are searched once, and found ones stay on disk.

    Parameters
    ----------
    chip : ChipConfig
    objective : str
        See `compiler.mapping.search`.
    kept : Kept
        For the mappings that were found.
    prices : Prices, optional
        What the search goes by; ratios by default.
    near : float
        A mapping that was found for densities this close is taken, instead of a search for the very ones; its
        cycles are always those of the densities themselves.
    form : str
        How ofmaps lie in DRAM, see `Density`.
    """

    def __init__(self, chip: ChipConfig, objective: str, kept: Kept, *, prices: Prices | None = None,
                 near: float = 0.0, form: str = "auto") -> None:
        self.chip, self.form, self._objective, self._kept, self._near = chip, form, objective, kept, near
        self._prices = prices or Prices()

    def plan(self, layer: ChipLayer, shape: LayerShape, density: Density) -> LayerPlan:
        """The best mapping of a layer.

        Raises
        ------
        GraphError
            None fits: names the layer and the resource.
        """
        mapped = shape if self.chip.data_width == 8 else chip_shape(layer, shape)
        weight = round(density.weight, 2) if self.chip.coded_weights else 1.0
        rounded = Density(round(density.ifmap, 2), round(density.ofmap, 2), self.form, weight)
        key = self._kept.key(mapped, self.chip, self._objective, self._prices, self.form, weight)
        native = lower(mapped, self.chip)
        table, _ = self._kept.get(key) or ({"found": []}, {})
        entry = self._nearest(table["found"], rounded)
        if entry is None:
            try:
                found = find_mapping(native, self.chip, objective=self._objective, density=rounded,
                                     energy=self._prices)
            except MappingError as error:
                raise GraphError(f"{layer}: {error}") from None
            entry = {"density": [rounded.ifmap, rounded.ofmap], "mapping": found.as_dict(), "cycles": {}}
            table["found"].append(entry)
        found, at = Mapping(**entry["mapping"]), f"{rounded.ifmap:.2f} {rounded.ofmap:.2f}"
        if at not in entry["cycles"]:
            entry["cycles"][at] = float(timed_costs(native, self.chip, found, rounded).cycles)
            self._kept.put(key, table)
        timed = replace(costs(Placement(native, found, self.chip), rounded), cycles=entry["cycles"][at])
        return LayerPlan(layer.index, layer.name, layer.folded, shape, mapped, found, timed, rounded, self.chip)

    def _nearest(self, entries: list[dict[str, Any]], density: Density) -> dict[str, Any] | None:
        """The entry whose mapping was found for the densities closest to these, if they are close enough."""
        def distance(entry: dict[str, Any]) -> float:
            ifmap, ofmap = entry["density"]
            return max(abs(ifmap - density.ifmap), abs(ofmap - density.ofmap))

        nearest = min(entries, key=distance, default=None)
        return nearest if nearest and distance(nearest) <= self._near + ROUNDING else None


def layer_densities(network: Network, zeros: float, weight_zeros: float = 0.0) -> dict[int, Density]:
    """Expected densities of each layer's tensors, by `index`: `zeros` of what comes from a ReLU is zero.

    Host nodes that keep zeros, such as pooling, keep a ReLU's; what joins several tensors does if they all are.
    """
    after_relu: set[str] = set()
    for step in network.steps:
        if isinstance(step, ChipLayer):
            after_relu.update({step.output} if step.relu else ())
        elif step.rectifies or step.node.op_type in _KEEP_ZEROS and after_relu.issuperset(step.inputs):
            after_relu.update(step.outputs)
    return {layer.index: Density(1 - zeros * (layer.input in after_relu), 1 - zeros * layer.relu,
                                 weight=1 - weight_zeros)
            for layer in network.layers}


_KEEP_ZEROS = ("Clip", "Concat", "Dropout", "Flatten", "Identity", "LRN", "MaxPool", "Reshape", "Transpose")


def plan_network(network: Network, planner: Planner, *, zeros: float = 0.0, weight_zeros: float = 0.0,
                 report: Callable[[ChipLayer], None] | None = None) -> list[LayerPlan]:
    """Plans of the chip's layers whose sizes follow from those of the model's inputs; see `unplanned`.

    Parameters
    ----------
    zeros : float
        Fraction of zeros in what comes from a ReLU.
    weight_zeros : float
        Fraction of zeros in weights.
    report : callable, optional
        Called with each layer before it is planned.

    Raises
    ------
    GraphError
        A layer that fits no mapping.
    """
    densities, plans = layer_densities(network, zeros, weight_zeros), []
    left = {layer.index for layer in unplanned(network)}
    for layer in network.layers:
        if layer.index in left:
            continue
        if report:
            report(layer)
        plans.append(planner.plan(layer, layer.shape(network.dims[layer.input]), densities[layer.index]))
    return plans


def unplanned(network: Network) -> list[ChipLayer]:
    """The layers that only a run can tell the sizes of, and those whose input is empty."""
    return [layer for layer in network.layers if 0 in network.dims.get(layer.input, (0,))]


def totals(entries: list[dict[str, Any]], network: Network, chip: ChipConfig, batch: int) -> dict[str, Any]:
    """Sums of the layers' objects; host nodes are counted by operator, and their MACs summed."""
    cycles, configuration, macs = (sum(entry[name] for entry in entries)
                                   for name in ("cycles", "configuration_cycles", "macs"))
    busy = cycles + configuration
    hosts = sorted((step for step in network.steps if not isinstance(step, ChipLayer)),
                   key=lambda step: -(step.macs or 0))
    counted = [step.macs for step in hosts if step.macs is not None]
    host_macs = sum(counted) if len(counted) == len(hosts) else None
    return {
        "layers": len(entries), "macs": macs, "macs_per_frame": macs / batch, "cycles": cycles,
        "configuration_cycles": configuration, "milliseconds": busy / chip.core_mhz / 1e3,
        "frames_per_second": batch * chip.core_mhz * 1e6 / busy if busy else None,
        "utilization": macs / cycles / chip.pes if cycles else None,
        "glb_bytes": sum(sum(entry["glb_bytes"].values()) for entry in entries),
        "dram_bytes": sum(sum(entry["dram_bytes"].values()) for entry in entries),
        "energy": sum(entry["energy"] for entry in entries),
        "power": total_power([entry["power"] for entry in entries], macs, batch),
        "bound_by": dict(Counter(entry["binding"] for entry in entries)),
        "host_nodes": dict(Counter(node.node.op_type for node in hosts)), "host_macs": host_macs,
        "unplanned": [{"layer": layer.name, "node": layer.index} for layer in unplanned(network)],
        "chip_share": macs / (macs + host_macs) if host_macs is not None and macs + host_macs else None,
    }
