"""The chip's parameters: one frozen, validated dataclass, named presets, TOML files."""

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

__all__ = ["PRESETS", "ChipConfig", "load_chip"]

# field -> (least, most); what lies outside has no meaning, or no test
_LIMITS = {
    "rows": (2, 32),
    "columns": (1, 32),
    "data_width": (8, 16),
    "psum_width": (16, 32),
    "ifmap_spad_words": (2, 32),
    "filter_spad_words": (4, 1024),
    "psum_spad_words": (4, 64),
    "ifmap_bus_values": (1, 8),
    "filter_bus_values": (1, 8),
    "psum_bus_values": (1, 4),
    "ifmap_fifo_depth": (1, 16),
    "psum_fifo_depth": (1, 16),
    "glb_banks": (2, 64),
    "glb_bank_words": (16, 4096),
    "filter_bank_words": (16, 4096),
    "bias_words": (4, 256),
    "burst_words": (2, 64),
    "core_mhz": (1, 5000),
    "link_mhz": (1, 5000),
}

_REASONS = {
    "rows": "psums pass from row to row; identifiers and tests go as far as 32 rows",
    "columns": "identifiers and tests go as far as 32 columns",
    "ifmap_spad_words": "a window slides over at least two words",
}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")  # files and the core of FuseSoC are called so


