"""Payloads that cross module borders."""

from amaranth.hdl import Shape, signed
from amaranth.lib import data

__all__ = [
    "LANES", "QUAD", "Burst", "IfmapWord", "bus_width", "filter_tag", "ifmap_bus_word", "ifmap_tag", "psum_tag",
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


def _tag(row_width, col_width):
    return data.StructLayout({"row": row_width, "col": col_width})


filter_tag = _tag(4, 4)
ifmap_tag = _tag(4, 5)  # 5 bits: up to 32 ifmap rows pass in diagonal (Section V-B)
psum_tag = _tag(4, 4)


class Burst(data.Struct):
    """A DRAM command: `length` + 1 words of 64 bit from word address `address`."""

    write: 1
    address: 28
    length: 8
