"""The chip's DRAM pins: the only list of them, and how they carry a `DramLink`."""

from amaranth.lib.wiring import In, Out

from hw.config.fields import ADDRESS_BITS
from hw.kit.payloads import QUAD

__all__ = ["DRAM_PINS", "link_to_pins", "pins_to_link"]

#: Members of a top, with flat names that testbenches and constraints know: commands, write data, read data.
DRAM_PINS = {
    "dram_cmd_valid": Out(1), "dram_cmd_ready": In(1), "dram_cmd_write": Out(1),
    "dram_cmd_address": Out(ADDRESS_BITS), "dram_cmd_length": Out(8),
    "dram_wdata_valid": Out(1), "dram_wdata_ready": In(1), "dram_wdata": Out(QUAD),
    "dram_rdata_valid": In(1), "dram_rdata_ready": Out(1), "dram_rdata": In(QUAD),
}


def _pairs(pins, link):
    """Pin and member for each output of the chip, and for each input."""
    burst = link.bursts.payload
    return [
        (pins.dram_cmd_valid, link.bursts.valid), (pins.dram_cmd_write, burst.write),
        (pins.dram_cmd_address, burst.address), (pins.dram_cmd_length, burst.length),
        (pins.dram_wdata_valid, link.write_words.valid), (pins.dram_wdata, link.write_words.payload),
        (pins.dram_rdata_ready, link.read_words.ready),
    ], [
        (pins.dram_cmd_ready, link.bursts.ready), (pins.dram_wdata_ready, link.write_words.ready),
        (pins.dram_rdata_valid, link.read_words.valid), (pins.dram_rdata, link.read_words.payload),
    ]


def link_to_pins(m, link, pins):
    """In the chip: wire its `DramLink` to the pins of its top."""
    outputs, inputs = _pairs(pins, link)
    m.d.comb += [pin.eq(member) for pin, member in outputs] + [member.eq(pin) for pin, member in inputs]


def pins_to_link(m, pins, link):
    """Around the chip: wire the pins of its instance to the `DramLink` of what serves it."""
    outputs, inputs = _pairs(pins, link)
    m.d.comb += [member.eq(pin) for pin, member in outputs] + [pin.eq(member) for pin, member in inputs]
