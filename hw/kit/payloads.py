"""Payloads that cross module borders."""

from amaranth.hdl import Shape, signed
from amaranth.lib import data

from hw.config.fields import ADDRESS_BITS

__all__ = [
    "LANES", "QUAD", "Burst", "IfmapWord", "bus_width", "ifmap_bus_word", "tag_layout",
]

QUAD = 64  # bits of a word of four values: the GLB, the link, and the filter and psum buses of the paper's chip
LANES = 4


class IfmapWord(data.Struct):
    """An ifmap value on its way to the PEs.

    The flags stand on the first word of a row's last window, so that a PE knows that every word of
    that window, or every weight of the pass, is dead once read.
    """

    value: signed(16)
    row_ends: 1
    pass_ends: 1


def ifmap_bus_word(values):
    """What crosses an ifmap bus of `values` values: an `IfmapWord`, or several of them in one.

    The `values` of a wider word are channels of one ifmap row and column, the first lowest, `last` + 1 of
    them; the flags are the first one's.
    """
    if values == 1:
        return IfmapWord
    return data.StructLayout({
        "values": data.ArrayLayout(signed(16), values), "row_ends": 1, "pass_ends": 1, "last": range(values),
    })


def bus_width(chip, name):
    """Bits of a word of the ifmap, filter or psum buses."""
    if name == "ifmap":
        return Shape.cast(ifmap_bus_word(chip.ifmap_bus_values)).width
    return 16 * getattr(chip, f"{name}_bus_values")


def tag_layout(chip, name):
    """(row, col) tag of a word of the ifmap, filter or psum networks."""
    return data.StructLayout({
        "row": chip.row_id_bits, "col": chip.ifmap_col_id_bits if name == "ifmap" else chip.col_id_bits})


class Burst(data.Struct):
    """A DRAM command: `length` + 1 words of 64 bit from word address `address`."""

    write: 1
    address: ADDRESS_BITS
    length: 8