@dataclass(frozen=True, kw_only=True)
class ChipConfig:
    """Parameters of one chip (Table IV and Section V of the JSSC paper).

    Parameters
    ----------
    name : str
        What reports and files call this chip: a Verilog identifier, which may have hyphens.
    rows, columns : int
        PE array, 2 to 32 by 1 to 32; the paper's is 12 x 14.
    data_width : int
        Bits of a weight, an ifmap value and an ofmap: 16 for fixed point, as on the paper's chip, or 8 for layers of
        8-bit networks (`golden.int8`).
    psum_width : int
        Bits of a psum: 16, or 24 or 32 where data have 8.
    ifmap_spad_words, filter_spad_words, psum_spad_words : int
        Scratch pads of a PE, in values.
    ifmap_bus_values : int
        Values of a word of the ifmap bus: 1 as on the paper's chip, 2 or more beyond it.
    filter_bus_values, psum_bus_values : int
        Values of a word of the filter bus, and of the psum buses (GIN, GON and local network): as many as a 64-bit
        word holds, 4 on the paper's chip, or fewer where wires are dearer than cycles, as on FPGAs.
    ifmap_fifo_depth, psum_fifo_depth : int
        I/O FIFOs of a PE, in words of the ifmap bus and of the psum buses.
    glb_banks, glb_bank_words : int
        Banks shared by ifmaps and psums, and 64-bit words in each.
    filter_bank_words : int
        64-bit words in each of the two filter banks.
    bias_words : int
        64-bit words of biases that one group of filters (p x t) may take.
    burst_words : int
        Longest DRAM burst in 64-bit words; a power of two.
    zero_skip : bool
        PEs skip zeros of the ifmap instead of gating them: beyond the paper's chip, see `hw.array.zero_skip`.
    coded_weights : bool
        Weights may lie run-length coded in DRAM and in the filter banks: beyond the paper's chip, see
        `hw.paths.filter.FilterDecoder`.
    core_mhz, link_mhz : int
        Clocks of the simulated system.

    Raises
    ------
    ValueError
        A field outside its limits, or fields that contradict each other; the message names both.
    TypeError
        A field of another type.
    """

    name: str = "eyeriss"
    rows: int = 12
    columns: int = 14
    data_width: int = 16
    psum_width: int = 16
    ifmap_spad_words: int = 12
    filter_spad_words: int = 224
    psum_spad_words: int = 24
    ifmap_bus_values: int = 1
    filter_bus_values: int = 4
    psum_bus_values: int = 4
    ifmap_fifo_depth: int = 4
    psum_fifo_depth: int = 2
    glb_banks: int = 25
    glb_bank_words: int = 512
    filter_bank_words: int = 512
    bias_words: int = 64
    burst_words: int = 16
    zero_skip: bool = False
    coded_weights: bool = False
    core_mhz: int = 200
    link_mhz: int = 60

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a string, not {self.name!r}")
        if not _NAME.fullmatch(self.name):
            raise ValueError("name must be a Verilog identifier of at most 64 letters, digits, _ and -, "
                             f"not {self.name!r}")
        for field, (least, most) in _LIMITS.items():
            value = getattr(self, field)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{field} must be an integer, not {value!r}")
            if not least <= value <= most:
                reason = f" ({_REASONS[field]})" if field in _REASONS else ""
                raise ValueError(f"{field} must be {least} to {most}, not {value!r}{reason}")
        for field in ("zero_skip", "coded_weights"):
            value = getattr(self, field)
            if not isinstance(value, bool):
                raise TypeError(f"{field} must be true or false, not {value!r}")
        for field in ("data_width", "ifmap_bus_values", "filter_bus_values", "psum_bus_values", "glb_bank_words",
                      "filter_bank_words", "burst_words"):
            value = getattr(self, field)
            if value & (value - 1):
                raise ValueError(f"{field} must be a power of two, not {value!r}")
        widths = (16,) if self.data_width == 16 else (16, 24, 32)
        if self.psum_width not in widths:
            raise ValueError(f"psum_width must be {' or '.join(map(str, widths))} with data_width = "
                             f"{self.data_width}, not {self.psum_width!r}")
        for field, most in (("ifmap_bus_values", self.word_values), ("filter_bus_values", self.word_values),
                            ("psum_bus_values", self.word_psums)):
            value = getattr(self, field)
            if value > most:
                raise ValueError(f"{field} must be at most {most}, the values of a 64-bit word, not {value!r}")
        if self.filter_spad_words < self.ifmap_spad_words:
            raise ValueError(
                f"filter_spad_words must hold one filter row of ifmap_spad_words = {self.ifmap_spad_words}, "
                f"not {self.filter_spad_words!r}")
        if self.burst_words > self.filter_bank_words:
            raise ValueError(
                f"burst_words must be at most filter_bank_words = {self.filter_bank_words}, "
                f"not {self.burst_words!r}")

    @property
    def pes(self) -> int:
        """Number of PEs."""
        return self.rows * self.columns

    @property
    def word_values(self) -> int:
        """Such values of a 64-bit word."""
        return 64 // self.data_width

    @property
    def word_psums(self) -> int:
        """Psums of a 64-bit word: a power of two."""
        return 1 << (64 // self.psum_width).bit_length() - 1

    @property
    def run_bits(self) -> int:
        """Bits of a run of zeros in a run-length pair."""
        return 5 if self.data_width == 16 else 4

    @property
    def word_pairs(self) -> int:
        """Run-length pairs of a 64-bit word, whose last bit is a mark."""
        return 63 // (self.run_bits + self.data_width)

    @property
    def pair_values(self) -> int:
        """Values that a run-length pair stands for at most."""
        return 1 << self.run_bits

    @property
    def bias_parts(self) -> int:
        """64-bit words of DRAM for the biases of a word of psums; for 8-bit ofmaps 32 bits each, and a factor."""
        return 1 if self.data_width == 16 else self.word_psums

    @property
    def row_id_bits(self) -> int:
        """Bits of a row ID: one for each row and one for none; 4 as in Fig. 10, or more."""
        return max(4, self.rows.bit_length())

    @property
    def col_id_bits(self) -> int:
        """Bits of a col ID of the filter and psum networks: one for each column; 4 as in Fig. 10, or more."""
        return max(4, (self.columns - 1).bit_length())

    @property
    def ifmap_col_id_bits(self) -> int:
        """Bits of a col ID of the ifmap network: one for each diagonal of the array, 32 (Section V-B) or more."""
        return max(5, (self.rows + self.columns - 2).bit_length())

    @property
    def glb_words(self) -> int:
        """64-bit words that ifmaps and psums share."""
        return self.glb_banks * self.glb_bank_words

    @property
    def sram_bytes(self) -> int:
        """All the GLB in bytes, the filter banks included (108 KB in the paper)."""
        return 8 * (self.glb_words + 2 * self.filter_bank_words)


# buses as wide as those of 16-bit data, but for the psum buses of 64 bits
_INT8 = {"data_width": 8, "psum_width": 32, "ifmap_bus_values": 2, "filter_bus_values": 8, "psum_bus_values": 2}

PRESETS = {
    "eyeriss": ChipConfig(),
    "mini": ChipConfig(name="mini", rows=6, columns=5, glb_banks=8, glb_bank_words=128,
                       filter_bank_words=128),
    "eyeriss-skip": ChipConfig(name="eyeriss-skip", zero_skip=True),
    "mini-skip": ChipConfig(name="mini-skip", rows=6, columns=5, glb_banks=8, glb_bank_words=128,
                            filter_bank_words=128, zero_skip=True),
    "eyeriss-skip-wide": ChipConfig(name="eyeriss-skip-wide", zero_skip=True, ifmap_bus_values=4),
    "mini-skip-wide": ChipConfig(name="mini-skip-wide", rows=6, columns=5, glb_banks=8, glb_bank_words=128,
                                 filter_bank_words=128, zero_skip=True, ifmap_bus_values=4),
    "eyeriss-int8": ChipConfig(name="eyeriss-int8", **_INT8),
    "mini-int8": ChipConfig(name="mini-int8", rows=6, columns=5, glb_banks=8, glb_bank_words=128,
                            filter_bank_words=128, **_INT8),
}


def load_chip(source: str) -> ChipConfig:
    """A preset by name, or a TOML file of ChipConfig's fields.

    A file starts from the paper's chip unless it names another `preset`.

    Raises
    ------
    ValueError
        Neither a preset nor a readable TOML file, an unknown field, or a bad value.
    """
    if source in PRESETS:
        return PRESETS[source]
    path = Path(source)
    if not path.is_file():
        raise ValueError(f"chip must be one of {', '.join(PRESETS)} or a TOML file, not {source!r}")
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"{source} must be readable: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{source} must be a TOML file: {error}") from None
    base = table.pop("preset", "eyeriss")
    if not isinstance(base, str) or base not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {base!r}")
    known = [field.name for field in fields(ChipConfig)]
    for key in table:
        if key not in known:
            raise ValueError(f"{source}: unknown field {key!r}; known are {', '.join(known)}")
    values = {field: getattr(PRESETS[base], field) for field in known} | {"name": path.stem} | table
    try:
        return ChipConfig(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from None
