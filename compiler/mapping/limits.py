"""The chip's limits: what a mapping needs of PEs, spads, GLB and counters, and how much the chip has."""

from collections.abc import Iterator
from typing import Generic, NamedTuple

from hw.config import ChipConfig, field_limits
from hw.config.fields import ADDRESS_BITS

from .geometry import Geometry, up
from .lowering import NativeLayer
from .mapping import Number

__all__ = ["DRAM_WORDS", "Limit", "array_limits", "least_dram_words", "loop_limits", "most_groups_of_m",
           "most_tile_columns", "most_tiles_of_pass"]

DRAM_WORDS = 1 << ADDRESS_BITS  # 64-bit words that the chip can address


class Limit(NamedTuple, Generic[Number]):
    """A use of a resource.

    Attributes
    ----------
    value : Number
        How much the mapping needs.
    most : int
        How much the chip has.
    what : str
        Of what, in words.
    """

    value: Number
    most: int
    what: str


def array_limits(geometry: Geometry[Number]) -> Iterator[Limit[Number]]:
    """Limits that depend on e, p, q, r and t alone."""
    layer, chip, mapping = geometry.layer, geometry.chip, geometry.mapping
    most = field_limits(chip)
    yield Limit(mapping.p, chip.psum_spad_words, "p, psums in a PE's psum spad,")
    yield Limit(mapping.q * layer.S, chip.ifmap_spad_words, "q S, values in a PE's ifmap spad,")
    yield Limit(geometry.pe_weights, chip.filter_spad_words, "p q S, weights in a PE's filter spad,")
    # as U is at most R, this limits the row IDs of ifmaps (r U) as well
    yield Limit(mapping.r * layer.R, chip.rows, "r R, rows of PEs for a stack of sets,")
    yield Limit(geometry.stacks * mapping.r * layer.R, chip.rows,
                "rows of PEs for all sets (r, t and segments of e)")
    yield Limit(geometry.pe_columns, chip.columns, "columns of PEs for sets side by side")
    yield Limit((geometry.tile_rows - 1) // layer.U + 1, most["ifmap_col_id"] + 1,
                "diagonals of ifmap rows in the array")
    yield Limit(geometry.tile_rows, most["rows_last"] + 1, "ifmap rows of a tile")
    yield Limit(geometry.position_words, chip.bias_words, "words of biases of a filter group")


def loop_limits(geometry: Geometry[Number]) -> Iterator[Limit[Number]]:
    """Limits that depend on the tiling, too."""
    layer, chip, mapping = geometry.layer, geometry.chip, geometry.mapping
    most = field_limits(chip)
    yield Limit(geometry.dram_words, DRAM_WORDS, "64-bit words of DRAM")
    yield Limit(geometry.channel_groups, most["channels_last"] + 1, "groups of q r channels")
    yield Limit(geometry.strips.count, most["strips_last"] + 1, "strips of e ofmap rows")
    yield Limit(geometry.spans.count, most["spans_last"] + 1, "spans of f ofmap columns")
    yield Limit(mapping.f, most["f_last"] + 1, "f, ofmap columns of a tile,")
    yield Limit((mapping.f - 1) * layer.V, most["final_column"], "ifmap columns of a tile before its last window")
    yield Limit(geometry.ifmap_words(mapping.e, mapping.f), most["ifmap_words"], "64-bit words of a tile's ifmaps")
    yield Limit(geometry.psum_words(mapping.e, mapping.f), most["psum_words"], "64-bit words of a tile's psums")
    yield Limit(mapping.n, most_tiles_of_pass(chip), "n, tiles of a pass,")
    yield Limit(geometry.all_blocks, most["blocks_last"] + 1, "blocks of n tiles")
    yield Limit(geometry.groups_of_m, most_groups_of_m(chip), "filter groups (p t) of m")
    yield Limit(geometry.m_groups * geometry.job_groups, most["filters_last"] + 1, "groups of m filters")
    yield Limit(geometry.ifmap_banks_needed + geometry.psum_banks_needed, chip.glb_banks,
                "GLB banks for a block's ifmaps and psums")


def most_tile_columns(layer: NativeLayer, chip: ChipConfig) -> int:
    """The largest f that the configuration can hold."""
    most = field_limits(chip)
    return min(most["f_last"], most["final_column"] // layer.V) + 1


def most_tiles_of_pass(chip: ChipConfig) -> int:
    """The largest n that the configuration can hold."""
    return field_limits(chip)["tiles_last"] + 1


def most_groups_of_m(chip: ChipConfig) -> int:
    """The most filter groups (m / p t) that the configuration can hold."""
    return field_limits(chip)["groups_last"] + 1


def least_dram_words(layer: NativeLayer, chip: ChipConfig) -> int:
    """64-bit words of DRAM that a group takes with any mapping: each value once."""
    rows, columns = (layer.E - 1) * layer.U + layer.R, (layer.F - 1) * layer.V + layer.S
    values = (layer.N * layer.C * rows * columns, layer.M * layer.C * layer.R * layer.S,
              layer.N * layer.M * layer.E * layer.F)
    return sum(up(count, chip.word_values) for count in values)
