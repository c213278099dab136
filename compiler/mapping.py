"""The mapping parameters of the row-stationary dataflow (Table II) and what limits them."""

import json
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from compiler.lowering import NativeLayer
from hw.config import ChipConfig

__all__ = ["CodeTooLong", "Mapping", "MappingError", "Placement", "load_mapping"]


OPTIONAL = {"f", "coded"}  # of a mapping; 0 by default


class MappingError(ValueError):
    """A mapping that the chip cannot hold; the message names the resource."""


class CodeTooLong(MappingError):
    """Run-length coded ifmaps are longer than the GLB banks that the mapping has for them."""


@dataclass(frozen=True)
class Mapping:
    """How a layer is laid over the array (Table II).

    Parameters
    ----------
    m : int
        Ofmap channels whose psums the GLB holds.
    n : int
        Ifmap tiles of a pass: whole ifmaps where a tile is a plane, else strips and spans of them.
    e, f : int
        Ofmap rows and columns of a tile; `e` is the width of a PE set. f = 0: whole rows.
    p, q : int
        Filters and channels of a PE set.
    r, t : int
        PE sets for different channels, for different filters.
    coded : int
        GLB banks for ifmaps that stay run-length coded in them; 0: ifmaps are decoded on their way into
        the GLB, as on the chip of the paper, and take what banks they need.
    """

    m: int
    n: int
    e: int
    p: int
    q: int
    r: int
    t: int
    f: int = 0
    coded: int = 0

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in OPTIONAL else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise MappingError(f"mapping {field.name} must be an integer of at least {least}, not {value!r}")

    def as_dict(self) -> dict:
        """In the order of Table II, with f and coded."""
        table = asdict(self)
        return {name: table[name] for name in "m n e f p q r t coded".split()}


def load_mapping(path) -> Mapping:
    """A mapping from a JSON file with the keys m n e p q r t, for column tiles f, and perhaps coded.

    Raises
    ------
    MappingError
        Unreadable, or a key is missing or unknown.
    """
    try:
        table = json.loads(Path(path).read_text())
    except OSError as error:
        raise MappingError(f"mapping file {path} must be readable: {error.strerror}") from None
    except ValueError as error:
        raise MappingError(f"mapping file {path} must be JSON: {error}") from None
    names = {field.name for field in fields(Mapping)}
    if not isinstance(table, dict):
        raise MappingError(f"mapping file {path} must be an object with the keys m n e f p q r t")
    if missing := names - OPTIONAL - set(table):
        raise MappingError(f"mapping file {path} lacks {', '.join(sorted(missing))}")
    if unknown := set(table) - names:
        raise MappingError(f"mapping file {path} has unknown keys {', '.join(sorted(unknown))}")
    return Mapping(**table)


