"""A Conv, Gemm or MatMul of a network as a convolution that the chip runs."""

from dataclasses import dataclass

import numpy as np

from golden.int8 import LayerFormats
from golden.layer import LayerShape

from .file import Dims, GraphError

__all__ = ["ChipLayer"]


@dataclass(frozen=True)
class ChipLayer:
    """A step of a network that goes to the chip, with all that was folded into it.

    A fully connected layer is a 1 x 1 convolution whose ifmap is a single row: a pixel for each vector.

    Attributes
    ----------
    index : int
        Place of its node among the model's; it identifies the layer.
    name : str
        The node's, or else its output's: for people, as several layers may share one.
    op : str
        Conv, Gemm or MatMul.
    axes : int
        Spatial axes of input and output: 2 or 1 for Conv, 0 for the others.
    input, output : str
        Tensors; `output` is that of the last node folded in.
    folded : tuple of str
        Operators folded in, in order.
    weights_shape : tuple
        (M, C/G, R, S) as the model has it.
    weights, bias : ndarray of float64 (M, C/G, R, S), (M,), or None where only shapes were imported.
    relu : bool
    strides, dilations : tuple of int
        Vertical, horizontal.
    groups : int
    pads : tuple of int
        Top, left, bottom, right; not used if `auto_pad` is SAME_UPPER or SAME_LOWER.
    auto_pad : str
    int8 : LayerFormats, optional
        Of a layer of an 8-bit network: `weights` are int8 then, `bias` is int32, and so input and output are 8-bit
        integers.
    """

    index: int
    name: str
    op: str
    input: str
    output: str
    weights_shape: tuple[int, int, int, int]
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    axes: int = 0
    folded: tuple[str, ...] = ()
    relu: bool = False
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    auto_pad: str = "NOTSET"
    int8: LayerFormats | None = None

    def __str__(self) -> str:
        return f"node {self.name} ({self.op})"

    # -- shapes -----------------------------------------------------------------------------------

    def shape(self, dims: Dims) -> LayerShape:
        """The convolution for an input of sizes `dims`; padding that is not the same on all sides is in H and W.

        Raises
        ------
        GraphError
            The input does not fit the weights.
        """
        N, C, H, W = self._ifmap_dims(dims)
        M, per_group, R, S = self.weights_shape
        if C != per_group * self.groups:
            raise GraphError(f"{self}: its input must have {per_group * self.groups} channels, not {C}")
        top, left, bottom, right = self._padding(H, W)
        P = top if top == left == bottom == right else 0
        if not P:
            H, W = H + top + bottom, W + left + right
        rows, columns = self._spread
        D = self._dilation if (rows, columns) == (1, 1) else 1
        try:
            return LayerShape(N=N, M=M, C=C, H=H, W=W, R=rows * (R - 1) + 1, S=columns * (S - 1) + 1,
                              U=self.strides[0], V=self.strides[1], P=P, G=self.groups, D=D)
        except ValueError as error:
            raise GraphError(f"{self}: {error}") from None

    def output_dims(self, dims: Dims) -> Dims:
        """Sizes of the output for an input of sizes `dims`; the batch, or rows of a Gemm or MatMul, may be 0."""
        if self.op == "Conv" and dims[0] == 0:
            return 0, *self.output_dims((1, *dims[1:]))[1:]
        if self.op != "Conv" and 0 in dims[:-1]:
            return *dims[:-1], self.weights_shape[0]
        shape = self.shape(dims)
        if self.op != "Conv":
            return (*dims[:-1], shape.M)
        return (shape.N, shape.M, shape.F) if self.axes == 1 else shape.ofmap_shape

    def _ifmap_dims(self, dims: Dims) -> tuple[int, int, int, int]:
        if self.op != "Conv":
            if not dims:
                raise GraphError(f"{self}: its input must not be a scalar")
            return 1, dims[-1], 1, int(np.prod(dims[:-1], dtype=int))
        if len(dims) != self.axes + 2:
            raise GraphError(f"{self}: its input must have {self.axes + 2} dimensions, not {len(dims)}")
        return dims[0], dims[1], dims[2] if self.axes == 2 else 1, dims[-1]

    @property
    def padded(self) -> bool:
        """Whether there is padding for any input."""
        if self.auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            return max(self.weights_shape[2:]) > 1
        return any(self.pads)

    def _padding(self, H: int, W: int) -> tuple[int, int, int, int]:
        if self.auto_pad not in ("SAME_UPPER", "SAME_LOWER"):
            return self.pads
        sides = []
        for size, stride, dilation, window in zip((H, W), self.strides, self.dilations, self.weights_shape[2:],
                                                  strict=True):
            total = max(0, (-(-size // stride) - 1) * stride + dilation * (window - 1) + 1 - size)
            less, more = total // 2, total - total // 2
            sides.append((less, more) if self.auto_pad == "SAME_UPPER" else (more, less))
        (top, bottom), (left, right) = sides
        return top, left, bottom, right

    @property
    def _dilation(self) -> int:
        """The dilation of the axes on which there is anything to spread."""
        windows = zip(self.dilations, self.weights_shape[2:], strict=True)
        return max((dilation for dilation, window in windows if window > 1), default=1)

    @property
    def _spread(self) -> tuple[int, int]:
        """Distances between weights that zeros fill: the chip's lowering knows one dilation for both axes."""
        rows, columns = (dilation if window > 1 else 1
                         for dilation, window in zip(self.dilations, self.weights_shape[2:], strict=True))
        same = rows == columns or 1 in self.weights_shape[2:]
        return (1, 1) if same else (rows, columns)

    # -- tensors ----------------------------------------------------------------------------------

    @property
    def parameters(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and bias of a layer that was imported with them."""
        assert self.weights is not None and self.bias is not None
        return self.weights, self.bias

    def filters(self) -> np.ndarray:
        """Weights (M, C/G, R, S) of `shape`."""
        rows, columns = self._spread
        weights, _ = self.parameters
        M, C, R, S = weights.shape
        spread = np.zeros((M, C, rows * (R - 1) + 1, columns * (S - 1) + 1), weights.dtype)
        spread[:, :, ::rows, ::columns] = weights
        return spread

    def ifmap(self, x: np.ndarray) -> np.ndarray:
        """The input as (N, C, H, W) of `shape`."""
        N, C, H, W = self._ifmap_dims(x.shape)
        planes = x.reshape(-1, C).T.reshape(1, C, 1, W) if self.op != "Conv" else x.reshape(N, C, H, W)
        top, left, bottom, right = self._padding(H, W)
        if top == left == bottom == right:
            return planes
        zero = self.int8.ifmap.zero if self.int8 else 0
        return np.pad(planes, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=zero)

    def output_tensor(self, ofmap: np.ndarray, dims: Dims) -> np.ndarray:
        """An ofmap (N, M, E, F) as the output for an input of sizes `dims`."""
        if self.op != "Conv":
            ofmap = ofmap.reshape(self.weights_shape[0], -1).T
        return ofmap.reshape(self.output_dims(dims))
