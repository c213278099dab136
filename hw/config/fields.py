"""The scan chain: every configuration bit of the chip, its name, width and place (Section III-B).

The chip shifts `scan_in` in at the top of one long register, bit 0 of the first field first. This list
is the only description of that register: hw/ cuts it into fields, compiler/ packs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from .chip import ChipConfig

__all__ = ["ADDRESS_BITS", "ScanField", "field_limits", "pack_scan", "scan_fields", "scan_words"]

ADDRESS_BITS = 28  # of a 64-bit word in DRAM: 2 GB
COUNT_BITS = 28  # of words in a DRAM stream
LOOP_BITS = 12  # of each loop of the layer but that over blocks: passes, tiles
BLOCK_BITS = 16  # of the loop over blocks
ROW_BITS = 8  # of a row of an ifmap or ofmap tile
COLUMN_BITS = 10  # of a window's first column in an ifmap tile, or of an ofmap tile's column
TILE_BITS = 16  # of a count of 64-bit words of a tile
QUAD_BITS = 4  # of a word of four psums of a position: a psum spad has 64 at most


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


def scan_fields(chip: ChipConfig) -> list[ScanField]:
    """The fields of `chip`'s scan chain, in shifting order."""
    pes, row_id, col_id = chip.pes, chip.row_id_bits, chip.col_id_bits
    fields = [
        # PE control: Fig. 12
        ("p_last", _bits(chip.psum_spad_words - 1), "filters of a PE set (p), less one"),
        ("steps_last", _bits(chip.ifmap_spad_words - 1), "words of a window (q S), less one"),
        ("slide", _bits(chip.ifmap_spad_words), "words by which a window slides (q V)"),
        ("filter_words", _bits(chip.filter_spad_words), "weights of a PE in a pass (p q S)"),
        ("shift", 5, "right shift of the 32-bit product, 0 to 16"),
        ("relu", 1, "ReLU on the ofmap"),
        ("ifmap_raw", 1, "ifmaps lie in DRAM as they are, not run-length coded"),
        ("ofmap_raw", 1, "the same for ofmaps"),
        ("ifmap_coded", 1, "run-length coded ifmaps stay so in the GLB and are decoded on their way to the array"),
        # the layer's loops: Section IV-A
        ("tiles_last", LOOP_BITS, "tiles of a pass (n), less one"),
        ("tiles_ragged", LOOP_BITS, "tiles of a pass in the last block, less one"),
        ("groups_last", LOOP_BITS, "filter groups of p t in the GLB (m / p t), less one"),
        ("groups_ragged", LOOP_BITS, "filter groups in the last m, less one"),
        ("channels_last", LOOP_BITS, "channel groups of q r, less one"),
        ("blocks_last", BLOCK_BITS, "blocks of n tiles, less one"),
        ("filters_last", LOOP_BITS, "m groups, less one"),
        ("strips_last", LOOP_BITS, "strips of e ofmap rows, less one"),
        ("spans_last", LOOP_BITS, "spans of f ofmap columns, less one"),
        ("strips_left", LOOP_BITS, "strips behind the first tile's: a layer may be done in shards"),
        ("spans_left", LOOP_BITS, "spans behind the first tile's"),
        # a tile
        ("e_last", ROW_BITS, "ofmap rows of a tile (e), less one"),
        ("e_ragged", ROW_BITS, "ofmap rows of a tile in the last strip, less one"),
        ("f_last", COLUMN_BITS, "ofmap columns of a tile (f), less one"),
        ("f_ragged", COLUMN_BITS, "ofmap columns of a tile in the last span, less one"),
        ("rows_last", ROW_BITS, "ifmap rows of a tile, less one"),
        ("rows_ragged", ROW_BITS, "ifmap rows of a tile in the last strip, less one"),
        ("final_column", COLUMN_BITS, "first column of a row's last window"),
        ("final_ragged", COLUMN_BITS, "the same in the last span"),
        ("window_last", _bits(chip.ifmap_spad_words - 1), "columns of a window (S), less one"),
        ("r_last", row_id, "channels side by side in the array (r), less one"),
        ("q_last", _bits(chip.ifmap_spad_words - 1), "channels in a PE (q), less one"),
        ("stride", row_id, "vertical stride (U)"),
        ("ifmap_words", TILE_BITS, "64-bit words of a tile's ifmap in the GLB, [ragged strip][ragged span]", 4),
        ("psum_words", TILE_BITS, "64-bit words of a tile's psums in the GLB, likewise", 4),
        # array walks
        ("quads_last", QUAD_BITS, "words of four psums at a position (p / 4 up), less one"),
        ("lanes_last", _bits(pes - 1), "columns of psums in the array (t e), less one"),
        ("sets_last", _bits(pes - 1), "sets that process other filters (t), less one"),
        ("columns_last", col_id, "columns of psums on a row of sets, less one"),
        ("filter_rows_last", row_id, "filter row IDs in use, less one"),
        ("filter_columns_last", col_id, "filter col IDs in use, less one"),
        # GLB
        ("ifmap_banks", _bits(chip.glb_banks), "banks that hold ifmaps; the others hold psums"),
        # DRAM: 64-bit word addresses and counts
        ("ifmap_base", ADDRESS_BITS, "first word of the ifmaps"),
        ("ifmap_last", COUNT_BITS, "words of all ifmaps, less one; read once for every m group"),
        ("filter_base", ADDRESS_BITS, "first word of the weights"),
        ("filter_last", COUNT_BITS, "words of an m group's weights, less one; read once for every block"),
        ("filter_ragged", COUNT_BITS, "the same for the last m group"),
        ("bias_base", ADDRESS_BITS, "first word of the biases"),
        ("bias_last", COUNT_BITS, "words of an m group's biases, less one; read once for every block"),
        ("bias_ragged", COUNT_BITS, "the same for the last m group"),
        ("ofmap_base", ADDRESS_BITS, "first word of the ofmaps"),
        # NoC: Figs. 10 and 11
        ("active", 1, "PE takes part", pes),
        ("from_ln", 1, "PE takes psums from the PE below, else from the GIN", pes),
        ("filter_row_id", row_id, "row ID of an X-bus, filter GIN", chip.rows),
        ("ifmap_row_id", row_id, "row ID of an X-bus, ifmap GIN", chip.rows),
        ("psum_row_id", row_id, "row ID of an X-bus, psum GIN", chip.rows),
        ("gon_row_id", row_id, "row ID of an X-bus, GON", chip.rows),
        ("filter_col_id", col_id, "col ID of a PE, filter GIN", pes),
        ("ifmap_col_id", chip.ifmap_col_id_bits, "col ID of a PE, ifmap GIN", pes),
        ("psum_col_id", col_id, "col ID of a PE, psum GIN and GON", pes),
    ]
    return [ScanField(*field) for field in fields]


