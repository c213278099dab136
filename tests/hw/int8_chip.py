"""Chips whose words hold eight values of 8 bits, and psums of more than 16, for benches of single modules."""

from dataclasses import asdict, dataclass

from hw.config import ChipConfig

__all__ = ["Int8Chip", "chip_of", "int8"]


@dataclass(frozen=True, kw_only=True)
class Int8Chip(ChipConfig):
    """As `ChipConfig`, with values of 8 bits and psums of `psum_width`: 16, 24 or 32."""

    data_width: int = 8
    psum_width: int = 32
    psum_bus_values: int = 2
    value_bits = 8

    @property
    def psum_bits(self):
        return self.psum_width


def int8(chip, **changes):
    """A chip of the same sizes."""
    return Int8Chip(**asdict(chip) | {"data_width": 8, "psum_bus_values": 2} | changes)


def chip_of(fields):
    """The chip of these fields, of either kind."""
    return (Int8Chip if "psum_width" in fields else ChipConfig)(**fields)
