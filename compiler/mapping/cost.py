"""What a mapping costs: cycles by resource, words at each level, energy.

Works on one mapping or a million of them at once (see `Geometry`). The costs predict; the RTL decides (`tests/` and
docs/model.md hold the one to the other).
"""

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, overload

import numpy as np

from hw.config import ChipConfig

from .density import Density, inside, unpadded
from .energy import Prices
from .geometry import Geometry, choose
from .mapping import Mapping, Number

__all__ = ["RESOURCES", "Costs", "Rates", "array_cycles", "busy_together", "costs", "decoder_keeps_up", "rates"]

RESOURCES = ("pe", "ifmap_bus", "psum_bus", "filter_bus", "link")
# Measured in RTL, see docs/model.md:
SKIP_SPREAD = 1.3  # standard deviations of a window's zeros
SKIP_NORM = 6  # how much PEs and buses wait for each other where the PEs' work varies
LATE_FILTERS = 30  # cycles more of the ramp where a pass's first position waits for filters
ACCESSES = 4  # of 16 bits: what a 64-bit word costs, see `Prices`
SPAD_ACCESSES = 4  # of a MAC: ifmap, filter and psum read, psum written
# The largest share of the link's time that filters, ifmaps and biases take while ofmaps wait: the link serves its
# streams in turn, so ofmaps always get some of it.
MOST_OF_LINK = 0.95

Amount = TypeVar("Amount", float, np.ndarray)


@dataclass(frozen=True)
class Costs(Generic[Amount]):
    """Costs of a layer (all N ifmaps, all its groups): numbers under a mapping, arrays (mappings,) under many.

    Attributes
    ----------
    cycles : Amount
        Core cycles from start to done.
    by_resource : dict of str to Amount
        Cycles that each of RESOURCES alone would take.
    ramp : Amount
        Cycles lost to filling the array.
    passes : Amount
        Processing passes.
    glb, dram, noc : dict of str to Amount
        64-bit words by data type (noc: what crosses narrower buses as parts of one).
    macs : Amount
        Padding included.
    energy : Amount
        In the unit of the Prices: MACs by default.
    """

    cycles: Amount
    by_resource: dict[str, Amount]
    ramp: Amount
    passes: Amount
    glb: dict[str, Amount]
    dram: dict[str, Amount]
    noc: dict[str, Amount]
    macs: Amount
    energy: Amount

    def binding(self) -> str:
        """The resource that takes longest; for a single mapping."""
        return max(RESOURCES, key=lambda name: float(self.by_resource[name]))


@dataclass(frozen=True)
class Rates:
    """How zeros in fmaps and weights, and late filters, change the numbers of a geometry.

    Attributes
    ----------
    worked : float
        Share of its MACs that a PE spends time on: less than 1 where zeros are skipped.
    ramp : float or ndarray
        Core cycles that a pass takes beyond its MACs.
    ifmap_dram, ofmap_dram : float or ndarray
        64-bit words of DRAM that a word of values takes.
    ifmap_glb : float or ndarray
        The same of the GLB: less than 1 where ifmaps stay coded in it.
    decoding : float or ndarray
        Core cycles that the RLC decoder behind the GLB takes for a word of values; 0 where nothing is coded.
    filter_dram : float or ndarray
        64-bit words of DRAM and of the filter banks that a word of weights takes.
    filter_cycles : int or ndarray
        Core cycles in which a pass's weights go from the filter banks to the PEs: those of the filter bus, or of the
        RLC decoder ahead of it.
    arrival : float or ndarray
        Core cycles that a word takes into the GLB: more than 1 where it comes as several run-length pairs.
    leaving : float
        Core cycles that a finished word of psums takes on its way out: more than 1 where it leaves as several pairs.
    """

    worked: float
    ramp: Any
    ifmap_dram: Any
    ofmap_dram: float
    ifmap_glb: Any
    decoding: Any
    filter_dram: Any
    filter_cycles: Any
    arrival: Any
    leaving: float


