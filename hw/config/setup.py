"""What a job takes before it starts: a reset, and the configuration, bit by bit."""

from .chip import ChipConfig
from .fields import scan_fields

__all__ = ["configuration_cycles", "reset_cycles"]

#: Cycles of each clock at least that a reset is held in both domains together, and as many before the chip is used.
RESET = 4


def reset_cycles(core_mhz, link_mhz) -> int:
    """Core cycles that the reset before a job is held; it is over as many cycles later."""
    return max(RESET, int(-(-RESET * core_mhz // link_mhz)))


def configuration_cycles(chip: ChipConfig) -> int:
    """Core cycles of a job from its reset until its scan chain is loaded, so that it may start.

    The reset, the time that it takes to be over, a cycle to begin, and a cycle a bit. Nothing else goes on meanwhile.
    """
    bits = sum(field.bits for field in scan_fields(chip))
    return 2 * reset_cycles(chip.core_mhz, chip.link_mhz) + 1 + bits
