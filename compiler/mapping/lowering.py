"""From any convolution to layers that the chip runs natively.

The chip sees channels of R x S planes and slides one window over each. What it does not support
becomes further channels, each with its own offset into a source plane: the segments of a filter that is
taller or wider than a PE set, and the single rows or columns of a dilated filter. Where a stride is
larger than the filter, the rows or columns between are left out. Groups are layers of their own.
"""

from dataclasses import dataclass

import numpy as np

from golden.layer import LayerShape
from hw.config import ChipConfig

__all__ = ["NativeLayer", "lower"]


@dataclass(frozen=True)
class NativeLayer:
    """One group of a layer as the chip runs it.

    Parameters
    ----------
    shape : LayerShape
        The layer it comes from.
    group : int
        Which of its groups.
    row_segments, column_segments : int
        Segments that a filter is cut into.
    first_filter, filters : int
        Which of the group's filters; all by default.
    """

    shape: LayerShape
    group: int
    row_segments: int
    column_segments: int
    first_filter: int = 0
    filters: int | None = None

    @property
    def N(self) -> int:
        return self.shape.N

    @property
    def M(self) -> int:
        return self.shape.M // self.shape.G - self.first_filter if self.filters is None else self.filters

    @property
    def own_filters(self) -> slice:
        """Of the whole layer's."""
        first = self.group * (self.shape.M // self.shape.G) + self.first_filter
        return slice(first, first + self.M)

    @property
    def C(self) -> int:
        """Channels, segments counted as such."""
        return self.shape.C // self.shape.G * self.row_segments * self.column_segments

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
        """MACs of the PEs: padding of segments included, padding of channels not."""
        return self.N * self.M * self.E * self.F * self.C * self.R * self.S

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """This group's weights, (M, C, R, S), segments as channels, padded by zeros.

        Parameters
        ----------
        weights : ndarray (M, C/G, R, S) of the whole layer.
        """
        own = weights[self.own_filters]
        shape, rows, columns = self.shape, self.row_segments, self.column_segments
        padded = np.zeros((*own.shape[:2], rows * self.R, columns * self.S), own.dtype)
        padded[:, :, :shape.R, :shape.S] = own
        cut = padded.reshape(*own.shape[:2], rows, self.R, columns, self.S)
        return cut.transpose(0, 1, 2, 4, 3, 5).reshape(self.M, self.C, self.R, self.S)

    def sources(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each channel: (channel of the whole layer, row offset, column offset) into the padded map."""
        shape = self.shape
        per_group = shape.C // shape.G
        channel, row, column = np.meshgrid(np.arange(per_group), np.arange(self.row_segments),
                                           np.arange(self.column_segments), indexing="ij")
        return (channel.ravel() + self.group * per_group, row.ravel() * self.R * shape.D,
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


def lower(shape: LayerShape, chip: ChipConfig) -> list[NativeLayer]:
    """The native layers of a layer, one for each group.

    Filters taller than the array or wider than the ifmap spad are cut into equal segments; dilated ones
    into single rows and columns.
    """
    dilated = shape.D > 1
    row_segments = shape.R if dilated else -(-shape.R // chip.rows)
    column_segments = shape.S if dilated else -(-shape.S // chip.ifmap_spad_words)
    return [NativeLayer(shape, group, row_segments, column_segments) for group in range(shape.G)]