def rates(geometry: Geometry[Number], density: Density) -> Rates:
    """The rates of a geometry for fmaps of a density."""
    layer, mapping = geometry.layer, geometry.mapping
    worked = 1.0
    if geometry.chip.zero_skip:
        worked = _share_worked(density.ifmap * inside(layer.shape), mapping.q * layer.S)
    in_dram = density.ifmap * unpadded(layer)  # RLC codes padding, too
    shrink = Density.coded(in_dram, geometry.chip)
    filter_dram, filter_cycles = _filters(geometry, density)
    chip, behind, ofmap = geometry.chip, mapping.coded > 0, density.ofmap_share(geometry.chip)
    decoder = _decoder_cycles(in_dram, chip)
    pairs = ofmap * chip.word_pairs * chip.word_psums / chip.word_values  # of a word of psums
    coded = Rates(worked, _ramp(geometry, worked, filter_cycles), shrink, ofmap, choose(behind, shrink, 1.0),
                  choose(behind, decoder, 0.0), filter_dram, filter_cycles,
                  choose(behind, 1.0, decoder if shrink < 1 else 1.0),
                  max(1.0, pairs) if density.ofmap_coded(chip) else 1.0)
    if shrink == 1 or decoder <= chip.core_mhz / chip.link_mhz:
        return coded
    raw = np.logical_not(behind) & _slower(geometry, density, coded)
    return replace(coded, ifmap_dram=choose(raw, 1.0, shrink), arrival=choose(raw, 1.0, coded.arrival))


def _slower(geometry: Any, density: Density, coded: Rates) -> Any:
    """Whether a mapping takes more cycles with ifmaps that are coded in DRAM than with raw ones.

    The decoder takes a pair a cycle, of which a word of 8-bit values has up to eight; the link may be faster. Ofmaps
    count as raw: their zeros are not known when the ifmaps are laid into DRAM.
    """
    coded = replace(coded, ofmap_dram=1.0, leaving=1.0)
    coded_cycles, raw_cycles = (_costs(geometry, density, Prices(), given).cycles for given in (
        coded, replace(coded, ifmap_dram=1.0, arrival=1.0)))
    return coded_cycles > raw_cycles


def decoder_keeps_up(geometry: Geometry[int], density: float) -> bool:
    """Whether ifmaps of a density take no more cycles with a code that saves words of DRAM than raw."""
    chip, in_dram = geometry.chip, density * unpadded(geometry.layer)
    if Density.coded(in_dram, chip) < 1:
        return bool(rates(geometry, Density(density)).ifmap_dram < 1)
    return _decoder_cycles(in_dram, chip) <= chip.core_mhz / chip.link_mhz  # a code that saves next to nothing


