"""A mapping that fits the chip, with its tiles and blocks: the basis of the DRAM image and the configuration."""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from hw.config import ChipConfig

from .geometry import Geometry, Pieces, up
from .limits import array_limits, loop_limits
from .lowering import NativeLayer
from .mapping import Mapping, MappingError

__all__ = ["FilterGroups", "Placement", "Tile"]


class Tile(NamedTuple):
    """An ofmap tile: where it lies in the layer's ofmap, and its size."""

    image: int
    row: int
    rows: int
    column: int
    columns: int


@dataclass(frozen=True)
class FilterGroups:
    """How M is cut into m groups, and these into filter groups of p t.

    Attributes
    ----------
    m_groups : int
    each, last : int
        Filter groups of an m group, and of the last one.
    """

    m_groups: int
    each: int
    last: int


class Placement(Geometry[int]):
    """A mapping of a native layer on a chip: one job, or as many as the layer has groups, see `Geometry.jobs`.

    Parameters
    ----------
    layer : NativeLayer
        Its groups are merged as `mapping.g` says.
    mapping : Mapping
        The attribute `mapping` is this one cut down to the layer, `mapping.cut_to(layer)`.
    chip : ChipConfig
    first_block, block_count : int
        Which of the layer's blocks of n tiles; all by default.

    Raises
    ------
    MappingError
        A resource is short.
    """

    mapping: Mapping

    def __init__(self, layer: NativeLayer, mapping: Mapping, chip: ChipConfig, first_block: int = 0,
                 block_count: int | None = None) -> None:
        super().__init__(layer.merge(mapping.g), chip, mapping.cut_to(layer))
        self.first_block, self.block_count = first_block, block_count
        self._check()

    def _check(self) -> None:
        mapping = self.mapping
        for limit in chain(array_limits(self), loop_limits(self)):
            if limit.value > limit.most:
                raise MappingError(f"{limit.what} is {limit.value}, chip {self.chip.name} has {limit.most}")
        if mapping.t > 1 and self.segments > 1 and mapping.e % self.segments:
            raise MappingError(f"e = {mapping.e} must be a multiple of its {self.segments} segments where t > 1")
        if mapping.m % self.pass_filters and mapping.m < self.layer.M:
            raise MappingError(f"m = {mapping.m} must be a multiple of p t = {self.pass_filters} or all of M")

    @property
    def tile_count(self) -> int:
        """Tiles of the chosen blocks."""
        return len(self._chosen)

    @property
    def _chosen(self) -> range:
        last = None if self.block_count is None else (self.first_block + self.block_count) * self.mapping.n
        return range(self.all_tiles)[self.first_block * self.mapping.n:last]

    @cached_property
    def tiles(self) -> list[Tile]:
        """The tiles of the chosen blocks, in order."""
        return list(map(self._tile, self._chosen))

    def _tile(self, index: int) -> Tile:
        mapping, layer = self.mapping, self.layer
        line, span = divmod(index, self.spans.count)
        image, strip = divmod(line, self.strips.count)
        row, column = strip * mapping.e, span * mapping.f
        return Tile(image, row, min(mapping.e, layer.E - row), column, min(mapping.f, layer.F - column))

    @property
    def tiles_of_blocks(self) -> list[list[Tile]]:
        """The same, block by block."""
        n = self.mapping.n
        return [self.tiles[first:first + n] for first in range(0, self.tile_count, n)]

    @property
    def blocks(self) -> Pieces[int]:
        """How many blocks are chosen, and the tiles of the last one."""
        count = up(self.tile_count, self.mapping.n)
        return Pieces(count, self.tile_count - (count - 1) * self.mapping.n)

    @property
    def filter_groups(self) -> FilterGroups:
        count, each = self.m_groups, self.groups_of_m
        return FilterGroups(count, each, self.all_filter_groups - (count - 1) * each)

    @property
    def passes(self) -> int:
        """Processing passes of a job, with the chosen blocks."""
        return self.job_groups * self.blocks.count * self.channel_groups * self.all_filter_groups

    def each_job(self) -> list["Placement"]:
        """A placement for each job."""
        if self.jobs == 1:
            return [self]
        return [Placement(layer, self.mapping, self.chip, self.first_block, self.block_count)
                for layer in self.layer.each()]

    @property
    def ifmap_banks(self) -> int:
        """GLB banks for ifmaps: those needed, and as many again if they are free, so that the next channel group
        loads during this one; the remaining banks hold psums, also those of the next block."""
        if self.mapping.coded:
            return self.mapping.coded
        needed = self.ifmap_banks_needed
        return needed + min(self.chip.glb_banks - needed - self.psum_banks_needed, needed)
