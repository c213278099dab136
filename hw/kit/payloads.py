"""Payloads that cross module borders."""

from amaranth.hdl import Shape, signed, unsigned
from amaranth.lib import data

from hw.config.fields import ADDRESS_BITS

__all__ = [
    "QUAD", "UNCLAIMED", "Burst", "bus_width", "bus_word", "glb_address", "ifmap_bus_word", "ifmap_word",
    "tag_layout", "tagged_word", "value_shape",
]

QUAD = 64  # bits of a word: of the GLB, the link, and the filter and psum buses of the paper's chip

#: For each network, whether a word, or a request for one, matches no PE.
UNCLAIMED = data.StructLayout({"filters": 1, "ifmaps": 1, "psums": 1, "requests": 1})


def value_shape(bits):
    """Shape of an ifmap value of the chip's `data_width`: those of 8 bits are unsigned."""
    return signed(bits) if bits == 16 else unsigned(bits)


def ifmap_word(bits):
    """An ifmap value on its way to the PEs.

    The flags are 1 on the first word of a row's last window, so that a PE knows that every word of
    that window, or every weight of the pass, is dead once read.
    """
    return data.StructLayout({"value": value_shape(bits), "row_ends": 1, "pass_ends": 1})


def ifmap_bus_word(values, bits):
    """What crosses an ifmap bus of `values` values: an `ifmap_word`, or several of them in one.

    The `values` of a wider word are channels of one ifmap row and column, the first lowest, `last` + 1 of
    them; the flags are the first one's.
    """
    if values == 1:
        return ifmap_word(bits)
    return data.StructLayout({
        "values": data.ArrayLayout(value_shape(bits), values), "row_ends": 1, "pass_ends": 1, "last": range(values),
    })


def bus_word(chip, name):
    """Shape of a word of the ifmap, filter or psum buses."""
    return {
        "filter": chip.data_width * chip.filter_bus_values,
        "ifmap": ifmap_bus_word(chip.ifmap_bus_values, chip.data_width),
        "psum": chip.psum_width * chip.psum_bus_values,
    }[name]


def bus_width(chip, name):
    """Bits of a word of the ifmap, filter or psum buses."""
    return Shape.cast(bus_word(chip, name)).width


def tag_layout(chip, name):
    """(row, col) tag of a word of the ifmap, filter or psum networks."""
    return data.StructLayout({
        "row": chip.row_id_bits, "col": chip.ifmap_col_id_bits if name == "ifmap" else chip.col_id_bits})


def tagged_word(chip, name):
    """A word of the ifmap, filter or psum network and the tag of those it is for."""
    return data.StructLayout({"data": bus_word(chip, name), "tag": tag_layout(chip, name)})


def glb_address(chip):
    """A word of the GLB's banks: its row in a bank, and the bank above, so that addresses count through a bank."""
    return data.StructLayout({"row": range(chip.glb_bank_words), "bank": range(chip.glb_banks)})


class Burst(data.Struct):
    """A DRAM command: `length` + 1 words of 64 bit from word address `address`."""

    write: 1
    address: ADDRESS_BITS
    length: 8
