"""Finding a mapping.

`candidates` lists what fits, `cost` ranks it, a hundred thousand mappings at a time, and `timeline` chooses among
the best.
"""

from dataclasses import dataclass, replace

import numpy as np

from hw.config import ChipConfig

from .candidates import LAYOUT, Shortage, layouts, tilings
from .cost import Costs, costs
from .density import Density
from .energy import Prices
from .geometry import Geometry
from .limits import DRAM_WORDS, least_dram_words
from .lowering import NativeLayer
from .mapping import Mapping, MappingError, Mappings
from .placement import Placement
from .timeline import schedule

__all__ = ["OBJECTIVES", "SLACK", "Found", "find_mapping", "search", "timed_costs"]

LISTED = 8000  # layouts that are tried with some tilings, the best by a bound on their cycles first
KEPT = 300  # of these, layouts that are tried with all tilings
SOME_CUTS, ALL_CUTS = 4, 24  # widths f, and numbers of filter groups m / p t, of some and of all tilings
PLAYED = 4  # candidates whose timelines decide
SLACK = 1.03  # latencies this close to the best count as equal: then the least energy of DRAM and GLB decides
OBJECTIVES = ("latency", "energy", "dram")


@dataclass(frozen=True)
class Found:
    """A mapping, its costs, and the best one of another layout with its costs, if any.

    The costs' cycles are those of the timeline (`compiler.mapping.timeline`), not just of the busiest resource.
    `tried` counts the mappings that were ranked last.
    """

    mapping: Mapping
    costs: Costs[float]
    runner_up: Mapping | None
    runner_up_costs: Costs[float] | None
    tried: int


@dataclass(frozen=True)
class _Search:
    """One search; the attributes are the parameters of `find_mapping`."""

    layer: NativeLayer
    chip: ChipConfig
    objective: str
    density: Density | None
    energy: Prices
    coded: bool

    def ranked(self, mappings: Mappings, slack: float = 1) -> np.ndarray:
        """Indices of mappings, the best first: an integer array (mappings,)."""
        found = costs(Geometry(self.layer, self.chip, mappings), self.density, self.energy)
        traffic, dram = np.sum(list(found.glb.values()), axis=0), np.sum(list(found.dram.values()), axis=0)
        keys = {  # the most important last
            "latency": (self.energy.glb * traffic + self.energy.dram * dram,
                        np.maximum(found.cycles, slack * found.cycles.min())),
            "energy": (dram, found.cycles, found.energy),
            "dram": (traffic, found.cycles, dram),
        }[self.objective]
        return np.lexsort(keys)

    def tilings(self, chosen: Mappings, short: Shortage, cuts: int) -> Mappings:
        return tilings(self.layer, self.chip, chosen, self.density if self.coded else None, short, spans=cuts,
                       groups=cuts)

    def candidates(self) -> Mappings:
        """All tilings of the best layouts."""
        short = Shortage(self.chip)
        chosen = layouts(self.layer, self.chip, short)
        # whole planes as tiles, all of them in one block, cost the least that a layout can
        chosen = chosen.take(self.ranked(chosen)[:LISTED])
        for cuts, listed in ((SOME_CUTS, LISTED), (ALL_CUTS, KEPT)):
            some = self.tilings(chosen.take(np.arange(min(listed, len(chosen)))), short, cuts)
            if len(some):
                break
        else:
            raise short.error()
        some = some.take(self.ranked(some))
        _, first = np.unique(np.column_stack([getattr(some, name) for name in LAYOUT]), axis=0, return_index=True)
        return self.tilings(some.take(np.sort(first)[:KEPT]), short, ALL_CUTS)

    def cycles(self, mapping: Mapping) -> float:
        """By its timeline."""
        return schedule(Placement(self.layer, mapping, self.chip), self.density).cycles

    def costs(self, mapping: Mapping, cycles: float) -> Costs[float]:
        return replace(costs(Geometry(self.layer, self.chip, mapping), self.density, self.energy), cycles=cycles)

    def run(self) -> Found:
        candidates = self.candidates()
        best = candidates.take(self.ranked(candidates, SLACK)[:PLAYED]).each()
        cycles = {mapping: self.cycles(mapping) for mapping in best}
        if self.objective == "latency":  # the first that is not slowed down
            fastest = min(cycles.values())
            best.sort(key=lambda mapping: cycles[mapping] > SLACK * fastest)
        chosen, *others = best
        other = next((each for each in others if _layout(each) != _layout(chosen)), None)
        others_costs = self.costs(other, cycles[other]) if other else None
        return Found(chosen, self.costs(chosen, cycles[chosen]), other, others_costs, len(candidates))


def _layout(mapping: Mapping) -> tuple[int, ...]:
    return tuple(getattr(mapping, name) for name in LAYOUT)


def find_mapping(layer: NativeLayer, chip: ChipConfig, *, objective: str = "latency", density: Density | None = None,
                 energy: Prices | None = None, coded: bool = False) -> Mapping:
    """The best mapping of a native layer by `objective`.

    Parameters
    ----------
    objective : str
        latency, energy or dram; among latencies within SLACK of the best, traffic of DRAM and GLB decides.
    density : Density, optional
    energy : Prices, optional
    coded : bool
        Whether ifmaps may stay run-length coded in the GLB where `density` says that they fit;
        `compile_layer` refuses a mapping when they do not.

    Raises
    ------
    MappingError
        Nothing fits; says which resource is short.
    """
    return search(layer, chip, objective=objective, density=density, energy=energy, coded=coded).mapping


def search(layer: NativeLayer, chip: ChipConfig, *, objective: str = "latency", density: Density | None = None,
           energy: Prices | None = None, coded: bool = False) -> Found:
    """The best mapping, the runner-up, and what both cost.

    Raises
    ------
    MappingError
        As `find_mapping`.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, not {objective!r}")
    needed = least_dram_words(layer)
    if needed > DRAM_WORDS:
        raise MappingError(f"no mapping fits: 64-bit words of DRAM is {needed} at least, chip {chip.name} has "
                           f"{DRAM_WORDS}")
    return _Search(layer, chip, objective, density, energy or Prices(), coded).run()


def timed_costs(layer: NativeLayer, chip: ChipConfig, mapping: Mapping, density: Density | None = None,
                energy: Prices | None = None) -> Costs[float]:
    """The costs of one mapping, cycles by its timeline."""
    placement = Placement(layer, mapping, chip)
    return replace(costs(placement, density, energy), cycles=schedule(placement, density).cycles)