def _pieces(total, most):
    """Pieces of at most `most`: (how many, the last one's size)."""
    count = -(-total // most)
    return count, total - (count - 1) * most


@dataclass(frozen=True)
class Placement:
    """A mapping of a native layer on a chip, with all that follows from it.

    `first_block` and `block_count` choose some of the layer's blocks of n tiles; all by default.

    Raises
    ------
    MappingError
        At construction, where a resource is short.
    """

    layer: NativeLayer
    mapping: Mapping
    chip: ChipConfig
    first_block: int = 0
    block_count: int | None = None

    def __post_init__(self):
        layer, chip = self.layer, self.chip
        fixed = replace(self.mapping, f=min(self.mapping.f or layer.F, layer.F),
                        e=min(self.mapping.e, layer.E),
                        n=min(self.mapping.n, layer.N * self._tiles_of(layer, self.mapping)))
        object.__setattr__(self, "mapping", fixed)
        for value, most, what in self._limits():
            if value > most:
                raise MappingError(f"{what} is {value}, chip {chip.name} has {most}")
        if fixed.t > 1 and self.segments > 1 and fixed.e % self.segments:
            raise MappingError(f"e = {fixed.e} must be a multiple of its {self.segments} segments where t > 1")
        if fixed.m % (fixed.p * fixed.t) and fixed.m < layer.M:
            raise MappingError(f"m = {fixed.m} must be a multiple of p t = {fixed.p * fixed.t} or all of M")

    @staticmethod
    def _tiles_of(layer, mapping):
        f = min(mapping.f or layer.F, layer.F)
        return -(-layer.E // mapping.e) * -(-layer.F // f)

    def _limits(self):
        layer, chip, mp = self.layer, self.chip, self.mapping
        yield mp.p, chip.psum_spad_words, "p, psums in a PE's psum spad,"
        yield mp.q * layer.S, chip.ifmap_spad_words, "q S, values in a PE's ifmap spad,"
        yield mp.p * mp.q * layer.S, chip.filter_spad_words, "p q S, weights in a PE's filter spad,"
        yield mp.r * layer.R, chip.rows, "r R, rows of PEs for a stack of sets,"
        yield self.stacks * mp.r * layer.R, chip.rows, "rows of PEs for all sets (r, t and segments of e)"
        yield self.columns, chip.columns, "columns of PEs for sets side by side"
        yield mp.r * layer.U, 15, "r U, ifmap row IDs,"
        yield (self.rows - 1) // layer.U, 30, "the highest ifmap col ID"
        yield self.quads * mp.t, chip.bias_words, "words of biases of a filter group"
        yield self.rows, 256, "ifmap rows of a tile"
        yield self.ifmap_banks_needed + self.psum_banks_needed, chip.glb_banks, (
            f"GLB banks for ifmaps ({self.ifmap_banks_needed}) and psums ({self.psum_banks_needed})")

    # -- the array --------------------------------------------------------------------------------

    @cached_property
    def segments(self) -> int:
        """Parts of a PE set that is wider than the array, on rows of their own (Fig. 5, CONV2)."""
        return -(-self.mapping.e // self.chip.columns)

    @cached_property
    def sets_across(self) -> int:
        """Sets for other filters (t) side by side: as many as fit and divide t."""
        if self.segments > 1:
            return 1
        most = min(self.mapping.t, self.chip.columns // self.mapping.e)
        return next(count for count in range(most, 0, -1) if self.mapping.t % count == 0)

    @property
    def sets_down(self) -> int:
        """Sets for other filters below one another."""
        return self.mapping.t // self.sets_across

    @property
    def stacks(self) -> int:
        """Stacks of r sets below one another, segments included."""
        return self.sets_down * self.segments

    @property
    def columns(self) -> int:
        """PE columns of a stack; the last segment may be narrower."""
        if self.segments == 1:
            return self.mapping.e * self.sets_across
        return self.mapping.e // self.segments if self.mapping.t > 1 else self.chip.columns

    @property
    def active_pes(self) -> int:
        return self.layer.R * self.mapping.e * self.mapping.r * self.mapping.t

    # -- the loops --------------------------------------------------------------------------------

    @property
    def quads(self) -> int:
        """64-bit words of psums at a position of a set."""
        return -(-self.mapping.p // 4)

    @property
    def group(self) -> int:
        """Filters of a pass (p t)."""
        return self.mapping.p * self.mapping.t

    @cached_property
    def strips(self):
        return _pieces(self.layer.E, self.mapping.e)

    @cached_property
    def spans(self):
        return _pieces(self.layer.F, self.mapping.f)

    @cached_property
    def tiles(self):
        """(image, first row, rows, first column, columns) of the ofmap tiles, in order."""
        mp, layer = self.mapping, self.layer
        every = [(image, row, min(mp.e, layer.E - row), column, min(mp.f, layer.F - column))
                 for image in range(layer.N) for row in range(0, layer.E, mp.e)
                 for column in range(0, layer.F, mp.f)]
        last = None if self.block_count is None else (self.first_block + self.block_count) * mp.n
        return every[self.first_block * mp.n:last]

    @property
    def all_blocks(self) -> int:
        """Blocks of the whole layer."""
        return -(-self.layer.N * self.strips[0] * self.spans[0] // self.mapping.n)

    @cached_property
    def blocks(self):
        return _pieces(len(self.tiles), self.mapping.n)

    @cached_property
    def channel_groups(self) -> int:
        return -(-self.layer.C // (self.mapping.q * self.mapping.r))

    @cached_property
    def filter_groups(self):
        """(m groups, filter groups of each, filter groups of the last)."""
        total = -(-self.layer.M // self.group)
        each = min(total, -(-self.mapping.m // self.group))
        count, last = _pieces(total, each)
        return count, each, last

    @property
    def passes(self) -> int:
        """Processing passes of the layer."""
        count, each, last = self.filter_groups
        return self.blocks[0] * self.channel_groups * ((count - 1) * each + last)

    # -- sizes ------------------------------------------------------------------------------------

    @property
    def rows(self) -> int:
        """Ifmap rows of a whole tile."""
        return self.ifmap_rows(self.mapping.e)

    def ifmap_rows(self, e):
        return (e - 1) * self.layer.U + self.layer.R

    def ifmap_columns(self, f):
        return (f - 1) * self.layer.V + self.layer.S

    def ifmap_words(self, e, f):
        """64-bit words of a tile's q r channels."""
        values = self.ifmap_rows(e) * self.ifmap_columns(f) * self.mapping.q * self.mapping.r
        return -(-values // 4)

    def psum_words(self, e, f):
        """64-bit words of a tile's p t psums."""
        return e * f * self.mapping.t * self.quads

    @property
    def ifmap_banks_needed(self) -> int:
        if self.mapping.coded:
            return self.mapping.coded
        return -(-self._most_of_a_block(self.ifmap_words) // self.chip.glb_bank_words)

    @property
    def psum_banks_needed(self) -> int:
        words = self.filter_groups[1] * self._most_of_a_block(self.psum_words)
        return -(-words // self.chip.glb_bank_words)

    def _most_of_a_block(self, words):
        """Words of all n tiles of the block that has most: ragged ones take less."""
        mp, (strips, e_ragged), (spans, f_ragged) = self.mapping, self.strips, self.spans
        sizes = [words(rows, columns) for rows in [mp.e] * (strips - 1) + [e_ragged]
                 for columns in [mp.f] * (spans - 1) + [f_ragged]]
        sums = np.concatenate([[0], np.cumsum(np.resize(sizes, len(sizes) + mp.n))])
        return int((sums[mp.n:] - sums[:-mp.n]).max())

    @property
    def ifmap_banks(self) -> int:
        """Banks for ifmaps: what is needed, and of the spare ones up to as many again, so that the next
        channel group comes in meanwhile; the rest lets psums of the next block start."""
        if self.mapping.coded:
            return self.mapping.coded
        spare = self.chip.glb_banks - self.ifmap_banks_needed - self.psum_banks_needed
        return self.ifmap_banks_needed + min(spare, self.ifmap_banks_needed)

    @property
    def pass_words(self) -> int:
        """64-bit words of weights of a pass."""
        weights = self.mapping.p * self.mapping.q * self.layer.S
        return -(-weights // 4) * self.layer.R * self.mapping.r * self.mapping.t
