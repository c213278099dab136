"""The 65 nm table: fitted to AlexNet's five measured layers, tested on VGG-16's thirteen.

The paper gives the power of whole layers. What one does of it is told apart by how the layers differ: five powers for
a few parameters, each with a meaning; ratios between accesses are those of the row-stationary evaluation (ISCA 2016).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from compiler.mapping.cost import costs
from compiler.mapping.density import Density, inside
from compiler.mapping.geometry import Geometry
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.paper.networks import BenchmarkLayer, benchmark_layers
from compiler.paper.published import FIG_17, MEASURED, PAPER_MAPPINGS
from hw.config import PRESETS

from .actions import ACTIONS, Layout, count_actions, planned_counters
from .report import energy_of
from .table import LEAKAGE_EXPONENT, EnergyTable

__all__ = ["PARAMETERS", "PE_AREA", "Prediction", "column_actions", "fit", "fitted_table", "mapped_actions",
           "predictions"]

CHIP = PRESETS["eyeriss"]
VALUES = 4  # of a 64-bit word
MAC = 1.0  # energy of accesses in MACs, by the ISCA 2016 evaluation; of 16-bit values
SPAD, NOC, GLB, DRAM = 1.0, 2.0, 6.0, 200.0

# Shares of the core's area, by which the clock's energy is told apart. Fig. 15: the spads are nearly half of the
# core, 2.5 times the GLB, both together two thirds; the rest is logic, of which our synthesis (docs/silicon.md) has
# 83.8 % in the PEs.
STORAGE, SPADS_TO_GLB, PE_LOGIC = 2 / 3, 2.5, 0.838
PE_AREA = STORAGE * SPADS_TO_GLB / (1 + SPADS_TO_GLB) + (1 - STORAGE) * PE_LOGIC

KINDS = ("ifmap", "filter", "psum")

#: Parameter -> what it is.
PARAMETERS = {
    "clock": "a core cycle of the whole clock, PEs by their share of the area; those not used have none",
    "access": "a MAC, or an access of a spad; networks 2, GLB 6 a value",
    "gated_mac": "a MAC that is gated", "hop": "a psum from PE to PE", "link": "a 64-bit word over the link",
}


def _prices(pe_area: float) -> dict[str, dict[str, float]]:
    """Parameter -> action -> how many of the parameter it costs."""
    ways = [(kind, way) for kind in KINDS for way in ("read", "write")]
    return {
        "clock": {"core_cycle": 1 - pe_area, "pe_cycle": pe_area / CHIP.pes},
        "access": {"mac": MAC, **{f"{kind}_spad_{way}": SPAD for kind, way in ways},
                   **{f"noc_{kind}": NOC for kind in KINDS},
                   **{f"glb_{kind}_{way}": VALUES * GLB for kind, way in ways}},
        "gated_mac": {"mac_gated": 1.0}, "hop": {"psum_hop": 1.0}, "link": {f"link_{kind}": 1.0 for kind in KINDS},
    }


@dataclass(frozen=True)
class Prediction:
    """A layer's measured power, and what a table makes of it.

    Attributes
    ----------
    layer : str
    measured, predicted : float
        mW.
    parts : dict of str to float
        mW of each part of the chip.
    fitted : bool
        Whether the fit has seen the layer.
    gating_saves : float
        Share of the PEs' power that they would take without gating.
    """

    layer: str
    measured: float
    predicted: float
    parts: dict[str, float]
    fitted: bool
    gating_saves: float

    @property
    def error(self) -> float:
        """Relative."""
        return self.predicted / self.measured - 1


def _measured_cycles(layer: str) -> float:
    return MEASURED[layer]["total_ms"] * CHIP.core_mhz * 1e3


def _measured_dram(layer: str) -> float:
    """64-bit words."""
    return MEASURED[layer]["dram_MB"] * 1e6 / 8


def mapped_actions(layer: BenchmarkLayer) -> dict[str, float]:
    """Actions of a layer with the paper's mapping; time and DRAM words as measured."""
    mapping, density = Mapping(**PAPER_MAPPINGS[layer.name]), Density(1 - layer.zeros, 1 - layer.ofmap_zeros)
    native = lower(layer.shape, CHIP)
    geometry = Geometry(native, CHIP, mapping.cut_to(native))
    counters = planned_counters(geometry, costs(geometry, density), density)
    words = sum(counters[f"dram_{kind}"] for kind in ("ifmap", "filter", "bias", "ofmap"))
    scale = _measured_dram(layer.name) / words
    counters |= {name: count * scale for name, count in counters.items() if name.startswith("dram_")}
    return count_actions(Layout.of(geometry), counters | {"cycles": _measured_cycles(layer.name)})


