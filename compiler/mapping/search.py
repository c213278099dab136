"""Finding a mapping.

`candidates` lists what fits, `cost` ranks it, a hundred thousand mappings at a time, and `timeline` chooses among
the best.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.timeline.schedule import schedule
from hw.config import ChipConfig, configuration_cycles

from .candidates import LAYOUT, Shortage, layouts, tilings
from .cost import Costs, costs
from .density import Density
from .energy import Prices
from .geometry import Geometry
from .limits import DRAM_WORDS, least_dram_words
from .lowering import NativeLayer
from .mapping import Mapping, MappingError, MappingOf, Mappings
from .placement import Placement

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

    The costs' cycles are those of the timeline (`compiler.timeline`), not just of the busiest resource.
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
        cycles = self.busy(mappings, found)
        return np.lexsort(self.keys(found, cycles, slack * cycles.min()))

    def busy(self, mapping: MappingOf[Any], found: Costs[Any]) -> Any:
        """Cycles of all jobs, and those to configure all but the first."""
        between = Geometry(self.layer, self.chip, mapping).jobs - 1
        return found.cycles + between * configuration_cycles(self.chip)

    def keys(self, found: Costs[Any], cycles: Any, equal: float) -> tuple[Any, ...]:
        """What is to be small, the most important last; latencies of up to `equal` cycles count as equal."""
        traffic, dram = sum(found.glb.values()), sum(found.dram.values())
        return {
            "latency": (self.energy.glb * traffic + self.energy.dram * dram,
                        np.maximum(cycles, equal)),
            "energy": (dram, cycles, found.energy),
            "dram": (traffic, cycles, dram),
        }[self.objective]

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

    def costs(self, mapping: Mapping) -> Costs[float]:
        """Cycles by the timeline."""
        return timed_costs(self.layer, self.chip, mapping, self.density, self.energy)

    def run(self) -> Found:
        candidates = self.candidates()
        best = [replace(mapping, g=self.layer.merged)
                for mapping in candidates.take(self.ranked(candidates, SLACK)[:PLAYED]).each()]
        costed = {mapping: self.costs(mapping) for mapping in best}
        if self.objective == "latency":  # the first that is not slowed down
            fastest = min(found.cycles for found in costed.values())
            best.sort(key=lambda mapping: costed[mapping].cycles > SLACK * fastest)
        chosen, *others = best
        other = next((each for each in others if _layout(each) != _layout(chosen)), None)
        return Found(chosen, costed[chosen], other, costed[other] if other else None, len(candidates))


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
    needed = least_dram_words(layer, chip)
    if needed > DRAM_WORDS:
        raise MappingError(f"no mapping fits: 64-bit words of DRAM is {needed} at least, chip {chip.name} has "
                           f"{DRAM_WORDS}")
    searches = [_Search(layer.merge(count), chip, objective, density, energy or Prices(), coded)
                for count in _merges(layer, chip)]
    found: list[tuple[_Search, Found]] = []
    for each in searches:
        try:
            found.append((each, each.run()))
        except MappingError:
            if each is searches[-1] and not found:
                raise
    fastest = min(each.busy(best.mapping, best.costs) for each, best in found)

    def key(pair: tuple[_Search, Found]) -> tuple[Any, ...]:
        each, best = pair
        return each.keys(best.costs, each.busy(best.mapping, best.costs), SLACK * fastest)[::-1]

    return min(found, key=key)[1]


def _merges(layer: NativeLayer, chip: ChipConfig) -> list[int]:
    """How many groups may be computed as one: one, or as fill a word of psums, or up to a word of ofmaps."""
    places = chip.word_psums << np.arange((chip.word_values // chip.word_psums).bit_length())
    return sorted({1} | {min(layer.groups, max(1, int(count) // layer.M)) for count in places})


def timed_costs(layer: NativeLayer, chip: ChipConfig, mapping: Mapping, density: Density | None = None,
                energy: Prices | None = None) -> Costs[float]:
    """The costs of one mapping, cycles of all its jobs by the timeline."""
    placement = Placement(layer, mapping, chip)
    return replace(costs(placement, density, energy), cycles=placement.jobs * schedule(placement, density).cycles)
