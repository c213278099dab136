"""The scan chain: every configuration bit of the chip, its name, width and place (Section III-B).

The chip shifts `scan_in` in at the top of one long register, bit 0 of the first field first. The groups below are
the only description of that register: in the order of `GROUPS`, and in each group in the order of its
fields. hw/ makes ports of them (`hw.kit.settings`), compiler/ packs them, the generated JSON lists them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter

from .chip import ChipConfig

__all__ = ["ADDRESS_BITS", "BLOCK_BITS", "COUNT_BITS", "GROUPS", "LOOP_BITS", "Dram", "FilterWalk", "Formats",
           "Glb", "IfmapTile", "Loops", "Networks", "OfmapTile", "Pe", "PsumWalk", "ScanField",
           "TileWords", "field_limits", "group_fields", "pack_scan", "scan_fields", "scan_words"]

ADDRESS_BITS = 28  # of a 64-bit word in DRAM: 2 GB
COUNT_BITS = 28  # of words in a DRAM stream
LOOP_BITS = 12  # of each loop of the layer but that over blocks: passes, tiles
BLOCK_BITS = 16  # of the loop over blocks
ROW_BITS = 8  # of a row of an ifmap or ofmap tile
COLUMN_BITS = 10  # of a window's first column in an ifmap tile, or of an ofmap tile's column
MOST_PSUMS = 64  # of a psum spad
TILE_BITS = 16  # of a count of 64-bit words of a tile


@dataclass(frozen=True)
class ScanField:
    """One field of the scan chain; `count` > 1 makes it a vector of equal fields."""

    name: str
    width: int
    meaning: str
    count: int = 1

    @property
    def bits(self) -> int:
        return self.width * self.count


def _bits(most: int) -> int:
    return max(1, most.bit_length())


def _setting(width: int | Callable[[ChipConfig], int], meaning: str, count: int | Callable[[ChipConfig], int] = 1):
    """A field of a group: its bits, and its elements; a number, or what it is on a chip."""
    return field(metadata={"width": width, "meaning": meaning, "count": count})


def _up_to(most):
    """Bits of a field whose largest value depends on the chip."""
    return lambda chip: _bits(most(chip))


# of the chip: bits of an ID, elements of a vector
_ROW_ID, _COL_ID, _IFMAP_COL_ID, _ROWS, _PES = map(
    attrgetter, ("row_id_bits", "col_id_bits", "ifmap_col_id_bits", "rows", "pes"))


@dataclass(frozen=True, kw_only=True)
class Pe:
    """What a PE does (Fig. 12)."""

    p_last: int = _setting(_up_to(lambda chip: chip.psum_spad_words - 1), "filters of a PE set (p), less one")
    steps_last: int = _setting(_up_to(lambda chip: chip.ifmap_spad_words - 1), "words of a window (q S), less one")
    slide: int = _setting(_up_to(lambda chip: chip.ifmap_spad_words), "words by which a window slides (q V)")
    filter_words: int = _setting(_up_to(lambda chip: chip.filter_spad_words), "weights of a PE in a pass (p q S)")
    shift: int = _setting(lambda chip: 5 if chip.data_width == 16 else 0,
                          "right shift of the 32-bit product, 0 to 16")


@dataclass(frozen=True, kw_only=True)
class Formats:
    """How fmaps are coded in DRAM and in the GLB, and what is done to ofmaps."""

    relu: int = _setting(lambda chip: int(chip.data_width == 16), "ReLU on the ofmap")
    ofmap_zero: int = _setting(lambda chip: 8 if chip.data_width == 8 else 0, "zero point of the ofmap")
    ifmap_raw: int = _setting(1, "ifmaps lie in DRAM as they are, not run-length coded")
    ofmap_raw: int = _setting(1, "the same for ofmaps")
    ifmap_coded: int = _setting(
        1, "run-length coded ifmaps stay so in the GLB and are decoded on their way to the array")
    filter_raw: int = _setting(lambda chip: int(chip.coded_weights),
                               "weights lie in DRAM and in the filter banks as they are, not run-length coded")


@dataclass(frozen=True, kw_only=True)
class Loops:
    """The layer's loops (Section IV-A)."""

    tiles_last: int = _setting(LOOP_BITS, "tiles of a pass (n), less one")
    tiles_ragged: int = _setting(LOOP_BITS, "tiles of a pass in the last block, less one")
    groups_last: int = _setting(LOOP_BITS, "filter groups of p t in the GLB (m / p t), less one")
    groups_ragged: int = _setting(LOOP_BITS, "filter groups in the last m, less one")
    channels_last: int = _setting(LOOP_BITS, "channel groups of q r, less one")
    blocks_last: int = _setting(BLOCK_BITS, "blocks of n tiles, less one")
    filters_last: int = _setting(LOOP_BITS, "m groups, less one")
    strips_last: int = _setting(LOOP_BITS, "strips of e ofmap rows, less one")
    spans_last: int = _setting(LOOP_BITS, "spans of f ofmap columns, less one")
    strips_left: int = _setting(LOOP_BITS, "strips behind the first tile's: a layer may be done in shards")
    spans_left: int = _setting(LOOP_BITS, "spans behind the first tile's")


