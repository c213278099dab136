"""What costs energy: actions, and how often a layer does each.

Counts come from the chip's counters (`count_actions`), from the cycle model's words (`planned_counters`), or, of the
fabricated chip, from the columns of the paper's tables (`compiler.energy.fit`). What no counter says follows exactly
from one that does and from the mapping, as all PEs of a pass do the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from compiler.mapping.cost import Costs, rates
from compiler.mapping.density import Density, inside
from compiler.mapping.geometry import Geometry, up
from hw.config import ChipConfig

__all__ = ["ACTIONS", "DATA", "PARTS", "Action", "Layout", "count_actions", "planned_counters"]

PARTS = ("clock", "leakage", "alu", "spads", "networks", "glb", "link", "dram")
DATA = ("ifmap", "filter", "psum", "none")


class Action(NamedTuple):
    """An action: its part of the system, the data that it moves, and what one is."""

    part: str
    data: str
    meaning: str


#: Name -> action, in the order of tables and reports.
ACTIONS: dict[str, Action] = {
    "mac": Action("alu", "none", "a multiplication and addition whose ifmap value is not zero"),
    "mac_gated": Action("alu", "none", "one whose ifmap value is zero: no operand is read, the psum stays as it is"),
    "ifmap_spad_read": Action("spads", "ifmap", "a value read for a MAC"),
    "ifmap_spad_write": Action("spads", "ifmap", "a value that a PE receives"),
    "filter_spad_read": Action("spads", "filter", "a weight read for a MAC"),
    "filter_spad_write": Action("spads", "filter", "a weight that a PE receives"),
    "psum_spad_read": Action("spads", "psum", "a psum read for a MAC"),
    "psum_spad_write": Action("spads", "psum", "a psum written by a MAC"),
    "psum_hop": Action("networks", "psum", "a finished psum read, added to the one below, and passed to the next PE"),
    "noc_ifmap": Action("networks", "ifmap", "a 16-bit value over the ifmap GIN, to all PEs that take it"),
    "noc_filter": Action("networks", "filter", "a 16-bit value over the filter GIN"),
    "noc_psum": Action("networks", "psum", "a 16-bit value over the psum GIN or the GON"),
    "glb_ifmap_read": Action("glb", "ifmap", "a 64-bit word from the GLB"),
    "glb_ifmap_write": Action("glb", "ifmap", "a 64-bit word to the GLB"),
    "glb_filter_read": Action("glb", "filter", "a 64-bit word from a filter bank"),
    "glb_filter_write": Action("glb", "filter", "a 64-bit word to a filter bank"),
    "glb_psum_read": Action("glb", "psum", "a 64-bit word from the GLB, finished ofmaps included"),
    "glb_psum_write": Action("glb", "psum", "a 64-bit word to the GLB"),
    "link_ifmap": Action("link", "ifmap", "a 64-bit word through pads, synchronizer and run-length code"),
    "link_filter": Action("link", "filter", "the same"),
    "link_psum": Action("link", "psum", "the same: biases and ofmaps"),
    "dram_ifmap": Action("dram", "ifmap", "a 64-bit word of DRAM"),
    "dram_filter": Action("dram", "filter", "the same"),
    "dram_psum": Action("dram", "psum", "the same: biases and ofmaps"),
    "core_cycle": Action("clock", "none", "a core cycle of all that is no PE"),
    "pe_cycle": Action("clock", "none", "a core cycle of a PE that the mapping uses"),
    "idle_pe_cycle": Action("clock", "none", "a core cycle of a PE that it does not use: its clock is gated"),
}


@dataclass(frozen=True)
class Layout:
    """What a mapping says of the PEs: the numbers that turn counters into actions.

    Attributes
    ----------
    chip : ChipConfig
    active_pes : int
    pe_weights : int
        Weights that a PE holds for a pass.
    p, q : int
    tile_rows : int
        Ifmap rows of a whole tile.
    r : int
    column : int
        PEs that a psum passes: R r.
    """

    chip: ChipConfig
    active_pes: int
    pe_weights: int
    p: int
    q: int
    tile_rows: int
    r: int
    column: int

    @classmethod
    def of(cls, geometry: Geometry[int]) -> "Layout":
        mapping = geometry.mapping
        return cls(geometry.chip, geometry.active_pes, geometry.pe_weights, mapping.p, mapping.q,
                   geometry.tile_rows, mapping.r, geometry.layer.R * mapping.r)


def count_actions(layout: Layout, counters: Mapping[str, float]) -> dict[str, float]:
    """How often a layer does each action.

    Exactly, from counters of jobs with one mapping, whatever parts of the layer they ran:

    - A PE receives its p q S weights in each pass.
    - `noc_ifmaps` counts the rows of a tile, r channels and words of q values of each ifmap column; of a column, a PE
      receives q values.
    - `noc_psums_out` counts the words of p psums of a column of the array; these passed R r PEs, one hop fewer.

    Parameters
    ----------
    counters : mapping of str to number
        Those of `hw.config.counters`, summed over the jobs; integers give integers.
    """
    chip, live = layout.chip, counters["macs"] - counters["gated_macs"]
    columns = counters["noc_ifmaps"] // (layout.tile_rows * layout.r * up(layout.q, chip.ifmap_bus_values))
    finished = counters["noc_psums_out"] // up(layout.p, chip.psum_bus_values) * layout.p
    psums_in_dram = counters["dram_bias"] + counters["dram_ofmap"]
    cycles = counters["cycles"]
    return {
        "mac": live, "mac_gated": counters["gated_macs"],
        "ifmap_spad_read": live, "ifmap_spad_write": columns * layout.q * layout.active_pes,
        "filter_spad_read": live, "filter_spad_write": counters["passes"] * layout.pe_weights * layout.active_pes,
        "psum_spad_read": live, "psum_spad_write": live,
        "psum_hop": finished * (layout.column - 1),
        "noc_ifmap": _of_16_bits(counters["noc_ifmaps"] * chip.ifmap_bus_values, chip.data_width),
        "noc_filter": _of_16_bits(counters["noc_filters"] * chip.filter_bus_values, chip.data_width),
        "noc_psum": _of_16_bits((counters["noc_psums_in"] + counters["noc_psums_out"]) * chip.psum_bus_values,
                                chip.psum_width),
        "glb_ifmap_read": counters["glb_ifmap_reads"], "glb_ifmap_write": counters["glb_ifmap_writes"],
        "glb_filter_read": counters["glb_filter_reads"], "glb_filter_write": counters["glb_filter_writes"],
        "glb_psum_read": counters["glb_psum_reads"] + counters["glb_ofmap_reads"],
        "glb_psum_write": counters["glb_psum_writes"],
        "link_ifmap": counters["dram_ifmap"], "link_filter": counters["dram_filter"], "link_psum": psums_in_dram,
        "dram_ifmap": counters["dram_ifmap"], "dram_filter": counters["dram_filter"], "dram_psum": psums_in_dram,
        "core_cycle": cycles, "pe_cycle": cycles * layout.active_pes,
        "idle_pe_cycle": cycles * (chip.pes - layout.active_pes),
    }


def _of_16_bits(values: float, bits: int) -> float:
    """How many values of 16 bits have as many bits as values of `bits`."""
    return values if bits == 16 else values * bits / 16


def planned_counters(geometry: Geometry[int], costs: Costs[float], density: Density) -> dict[str, float]:
    """What the counters will say of a layer, as far as actions need them, by the cycle model.

    Parameters
    ----------
    costs : Costs
        Of the geometry and the density.
    """
    given, times = rates(geometry, density), geometry.layer.groups
    sweeps, groups, passes = geometry.channel_groups, geometry.all_filter_groups, times * geometry.all_passes
    positions, tiles = times * geometry.all_positions, times * geometry.all_tiles
    live = costs.macs * density.ifmap * inside(geometry.layer.shape) * _filled(geometry)
    psums = geometry.psum_bus_cycles(positions) * sweeps * groups
    return {
        "cycles": costs.cycles, "macs": live if geometry.chip.zero_skip else costs.macs,
        "gated_macs": 0.0 if geometry.chip.zero_skip else costs.macs - live, "passes": passes,
        "glb_ifmap_reads": costs.glb["ifmap"],
        "glb_ifmap_writes": times * geometry.all_ifmap_words * geometry.m_groups * float(given.ifmap_glb),
        "glb_psum_reads": costs.glb["psum_read"], "glb_ofmap_reads": 0.0, "glb_psum_writes": costs.glb["psum_write"],
        "glb_filter_reads": costs.glb["filter"], "glb_filter_writes": costs.dram["filter"],
        "noc_ifmaps": geometry.ifmap_bus_cycles(positions, tiles) * sweeps * groups,
        "noc_filters": geometry.filter_bus_cycles * passes, "noc_psums_in": psums, "noc_psums_out": psums,
        **{f"dram_{kind}": words for kind, words in costs.dram.items()},
    }


def _filled(geometry: Geometry[int]) -> float:
    """Share of the MACs that are not on zeros which fill up channel groups and the last strip.

    The PEs of rows that a strip lacks still see those ifmap rows that belong to the rows above.
    """
    layer, mapping, strips = geometry.layer, geometry.mapping, geometry.strips
    there = geometry.ifmap_rows(strips.last)
    seen = sum(row * layer.U + weight < there for row in range(mapping.e) for weight in range(layer.R))
    last = seen / (mapping.e * layer.R)
    channels = layer.C / (geometry.channel_groups * mapping.q * mapping.r)
    return channels * (strips.count - 1 + last) / strips.count
