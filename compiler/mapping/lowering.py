"""From any convolution to layers that the chip runs natively.

The chip sees channels of R x S planes and slides one window over each. What it does not support
becomes further channels, each with its own offset into a source plane: the segments of a filter that is
taller or wider than a PE set, and the single rows or columns of a dilated filter. Where a stride is
larger than the filter, the rows or columns between are left out.

Groups are computed one after another. Groups of few filters may be merged: several are computed as one, whose
weights between different groups are zeros. So words of ofmaps hold filters of several groups, and PE sets have work
for more of their filters and channels.
"""

from dataclasses import dataclass, replace

import numpy as np

from golden.layer import LayerShape
from hw.config import ChipConfig

__all__ = ["NativeLayer", "lower"]


@dataclass(frozen=True)
class NativeLayer:
    """Some groups of a layer, one after another, as the chip runs them.

    M, C, and what follows from them, are those of a group, or of as many as are merged.

    Parameters
    ----------
    shape : LayerShape
        The layer it comes from.
    group : int
        The first of its groups, counted in groups of `merged`.
    row_segments, column_segments : int
        Segments that a filter is cut into.
    first_filter, filters : int
        Which of the group's filters; all by default.
    groups : int
        How many, merged ones counted as one.
    merged : int
        Groups that are computed as one.
    """

    shape: LayerShape
    group: int
    row_segments: int
    column_segments: int
    first_filter: int = 0
    filters: int | None = None
    groups: int = 1
    merged: int = 1

    def merge(self, count: int) -> "NativeLayer":
        """The same groups, `count` computed as one; the last may be padded by groups of zeros.

        Raises
        ------
        ValueError
            They are merged otherwise.
        """
        if count == self.merged:
            return self
        if self.merged != 1:
            raise ValueError(f"groups merged by {self.merged} cannot be merged by {count}")
        return replace(self, groups=-(-self.groups // count), merged=count)

    def each(self) -> list["NativeLayer"]:
        """The groups one by one."""
        return [replace(self, group=self.group + index, groups=1) for index in range(self.groups)]

    @property
    def N(self) -> int:
        return self.shape.N

    @property
    def M(self) -> int:
        return self._filters_of_group - self.first_filter if self.filters is None else self.filters

    @property
    def _filters_of_group(self) -> int:
        return self.merged * (self.shape.M // self.shape.G)

    @property
    def own_filters(self) -> slice:
        """Of the whole layer's."""
        first = self.group * self._filters_of_group + self.first_filter
        return slice(first, min(first + (self.groups - 1) * self._filters_of_group + self.M, self.shape.M))

    @property
    def C(self) -> int:
        """Channels, segments counted as such."""
        return self.merged * (self.shape.C // self.shape.G) * self.row_segments * self.column_segments

    @property
    def R(self) -> int:
        return -(-self.shape.R // self.row_segments)

    @property
    def S(self) -> int:
        return -(-self.shape.S // self.column_segments)

    @property
    def E(self) -> int:
        return self.shape.E

    @property
    def F(self) -> int:
        return self.shape.F

    @property
    def U(self) -> int:
        return min(self.shape.U, self.R)

    @property
    def V(self) -> int:
        return min(self.shape.V, self.S)

    @property
    def macs(self) -> int:
        """MACs of the PEs: padding of segments and zeros of merged groups included, padding of channels not."""
        return self.groups * self.N * self.M * self.E * self.F * self.C * self.R * self.S

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """The weights of one group, (M, C, R, S): segments as channels, padded by zeros.

        Parameters
        ----------
        weights : ndarray (M, C/G, R, S) of the whole layer.
        """
        own = weights[self.own_filters]
        shape, rows, columns = self.shape, self.row_segments, self.column_segments
        padded = np.zeros((self.M, self.merged, own.shape[1], rows * self.R, columns * self.S), own.dtype)
        filters = np.arange(len(own))
        padded[filters, (self.first_filter + filters) // (shape.M // shape.G), :, :shape.R, :shape.S] = own
        cut = padded.reshape(self.M, -1, rows, self.R, columns, self.S)
        return cut.transpose(0, 1, 2, 4, 3, 5).reshape(self.M, self.C, self.R, self.S)

    def sources(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each channel of one group: (channel of the whole layer, row, column offset) into the padded map.

        Channels of groups that the layer does not have are `shape.C`.
        """
        shape = self.shape
        per_group = self.merged * (shape.C // shape.G)
        channel, row, column = np.meshgrid(np.arange(per_group), np.arange(self.row_segments),
                                           np.arange(self.column_segments), indexing="ij")
        return (np.minimum(channel.ravel() + self.group * per_group, shape.C), row.ravel() * self.R * shape.D,
                column.ravel() * self.S * shape.D)

    def source_rows(self, first: int, count: int) -> np.ndarray:
        """Padded-map rows of the ifmap rows of `count` ofmap rows from row `first`."""
        return _window_starts(first, count, self.shape.U, self.U, self.R)

    def source_columns(self, first: int, count: int) -> np.ndarray:
        """The same for columns."""
        return _window_starts(first, count, self.shape.V, self.V, self.S)


def _window_starts(first: int, count: int, stride: int, native_stride: int, size: int) -> np.ndarray:
    index = np.arange((count - 1) * native_stride + size)
    if stride == native_stride:
        return first * stride + index
    # Stride larger than the window: windows follow each other without the rows or columns between them.
    return (first + index // size) * stride + index % size


def lower(shape: LayerShape, chip: ChipConfig) -> NativeLayer:
    """All groups of a layer, none merged.

    Filters taller than the array or wider than the ifmap spad are cut into equal segments; dilated ones
    into single rows and columns.
    """
    dilated = shape.D > 1
    row_segments = shape.R if dilated else -(-shape.R // chip.rows)
    column_segments = shape.S if dilated else -(-shape.S // chip.ifmap_spad_words)
    return NativeLayer(shape, 0, row_segments, column_segments, groups=shape.G)