@dataclass(frozen=True, kw_only=True)
class OfmapTile:
    """Rows and columns of an ofmap tile."""

    e_last: int = _setting(ROW_BITS, "ofmap rows of a tile (e), less one")
    e_ragged: int = _setting(ROW_BITS, "ofmap rows of a tile in the last strip, less one")
    f_last: int = _setting(COLUMN_BITS, "ofmap columns of a tile (f), less one")
    f_ragged: int = _setting(COLUMN_BITS, "ofmap columns of a tile in the last span, less one")


@dataclass(frozen=True, kw_only=True)
class IfmapTile:
    """Rows, columns and channels of an ifmap tile."""

    rows_last: int = _setting(ROW_BITS, "ifmap rows of a tile, less one")
    rows_ragged: int = _setting(ROW_BITS, "ifmap rows of a tile in the last strip, less one")
    final_column: int = _setting(COLUMN_BITS, "first column of a row's last window")
    final_ragged: int = _setting(COLUMN_BITS, "the same in the last span")
    window_last: int = _setting(_up_to(lambda chip: chip.ifmap_spad_words - 1), "columns of a window (S), less one")
    r_last: int = _setting(_ROW_ID, "channels side by side in the array (r), less one")
    q_last: int = _setting(_up_to(lambda chip: chip.ifmap_spad_words - 1), "channels in a PE (q), less one")
    stride: int = _setting(_ROW_ID, "vertical stride (U)")


@dataclass(frozen=True, kw_only=True)
class TileWords:
    """Words of a tile in the GLB."""

    ifmap_words: list[int] = _setting(
        TILE_BITS, "64-bit words of a tile's ifmap in the GLB, [ragged strip][ragged span]", 4)
    psum_words: list[int] = _setting(TILE_BITS, "64-bit words of a tile's psums in the GLB, likewise", 4)


