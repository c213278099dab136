"""Fig. 17: AlexNet's frames a second and efficiency over the voltage."""

from dataclasses import dataclass

import numpy as np

from compiler.paper.networks import benchmark_layers
from compiler.paper.published import FIG_17, MEASURED
from hw.config import PRESETS

from .fit import mapped_actions
from .report import energy_of
from .table import EnergyTable

__all__ = ["OperatingPoint", "operating_point"]

CHIP = PRESETS["eyeriss"]
LOW, HIGH = FIG_17["best_efficiency"], FIG_17["best_throughput"]
LINK_MHZ_MOST = 90  # Table IV; taken to be reached with the core's highest clock


@dataclass(frozen=True)
class OperatingPoint:
    """AlexNet at a voltage; clocks in MHz, as fast as the voltage allows."""

    volts: float
    core_mhz: float
    link_mhz: float
    frames_per_second: float
    gmacs_per_watt: float
    milliwatts: float


def operating_point(table: EnergyTable, volts: float) -> OperatingPoint:
    """AlexNet by the paper's mappings; clocks are interpolated between the three that are published.

    100 MHz at 0.82 V, 200 MHz at 1 V, 250 MHz at 1.17 V; the link has 60 MHz up to 1 V. What the paper calls
    processing goes by the core's clock, the rest by the link's.

    Raises
    ------
    ValueError
        A voltage outside of 0.82 to 1.17 V.
    """
    if not LOW["volts"] <= volts <= HIGH["volts"]:
        raise ValueError(f"volts must be {LOW['volts']} to {HIGH['volts']}, not {volts!r}")
    known = [LOW["volts"], 1.0, HIGH["volts"]]
    core = float(np.interp(volts, known, [LOW["core_mhz"], CHIP.core_mhz, HIGH["core_mhz"]]))
    link = float(np.interp(volts, known, [CHIP.link_mhz, CHIP.link_mhz, LINK_MHZ_MOST]))
    priced, energy, seconds, macs, frames = table.at(volts), 0.0, 0.0, 0, 0
    for layer in benchmark_layers("alexnet"):
        columns = MEASURED[layer.name]
        milliseconds = (columns["processing_ms"] * CHIP.core_mhz / core
                        + (columns["total_ms"] - columns["processing_ms"]) * CHIP.link_mhz / link)
        actions = mapped_actions(layer)
        longer = milliseconds * core * 1e3 / actions["core_cycle"]
        actions |= {name: longer * actions[name] for name in ("core_cycle", "pe_cycle", "idle_pe_cycle")}
        found = energy_of(priced, actions, core)
        energy += found.total / 1e12
        seconds += found.seconds
        macs += layer.shape.macs
        frames = layer.shape.N
    return OperatingPoint(volts, core, link, frames / seconds, macs / 1e9 / energy, 1e3 * energy / seconds)