def _filters(geometry: Geometry[Number], density: Density) -> tuple[Any, Any]:
    """`filter_dram` and `filter_cycles` of the rates."""
    chip, bus = geometry.chip, geometry.filter_bus_cycles
    if not chip.coded_weights:
        return 1.0, bus
    layer, shape = geometry.layer, geometry.layer.shape
    own = layer.merged * (shape.M // shape.G) * (shape.C // shape.G) * shape.R * shape.S
    words = geometry.pass_words * geometry.channel_groups * geometry.all_filter_groups
    in_dram = density.weight * own / (chip.word_values * words)  # RLC codes what fills up words and passes, too
    shrink = Density.coded(in_dram, chip)
    # a cycle for a word of weights, and one for a coded word but where both end
    decoding = choose(shrink < 1, geometry.pass_words * (1 + shrink * (1 - 1 / chip.word_values)), 0.0)
    return shrink, np.maximum(bus, decoding)


def array_cycles(geometry: Geometry[Number], given: Rates, positions: Any, tiles: Any,
                 ifmap_words: Any) -> tuple[Any, Any, Any]:
    """Core cycles of the PEs, of the ifmap bus with the GLB's port behind it, and of the psum bus for some tiles.

    Parameters
    ----------
    positions, tiles, ifmap_words : int or ndarray
        Of the tiles: their positions together, how many they are, and their 64-bit words, decoded.
    """
    decoding = given.decoding * ifmap_words
    # Words that are read once are read right behind their arrival, in the bank that they are written to, of one port.
    port = choose(np.equal(geometry.groups_of_m, 1), 2.0 * given.ifmap_glb * ifmap_words, 0.0)
    return (given.worked * geometry.pe_cycles(positions),
            np.maximum(geometry.ifmap_bus_cycles(positions, tiles), np.maximum(decoding, port)),
            geometry.psum_bus_cycles(positions))


@overload
def costs(geometry: Geometry[int], density: Density | None = None,
          energy: Prices | None = None) -> Costs[float]: ...
@overload
def costs(geometry: Geometry[np.ndarray], density: Density | None = None,
          energy: Prices | None = None) -> Costs[np.ndarray]: ...
def costs(geometry: Any, density: Density | None = None, energy: Prices | None = None) -> Any:
    """Costs of a mapping, or of many.

    Parameters
    ----------
    geometry : Geometry
        The costs are those of all groups and blocks, also where a Placement chooses some.
    density : Density, optional
        No zeros by default.
    energy : Prices, optional
    """
    density = density or Density()
    return _costs(geometry, density, energy or Prices(), rates(geometry, density))


def _costs(geometry: Any, density: Density, energy: Prices, given: Rates) -> Any:
    chip, mapping, times = geometry.chip, geometry.mapping, geometry.layer.groups
    passes, groups, sweeps = times * geometry.all_passes, geometry.all_filter_groups, geometry.channel_groups
    blocks, positions, tiles = (times * count for count in (
        geometry.all_blocks, geometry.all_positions, geometry.all_tiles))
    ifmap_words, psum_words = times * geometry.all_ifmap_words, times * geometry.all_psum_words

    pe, ifmap_bus, psum_bus = (cycles * sweeps * groups for cycles in array_cycles(
        geometry, given, positions, tiles, ifmap_words / sweeps))
    filter_bus = given.filter_cycles * passes
    dram = {"ifmap": ifmap_words * geometry.m_groups * given.ifmap_dram,
            "filter": geometry.pass_words * passes * given.filter_dram,
            "bias": blocks * groups * geometry.bias_words,
            "ofmap": geometry.ofmap_words(psum_words, blocks * groups) * given.ofmap_dram}
    glb = {"ifmap": ifmap_words * given.ifmap_glb * groups, "psum_read": psum_words * sweeps,
           "psum_write": psum_words * sweeps, "filter": dram["filter"]}
    received = geometry.tile_rows * mapping.q * mapping.r * geometry.ifmap_columns_of(positions, tiles)  # ifmaps
    noc = {"ifmap": received * sweeps * groups / chip.word_values,
           "filter": geometry.filter_bus_cycles * passes * chip.filter_bus_values / chip.word_values,
           "psum": 2 * psum_bus * chip.psum_bus_values / chip.word_psums}
    macs = geometry.pe_cycles(positions) * sweeps * groups * geometry.active_pes

    per_word = chip.core_mhz / chip.link_mhz
    link = sum(dram.values()) * per_word
    ramp = passes * given.ramp
    array = busy_together(chip, pe, ifmap_bus, psum_bus) + ramp
    array = array + _drain(dram, array, blocks * geometry.m_groups, sweeps, per_word)
    arriving = ifmap_words * geometry.m_groups * given.ifmap_glb * given.arrival
    leaving = psum_words * given.leaving + dram["bias"]
    cycles = np.maximum.reduce([array, filter_bus, link, arriving, leaving])
    found = Costs(cycles, {"pe": pe, "ifmap_bus": ifmap_bus, "psum_bus": psum_bus, "filter_bus": filter_bus,
                           "link": link}, ramp, passes, glb, dram, noc, macs,
                  _energy(energy, density, macs, glb, dram, noc) + cycles * _cycle_price(energy, geometry))
    return _plain(found) if isinstance(mapping, Mapping) else found


def _plain(found: Costs[Any]) -> Costs[float]:
    """Numpy's numbers as Python's."""
    by_resource, glb, dram, noc = ({name: float(amount) for name, amount in table.items()}
                                   for table in (found.by_resource, found.glb, found.dram, found.noc))
    return Costs(float(found.cycles), by_resource, float(found.ramp), float(found.passes), glb, dram, noc,
                 float(found.macs), float(found.energy))


def busy_together(chip: ChipConfig, pe: Any, ifmap_bus: Any, psum_bus: Any) -> Any:
    """Cycles of the PEs and their buses together: those of the busiest, and more where zeros are skipped.

    There, the time of a position varies, and so does which of the three takes longest.
    """
    most = np.maximum(np.maximum(pe, ifmap_bus), psum_bus)
    if not chip.zero_skip:
        return most
    return most * sum((1.0 * each / most)**SKIP_NORM for each in (pe, ifmap_bus, psum_bus))**(1 / SKIP_NORM)


def _share_worked(density: float, window: Any) -> Any:
    """Share of its MACs that a PE which skips zeros spends time on.

    PEs that share an ifmap row or a column of psums wait for the one with the fewest zeros in its window,
    as far as their FIFOs do not hide it: the share is the density plus SKIP_SPREAD of its standard deviations.
    """
    return np.minimum(1.0, density + SKIP_SPREAD * np.sqrt(density * (1 - density) / window))


def _decoder_cycles(density: float, chip: ChipConfig) -> float:
    """Cycles that the RLC decoder takes for a word of values: one a pair, and one if a run of zeros continues.

    Between GLB and array, the decoder keeps up with an ifmap bus of one value, not always with a wider one.
    """
    return chip.word_values * density + 1 - density


def _drain(dram: dict[str, Any], array: Any, blocks: Any, sweeps: Any, per_word: float) -> Any:
    """Cycles in which the array stalls until a block's ofmaps have drained from the GLB.

    They drain during the block's last sweep and the next block's first, with the link's remaining bandwidth.
    """
    sweep = array / (blocks * sweeps)
    others = np.minimum(MOST_OF_LINK, (dram["filter"] + dram["ifmap"] + dram["bias"]) * per_word / array)
    late = np.maximum(0, dram["ofmap"] / blocks * per_word / (1 - others) - 2 * sweep)
    return (blocks - 1) * np.minimum(late, dram["ofmap"] / blocks * per_word)


def _ramp(geometry: Geometry[Number], worked: Any, filters: Any) -> Any:
    """Cycles of a pass beyond its MACs: the stall for weights that arrive late.

    The filter bus sends the next pass's weights ahead until the spads are full; it sends the rest during this
    pass's last position and the next pass's first, which stalls for them. `filters` are cycles of a pass's weights.
    """
    bus = geometry.filter_bus_cycles
    ahead = filters / bus * np.minimum(bus, geometry.weights_ahead(geometry.chip.filter_bus_values))
    late = filters - ahead - 2 * (worked * geometry.pe_cycles(1))
    return np.where(late > -LATE_FILTERS, late + LATE_FILTERS, 0)


def _energy(prices: Prices, density: Density, macs: Any, glb: dict[str, Any], dram: dict[str, Any],
            noc: dict[str, Any]) -> Any:
    """Accesses of 16-bit values times their energy; spad accesses follow from the MACs."""
    worked = macs * density.ifmap
    return (ACCESSES * sum(dram.values()) * prices.dram + ACCESSES * sum(glb.values()) * prices.glb
            + ACCESSES * sum(noc.values()) * prices.noc + worked * (prices.mac + SPAD_ACCESSES * prices.spad)
            + (macs - worked) * prices.gated_mac)


def _cycle_price(prices: Prices, geometry: Geometry[Any]) -> Any:
    """Energy of a core cycle."""
    active = geometry.active_pes
    return prices.cycle + prices.pe_cycle * active + prices.idle_pe_cycle * (geometry.chip.pes - active)