@dataclass(frozen=True, kw_only=True)
class PsumWalk:
    """In which order psums enter and leave the array."""

    quads_last: int = _setting(_up_to(lambda chip: MOST_PSUMS // chip.word_psums - 1),
                               "words of four psums at a position (p / 4 up), less one")
    lanes_last: int = _setting(_up_to(lambda chip: chip.pes - 1), "columns of psums in the array (t e), less one")
    sets_last: int = _setting(_up_to(lambda chip: chip.pes - 1), "sets that process other filters (t), less one")
    columns_last: int = _setting(_COL_ID, "columns of psums on a row of sets, less one")


@dataclass(frozen=True, kw_only=True)
class FilterWalk:
    """To which tags weights are sent."""

    filter_rows_last: int = _setting(_ROW_ID, "filter row IDs in use, less one")
    filter_columns_last: int = _setting(_COL_ID, "filter col IDs in use, less one")


@dataclass(frozen=True, kw_only=True)
class Glb:
    """How the GLB is divided."""

    ifmap_banks: int = _setting(_up_to(lambda chip: chip.glb_banks), "banks that hold ifmaps; the others hold psums")


@dataclass(frozen=True, kw_only=True)
class Dram:
    """Where data lie in DRAM: 64-bit word addresses and counts."""

    ifmap_base: int = _setting(ADDRESS_BITS, "first word of the ifmaps")
    ifmap_last: int = _setting(COUNT_BITS, "words of all ifmaps, less one; read once for every m group, or once")
    ifmap_once: int = _setting(1, "m groups are groups of the layer: each has ifmaps of its own, in order")
    filter_base: int = _setting(ADDRESS_BITS, "first word of the weights")
    filter_last: int = _setting(COUNT_BITS, "words of an m group's weights, less one; read once for every block")
    filter_ragged: int = _setting(COUNT_BITS, "the same for the last m group")
    bias_base: int = _setting(ADDRESS_BITS, "first word of the biases")
    bias_last: int = _setting(COUNT_BITS, "words of an m group's biases, less one; read once for every block")
    bias_ragged: int = _setting(COUNT_BITS, "the same for the last m group")
    ofmap_base: int = _setting(ADDRESS_BITS, "first word of the ofmaps")


@dataclass(frozen=True, kw_only=True)
class Networks:
    """Who takes part in the networks (Figs. 10 and 11)."""

    active: list[int] = _setting(1, "PE takes part", _PES)
    from_ln: list[int] = _setting(1, "PE takes psums from the PE below, else from the GIN", _PES)
    filter_row_id: list[int] = _setting(_ROW_ID, "row ID of an X-bus, filter GIN", _ROWS)
    ifmap_row_id: list[int] = _setting(_ROW_ID, "row ID of an X-bus, ifmap GIN", _ROWS)
    psum_row_id: list[int] = _setting(_ROW_ID, "row ID of an X-bus, psum GIN", _ROWS)
    gon_row_id: list[int] = _setting(_ROW_ID, "row ID of an X-bus, GON", _ROWS)
    filter_col_id: list[int] = _setting(_COL_ID, "col ID of a PE, filter GIN", _PES)
    ifmap_col_id: list[int] = _setting(_IFMAP_COL_ID, "col ID of a PE, ifmap GIN", _PES)
    psum_col_id: list[int] = _setting(_COL_ID, "col ID of a PE, psum GIN and GON", _PES)


#: Groups in shifting order, by the names that their ports have.
GROUPS: dict[str, type] = {
    "pe": Pe, "formats": Formats, "loops": Loops, "ofmap_tile": OfmapTile, "ifmap_tile": IfmapTile,
    "tile_words": TileWords, "psum_walk": PsumWalk, "filter_walk": FilterWalk, "glb": Glb, "dram": Dram,
    "networks": Networks,
}


@cache
def group_fields(group: type, chip: ChipConfig) -> tuple[ScanField, ...]:
    """The fields of a group on `chip`; some chips do without some."""
    def on_chip(value):
        return value(chip) if callable(value) else value

    found = (ScanField(one.name, on_chip(one.metadata["width"]), one.metadata["meaning"],
                       on_chip(one.metadata["count"])) for one in fields(group))
    return tuple(one for one in found if one.width)


def scan_fields(chip: ChipConfig) -> list[ScanField]:
    """The fields of `chip`'s scan chain, in shifting order."""
    return [one for group in GROUPS.values() for one in group_fields(group, chip)]


@cache
def field_limits(chip: ChipConfig) -> dict[str, int]:
    """The largest value of each field, or of each element of a vector."""
    return {one.name: (1 << one.width) - 1 for one in scan_fields(chip)}


def pack_scan(chip: ChipConfig, values: dict[str, int | list[int]]) -> list[int]:
    """Bits of the scan chain in shifting order.

    Parameters
    ----------
    values : dict
        A value for each field; a list for a vector field.

    Raises
    ------
    ValueError
        A field that is missing, unknown, of the wrong length or too large for its width.
    """
    chain = scan_fields(chip)
    unknown = set(values) - {one.name for one in chain}
    if unknown:
        raise ValueError(f"unknown configuration fields: {', '.join(sorted(unknown))}")
    bits = []
    for one in chain:
        if one.name not in values:
            raise ValueError(f"configuration field {one.name} must be given")
        value = values[one.name]
        elements = [value] if one.count == 1 else list(value)
        if len(elements) != one.count:
            raise ValueError(f"{one.name} must have {one.count} elements, not {len(elements)}")
        for element in elements:
            if not 0 <= element < 1 << one.width:
                raise ValueError(f"{one.name} must fit {one.width} bits, not {element!r}")
            bits += [element >> bit & 1 for bit in range(one.width)]
    return bits


def scan_words(bits: Sequence[int]) -> list[int]:
    """A scan chain's bits as 32-bit words, bit 0 of the first word shifted in first.

    What makes up the last word stands in front, where it falls out of the chain again.
    """
    whole = [0] * (-len(bits) % 32) + list(bits)
    return [sum(bit << place for place, bit in enumerate(whole[at:at + 32])) for at in range(0, len(whole), 32)]
