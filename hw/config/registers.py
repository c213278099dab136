"""The register map: the only description of it. RTL, Markdown page and C header are made from this."""

from dataclasses import dataclass

from . import ChipConfig, scan_fields

__all__ = ["ADDRESS_BITS", "ERRORS", "FIELDS", "INTERRUPTS", "OFFSETS", "REGISTERS", "Field", "Register", "constants"]

ADDRESS_BITS = 12  # of a byte in the map
MAP_VERSION = 0x0001_0000  # major, minor
IDENTITY = 0x45594552  # "EYER"


@dataclass(frozen=True)
class Field:
    """Bits `low` to `low + width - 1` of a register."""

    name: str
    low: int
    meaning: str
    width: int = 1


@dataclass(frozen=True)
class Register:
    """32 bits at byte `offset`.

    `access` is "RO", "RW", "WO", or "W1C": a bit written as one is cleared.
    """

    name: str
    offset: int
    access: str
    meaning: str
    fields: tuple[Field, ...] = ()

    @property
    def readable(self) -> bool:
        return self.access != "WO"

    @property
    def writable(self) -> bool:
        return self.access != "RO"


def _bits(*fields):
    """Fields of one bit each, from bit 0 on."""
    return tuple(Field(name, bit, meaning) for bit, (name, meaning) in enumerate(fields))


REGISTERS = (
    Register("IDENTITY", 0x000, "RO", 'reads 0x45594552, "EYER"'),
    Register("VERSION", 0x004, "RO", "of this map", (
        Field("MINOR", 0, "grows when registers are added", 16),
        Field("MAJOR", 16, "grows when software has to change", 16))),
    Register("ARRAY", 0x008, "RO", "PEs and their arithmetic", (
        Field("ROWS", 0, "rows of PEs", 8), Field("COLUMNS", 8, "columns of PEs", 8),
        Field("DATA_WIDTH", 16, "bits of a value", 8), Field("ZERO_SKIP", 24, "PEs skip zeros"),
        Field("PSUM_EXTRA", 25, "bits of a psum beyond 16", 5),
        Field("CODED_WEIGHTS", 30, "weights may be run-length coded"))),
    Register("SPADS", 0x00C, "RO", "words of a PE's scratch pads", (
        Field("IFMAP", 0, "ifmap spad", 8), Field("PSUM", 8, "psum spad", 8),
        Field("FILTER", 16, "filter spad", 16))),
    Register("GLB", 0x010, "RO", "banks shared by ifmaps and psums", (
        Field("BANKS", 0, "number of banks", 16), Field("BANK_WORDS", 16, "64-bit words of a bank", 16))),
    Register("FILTER_BANKS", 0x014, "RO", "the two filter banks", (
        Field("WORDS", 0, "64-bit words of a bank", 16),)),
    Register("SCAN_BITS", 0x018, "RO", "bits of the scan chain"),
    Register("BURST_WORDS", 0x01C, "RO", "64-bit words of the longest burst"),
    Register("CONTROL", 0x020, "WO", "what to do", _bits(
        ("START", "run a layer"),
        ("RESET", "end what runs, finish what is on the bus, reset the chip with its configuration and counters"))),
    Register("STATUS", 0x024, "RO", "how it stands", _bits(
        ("BUSY", "a layer runs, or what it left on the bus is being finished"),
        ("DONE", "the last layer has ended well and all of it is in memory; until the next start or reset"),
        ("HALTED", "the last layer has ended with an error: only a reset helps, counters can be read"),
        ("RESETTING", "a reset is under way"),
        ("COUNTER_BUSY", "COUNTER is not there yet"))),
    Register("ERROR", 0x028, "W1C", "causes of errors, until cleared; a reset keeps them", _bits(
        ("READ_RESPONSE", "a read of DRAM was answered by SLVERR or DECERR: the layer ended"),
        ("WRITE_RESPONSE", "a write to DRAM was answered by SLVERR or DECERR: the layer ended"),
        ("FAULT", "the chip found a fault, the fault counters say which: the layer ended"),
        ("BUSY_START", "START while busy, halted or resetting: ignored"),
        ("UNALIGNED_BASE", "START with a BASE that is no multiple of 8: ignored"),
        ("BUSY_WRITE", "CONFIG, BASE_LOW or BASE_HIGH written while busy, halted or resetting: ignored"))),
    Register("INTERRUPT_ENABLE", 0x02C, "RW", "what raises the interrupt", _bits(
        ("DONE", "a layer has ended well"), ("ERROR", "a bit of ERROR was set"))),
    Register("INTERRUPT_PENDING", 0x030, "W1C", "what has happened, enabled or not", _bits(
        ("DONE", "a layer has ended well"), ("ERROR", "a bit of ERROR was set"))),
    Register("CONFIG", 0x034, "WO", "the next 32 bits into the scan chain, bit 0 first; a write waits for its turn"),
    Register("BASE_LOW", 0x038, "RW", "address of the DRAM image's first byte, bits 31 to 0"),
    Register("BASE_HIGH", 0x03C, "RW", "bits 63 to 32 of it"),
    Register("COUNTER_SELECT", 0x040, "WO", "asks for the counter of this number"),
    Register("COUNTER_LOW", 0x044, "RO", "the counter asked for, bits 31 to 0"),
    Register("COUNTER_HIGH", 0x048, "RO", "bits 63 to 32 of it"),
)

OFFSETS = {register.name: register.offset for register in REGISTERS}
FIELDS = {f"{register.name}.{field.name}": field for register in REGISTERS for field in register.fields}
ERRORS = tuple(field.name for register in REGISTERS if register.name == "ERROR" for field in register.fields)
INTERRUPTS = ("DONE", "ERROR")


def constants(chip: ChipConfig) -> dict[str, int]:
    """Values of the registers that identify a chip."""
    return {
        "IDENTITY": IDENTITY, "VERSION": MAP_VERSION,
        "ARRAY": (chip.rows | chip.columns << 8 | chip.data_width << 16 | chip.zero_skip << 24
                  | chip.psum_width - 16 << 25 | chip.coded_weights << 30),
        "SPADS": chip.ifmap_spad_words | chip.psum_spad_words << 8 | chip.filter_spad_words << 16,
        "GLB": chip.glb_banks | chip.glb_bank_words << 16, "FILTER_BANKS": chip.filter_bank_words,
        "SCAN_BITS": sum(field.bits for field in scan_fields(chip)), "BURST_WORDS": chip.burst_words,
    }