def column_actions(layer: BenchmarkLayer) -> dict[str, float]:
    """Actions of a layer from the columns of its table alone, where no mapping is published.

    All GLB words count as psums, and cross a network once. Words that only the mapping tells stay 0: values that PEs
    receive, psums from PE to PE, and filters, which Table VI's GLB bytes have not.
    """
    columns, cycles, words = MEASURED[layer.name], _measured_cycles(layer.name), _measured_dram(layer.name)
    live = layer.shape.macs * (1 - layer.zeros) * inside(layer.shape)
    glb = columns["glb_MB"] * 1e6 / 8
    return dict.fromkeys(ACTIONS, 0.0) | {
        "mac": live, "mac_gated": layer.shape.macs - live,
        "ifmap_spad_read": live, "filter_spad_read": live, "psum_spad_read": live, "psum_spad_write": live,
        "noc_psum": VALUES * glb, "glb_psum_read": glb, "link_psum": words, "dram_psum": words,
        "core_cycle": cycles, "pe_cycle": cycles * columns["active_pes"],
        "idle_pe_cycle": cycles * (CHIP.pes - columns["active_pes"]),
    }


def leakage_mw() -> float:
    """Leakage at 1 V, from Fig. 17: how much less than by the square of the voltage a MAC takes at 0.82 V.

    There the core has 100 MHz, so a frame takes longer; what waits for the link (60 MHz) does not. AlexNet's layers.
    """
    layers = [columns for name, columns in MEASURED.items() if name.startswith("alexnet/")]
    total, processing = (sum(columns[name] for columns in layers) for name in ("total_ms", "processing_ms"))
    volts, mhz = FIG_17["best_efficiency"]["volts"], FIG_17["best_efficiency"]["core_mhz"]
    longer = (processing * CHIP.core_mhz / mhz + total - processing) / total
    energy = sum(columns["power_mW"] * columns["total_ms"] for columns in layers)
    macs = sum(layer.shape.macs for layer in benchmark_layers("alexnet"))
    at_one_volt = energy / macs * 1e6  # pJ a MAC
    share = (1e3 / FIG_17["best_efficiency"]["gmacs_per_watt"] / at_one_volt - volts**2) / (
        longer * volts**LEAKAGE_EXPONENT - volts**2)
    return max(0.0, share) * energy / total


def fit(pe_area: float = PE_AREA) -> dict[str, float]:
    """The parameters in pJ: least squares of AlexNet's relative errors, none negative.

    Parameters
    ----------
    pe_area : float
        Share of the clock's energy that is the PEs'.
    """
    layers, leakage = benchmark_layers("alexnet"), leakage_mw()
    rows, rest = [], []
    for layer in layers:
        columns, actions = MEASURED[layer.name], mapped_actions(layer)
        energy = columns["power_mW"] * columns["total_ms"] * 1e6  # pJ
        rows.append([sum(weight * actions[name] for name, weight in prices.items()) / energy
                     for prices in _prices(pe_area).values()])
        rest.append(1 - leakage / columns["power_mW"])
    return dict(zip(PARAMETERS, _least_squares(np.array(rows), np.array(rest)).tolist(), strict=True))


def _least_squares(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The x without negative entries that minimises |matrix x - target|: the best of all sets of positive entries."""
    best, least = np.zeros(matrix.shape[1]), float(target @ target)
    for count in range(1, matrix.shape[1] + 1):
        for chosen in map(list, combinations(range(matrix.shape[1]), count)):
            found = np.linalg.lstsq(matrix[:, chosen], target, rcond=None)[0]
            residual = matrix[:, chosen] @ found - target
            if (found >= 0).all() and residual @ residual < least:
                best, least = np.zeros(matrix.shape[1]), float(residual @ residual)
                best[chosen] = found
    return best


def fitted_table(parameters: dict[str, float], pe_area: float = PE_AREA) -> EnergyTable:
    """The 65 nm table of fitted parameters; DRAM by the ISCA 2016 ratio, idle PEs' clocks are gated."""
    pj = dict.fromkeys(ACTIONS, 0.0) | {f"dram_{kind}": VALUES * DRAM * parameters["access"]
                                        for kind in KINDS}
    for name, prices in _prices(pe_area).items():
        for action, weight in prices.items():
            pj[action] += weight * parameters[name]
    return EnergyTable("65nm", "65 nm, 1 V: fitted to the measured power of AlexNet's five layers", 1.0,
                       round(leakage_mw(), 3), {action: round(price, 4) for action, price in pj.items()})


def predictions(table: EnergyTable) -> list[Prediction]:
    """AlexNet's layers by the paper's mappings, VGG-16's by the columns of Table VI."""
    found = []
    for network, actions_of in (("alexnet", mapped_actions), ("vgg16", column_actions)):
        for layer in benchmark_layers(network):
            actions = actions_of(layer)
            energy = energy_of(table, actions, CHIP.core_mhz)
            per_mw = 1e9 * energy.seconds
            parts = {part: pj / per_mw for part, pj in energy.parts.items() if part != "dram"}
            found.append(Prediction(layer.name, MEASURED[layer.name]["power_mW"], energy.total / per_mw, parts,
                                    network == "alexnet", _gating_saves(table, actions)))
    return found


def _gating_saves(table: EnergyTable, actions: dict[str, float]) -> float:
    in_pes = [name for name, action in ACTIONS.items() if action.part in ("alu", "spads")] + ["pe_cycle"]
    power = sum(table.pj[name] * actions[name] for name in in_pes)
    of_a_mac = ("mac", "ifmap_spad_read", "filter_spad_read", "psum_spad_read", "psum_spad_write")
    saved = actions["mac_gated"] * (sum(table.pj[name] for name in of_a_mac) - table.pj["mac_gated"])
    return saved / (power + saved)
