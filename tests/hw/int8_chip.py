"""A chip of 8-bit values for benches of single modules."""

from dataclasses import replace

__all__ = ["int8"]


def int8(chip, **changes):
    """A chip of the same sizes, with psums of 32 bits."""
    return replace(chip, **{"data_width": 8, "psum_width": 32, "psum_bus_values": 2} | changes)