@cache
def field_limits(chip: ChipConfig) -> dict[str, int]:
    """The largest value of each field, or of each element of a vector."""
    return {field.name: (1 << field.width) - 1 for field in scan_fields(chip)}


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
    fields = scan_fields(chip)
    unknown = set(values) - {field.name for field in fields}
    if unknown:
        raise ValueError(f"unknown configuration fields: {', '.join(sorted(unknown))}")
    bits = []
    for field in fields:
        if field.name not in values:
            raise ValueError(f"configuration field {field.name} must be given")
        value = values[field.name]
        elements = [value] if field.count == 1 else list(value)
        if len(elements) != field.count:
            raise ValueError(f"{field.name} must have {field.count} elements, not {len(elements)}")
        for element in elements:
            if not 0 <= element < 1 << field.width:
                raise ValueError(f"{field.name} must fit {field.width} bits, not {element!r}")
            bits += [element >> bit & 1 for bit in range(field.width)]
    return bits


def scan_words(bits: Sequence[int]) -> list[int]:
    """A scan chain's bits as 32-bit words, bit 0 of the first word shifted in first.

    What makes up the last word stands in front, where it falls out of the chain again.
    """
    whole = [0] * (-len(bits) % 32) + list(bits)
    return [sum(bit << place for place, bit in enumerate(whole[at:at + 32])) for at in range(0, len(whole), 32)]
