"""What a host writes to the registers of the chip behind AXI, job by job: drivers and files have it from here."""

from collections.abc import Iterable, Iterator, Sequence

from hw.config import scan_words
from hw.config.registers import ERRORS, FIELDS, INTERRUPTS

__all__ = ["RegisterWrite", "configuration_writes", "job_writes", "mask", "reset_write", "start_write"]

#: A register's name and the value that is written to it.
RegisterWrite = tuple[str, int]


def mask(name: str) -> int:
    """Mask of a field, such as "STATUS.BUSY"."""
    field = FIELDS[name]
    return (1 << field.width) - 1 << field.low


def reset_write() -> RegisterWrite:
    """Resets the chip; it is over when STATUS has neither BUSY nor RESETTING."""
    return "CONTROL", mask("CONTROL.RESET")


def configuration_writes(bits: Sequence[int], base: int) -> Iterator[RegisterWrite]:
    """Forget the errors of the job before, load the scan chain, set the base address, enable the interrupts.

    Parameters
    ----------
    bits : sequence of int
        The scan chain's.
    base : int
        Byte address of the image's word 0.
    """
    yield "ERROR", _all("ERROR", ERRORS)
    yield "INTERRUPT_PENDING", _all("INTERRUPT_PENDING", INTERRUPTS)
    for word in scan_words(bits):
        yield "CONFIG", word
    yield "BASE_LOW", base & 0xFFFF_FFFF
    yield "BASE_HIGH", base >> 32
    yield "INTERRUPT_ENABLE", _all("INTERRUPT_ENABLE", INTERRUPTS)


def start_write() -> RegisterWrite:
    """Starts the job; it is over when STATUS has no BUSY any more."""
    return "CONTROL", mask("CONTROL.START")


def job_writes(jobs: Iterable[Sequence[int]], base: int) -> Iterator[RegisterWrite]:
    """All writes of some jobs, each of which is given by its scan chain's bits.

    After each write to CONTROL the host waits until STATUS has neither BUSY nor RESETTING.
    """
    for bits in jobs:
        yield reset_write()
        yield from configuration_writes(bits, base)
        yield start_write()


def _all(register: str, names: Iterable[str]) -> int:
    return sum(mask(f"{register}.{name}") for name in names)
