"""Actions times prices: energy by part and by data type, and the figures that chips are compared by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compiler.mapping.cost import Costs
from compiler.mapping.density import Density
from compiler.mapping.geometry import Geometry

from .actions import ACTIONS, DATA, PARTS, Layout, count_actions, planned_counters
from .table import EnergyTable

__all__ = ["Energy", "counted_power", "energy_of", "planned_power", "power_report", "total_power"]


@dataclass(frozen=True)
class Energy:
    """Energy of a layer.

    Attributes
    ----------
    by_action : dict of str to float
        pJ of each action.
    leakage : float
        pJ of leakage in the layer's time.
    seconds : float
        From start to done.
    """

    by_action: dict[str, float]
    leakage: float
    seconds: float

    @property
    def parts(self) -> dict[str, float]:
        """pJ of each part, DRAM included."""
        found = dict.fromkeys(PARTS, 0.0) | {"leakage": self.leakage}
        for action, energy in self.by_action.items():
            found[ACTIONS[action].part] += energy
        return found

    @property
    def data(self) -> dict[str, float]:
        """pJ of moving each data type on the chip; `none` is what moves none: MACs, clock, leakage."""
        found = dict.fromkeys(DATA, 0.0) | {"none": self.leakage}
        for action, energy in self.by_action.items():
            if ACTIONS[action].part != "dram":
                found[ACTIONS[action].data] += energy
        return found

    @property
    def dram(self) -> float:
        """pJ of the DRAM."""
        return self.parts["dram"]

    @property
    def total(self) -> float:
        """pJ of the chip."""
        return sum(self.by_action.values()) + self.leakage - self.dram


def energy_of(table: EnergyTable, actions: Mapping[str, float], core_mhz: float) -> Energy:
    """The energy of counted actions.

    Raises
    ------
    ValueError
        An action without a price.
    """
    for action in actions:
        if action not in table.pj:
            raise ValueError(f"energy table {table.name} prices no {action}")
    seconds = actions["core_cycle"] / core_mhz / 1e6
    return Energy({action: table.pj[action] * count for action, count in actions.items()},
                  1e9 * table.leakage_mw * seconds, seconds)


def power_report(table: EnergyTable, actions: Mapping[str, float], *, core_mhz: float, macs: float,
                 frames: float | None) -> dict[str, Any]:
    """The object `power` of a command's JSON.

    Parameters
    ----------
    macs : float
        The layer's own.
    frames : float, optional
        Ifmaps; None where only a part of the layer ran.
    """
    energy = energy_of(table, actions, core_mhz)
    return {
        "table": table.name, "volts": table.volts, "core_mhz": core_mhz, "actions": dict(actions),
        **_figures(energy.total, energy.dram, energy.seconds, macs, frames),
        "parts_mj": {part: pj / 1e9 for part, pj in energy.parts.items() if part != "dram"},
        "data_mj": {kind: pj / 1e9 for kind, pj in energy.data.items()},
    }


def counted_power(table: EnergyTable, geometry: Geometry[int], counters: Mapping[str, int],
                  frames: float | None) -> dict[str, Any]:
    """The same of a layer that ran, from its counters.

    Parameters
    ----------
    geometry : Geometry
        Of any of its jobs.
    """
    return power_report(table.of(geometry.chip), count_actions(Layout.of(geometry), counters),
                        core_mhz=geometry.chip.core_mhz, macs=geometry.layer.shape.macs if frames else 0,
                        frames=frames)


def planned_power(table: EnergyTable, geometry: Geometry[int], costs: Costs[float], density: Density, *,
                  macs: int) -> dict[str, Any]:
    """The same as the cycle model has it, and of the layer's own MACs."""
    counters = planned_counters(geometry, costs, density)
    return power_report(table.of(geometry.chip), count_actions(Layout.of(geometry), counters),
                        core_mhz=geometry.chip.core_mhz, macs=macs, frames=geometry.layer.N)


def total_power(reports: list[dict[str, Any]], macs: float, frames: float | None) -> dict[str, Any] | None:
    """The same of several layers, one after another; None of none."""
    if not reports:
        return None

    def summed(key: str) -> dict[str, float]:
        return {name: sum(report[key][name] for report in reports) for name in reports[0][key]}

    mj, dram = (sum(report[key] for report in reports) for key in ("millijoules", "dram_millijoules"))
    seconds = sum(report["milliseconds"] for report in reports) / 1e3
    return {
        **{key: reports[0][key] for key in ("table", "volts", "core_mhz")}, "actions": summed("actions"),
        **_figures(1e9 * mj, 1e9 * dram, seconds, macs, frames),
        "parts_mj": summed("parts_mj"), "data_mj": summed("data_mj"),
    }


def _figures(total: float, dram: float, seconds: float, macs: float, frames: float | None) -> dict[str, Any]:
    joules = total / 1e12
    return {
        "millijoules": 1e3 * joules, "milliseconds": 1e3 * seconds,
        "milliwatts": 1e3 * joules / seconds if seconds else None,
        "pj_per_mac": total / macs if macs else None,
        "gmacs_per_watt": macs / 1e9 / joules if macs and joules else None,
        "frames_per_joule": frames / joules if frames and joules else None,
        "dram_millijoules": dram / 1e9,
    }
