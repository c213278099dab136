"""The mapping parameters of the row-stationary dataflow (Table II) and what limits them."""

import json
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

from hw.config import ChipConfig

from .limits import Sizes
from .lowering import NativeLayer

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


@dataclass(frozen=True)
class Placement(Sizes):
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
        fixed = replace(self.mapping, f=min(self.mapping.f or layer.F, layer.F), e=min(self.mapping.e, layer.E))
        object.__setattr__(self, "mapping", fixed)
        fixed = replace(fixed, n=min(fixed.n, self.all_tiles))
        object.__setattr__(self, "mapping", fixed)
        for value, most, what in chain(self.array_limits(), self.loop_limits()):
            if value > most:
                raise MappingError(f"{what} is {value}, chip {chip.name} has {most}")
        if fixed.t > 1 and self.segments > 1 and fixed.e % self.segments:
            raise MappingError(f"e = {fixed.e} must be a multiple of its {self.segments} segments where t > 1")
        if fixed.m % (fixed.p * fixed.t) and fixed.m < layer.M:
            raise MappingError(f"m = {fixed.m} must be a multiple of p t = {fixed.p * fixed.t} or all of M")

    @property
    def tile_count(self) -> int:
        """Tiles of the chosen blocks."""
        return len(self._chosen)

    @property
    def _chosen(self):
        last = None if self.block_count is None else (self.first_block + self.block_count) * self.mapping.n
        return range(self.all_tiles)[self.first_block * self.mapping.n:last]

    @cached_property
    def tiles(self):
        """(image, first row, rows, first column, columns) of the ofmap tiles, in order."""
        return list(map(self._tile, self._chosen))

    def _tile(self, index):
        mp, layer = self.mapping, self.layer
        line, span = divmod(index, self.spans[0])
        image, strip = divmod(line, self.strips[0])
        row, column = strip * mp.e, span * mp.f
        return image, row, min(mp.e, layer.E - row), column, min(mp.f, layer.F - column)

    @cached_property
    def blocks(self):
        """(blocks, tiles of the last one)."""
        n = self.mapping.n
        count = -(-self.tile_count // n)
        return count, self.tile_count - (count - 1) * n

    @cached_property
    def filter_groups(self):
        """(m groups, filter groups of each, filter groups of the last)."""
        total, each = self.all_filter_groups, int(self.groups_each)
        count = -(-total // each)
        return count, each, total - (count - 1) * each

    @property
    def passes(self) -> int:
        """Processing passes of the layer."""
        return self.blocks[0] * self.channel_groups * self.all_filter_groups

    @cached_property
    def ifmap_banks(self) -> int:
        """Banks for ifmaps: what is needed, and of the spare ones up to as many again, so that the next
        channel group comes in meanwhile; the rest lets psums of the next block start."""
        if self.mapping.coded:
            return self.mapping.coded
        needed = int(self.ifmap_banks_needed)
        return needed + min(self.chip.glb_banks - needed - int(self.psum_banks_needed), needed)
