"""Networks of the form of EfficientNet-Lite, as ONNX models.

Blocks of a 1 x 1 convolution that expands the channels, a depthwise one, and a 1 x 1 one that projects them; each
with a BatchNormalization, and but for the last a ReLU6. An input of the same size is added to a block's output.
"""

from typing import NamedTuple, Protocol

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["BLOCKS", "EPSILON", "LiteGraph", "Norm", "Parameters"]

EPSILON = 1e-3
#: (expansion, channels, repetitions, stride, kernel) of each stage of EfficientNet-Lite0.
BLOCKS = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
          (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))


class Norm(NamedTuple):
    """A BatchNormalization's numbers for each channel."""

    scale: np.ndarray
    shift: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


class Parameters(Protocol):
    """Where a network's weights come from; asked once for each, in the network's order."""

    def unit(self, name: str, dims: tuple[int, ...]) -> tuple[np.ndarray, Norm]:
        """Weights (M, C/G, R, S), and what follows them."""
        ...

    def last(self, dims: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Weights (classes, channels) and biases of the fully connected layer."""
        ...


class LiteGraph:
    """A network from the picture, `x`, to a score for each class, `y`.

    Parameters
    ----------
    parameters : Parameters
    blocks : tuple
        As BLOCKS.
    size : int
        Rows and columns of the picture.
    stem, head, classes : int
        Channels before and after the blocks, and of the last layer.
    """

    batch: int | str = 1

    def __init__(self, parameters: Parameters, blocks=BLOCKS, *, size: int = 224, stem: int = 32, head: int = 1280,
                 classes: int = 1000) -> None:
        self._from, self._size, self._classes = parameters, size, classes
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: dict[str, np.ndarray] = {}
        x = self._unit("stem", "x", 3, stem, 3, 2)
        channels, count = stem, 0
        for expansion, width, repetitions, stride, kernel in blocks:
            for index in range(repetitions):
                x = self._block(f"block{count}", x, channels, width, expansion, 1 if index else stride, kernel)
                channels, count = width, count + 1
        x = self._unit("head", x, channels, head, 1, 1)
        flat = self.flat(self.node("GlobalAveragePool", [x]))
        tensors = map(self.tensor, parameters.last((classes, head)))
        self.node("Gemm", [flat, *tensors], output="y", name="classes", transB=1)

    def model(self, name: str = "lite") -> onnx.ModelProto:
        """The ONNX model."""
        graph = helper.make_graph(
            self._nodes, name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [self.batch, 3, self._size, self._size])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [self.batch, self._classes])],
            [numpy_helper.from_array(value, name) for name, value in self._tensors.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)

    def tensor(self, value) -> str:
        """The name of a new constant; reals become float32."""
        value = np.asarray(value)
        name = f"c{len(self._tensors)}"
        self._tensors[name] = value.astype(np.float32) if value.dtype.kind == "f" else value
        return name

    def node(self, operator: str, inputs: list[str], *, output: str = "", **attributes) -> str:
        """Add a node; its output's name."""
        output = output or f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def convolve(self, x: str, weights: np.ndarray, norm: Norm, pads: tuple[int, int], **attributes) -> str:
        """A convolution with its BatchNormalization; `pads` before and after, in rows and columns alike."""
        y = self.node("Conv", [x, self.tensor(weights)], pads=[pads[0], pads[0], pads[1], pads[1]], **attributes)
        return self.node("BatchNormalization", [y, *map(self.tensor, norm)], epsilon=EPSILON)

    def flat(self, x: str) -> str:
        """Vectors of means of planes of one value."""
        return self.node("Flatten", [x])

    def _block(self, name, x, channels, width, expansion, stride, kernel):
        y, wide = x, channels * expansion
        if expansion > 1:
            y = self._unit(f"{name}.expand", y, channels, wide, 1, 1)
        y = self._unit(f"{name}.depthwise", y, wide, wide, kernel, stride, groups=wide)
        y = self._unit(f"{name}.project", y, wide, width, 1, 1, clip=False)
        return self.node("Add", [y, x]) if stride == 1 and channels == width else y

    def _unit(self, name, x, channels, filters, kernel, stride, *, groups=1, clip=True):
        """Padding is TensorFlow's SAME of an even size: more on the right where it is odd."""
        total = max(0, kernel - stride)
        weights, norm = self._from.unit(name, (filters, channels // groups, kernel, kernel))
        y = self.convolve(x, weights, norm, (total // 2, total - total // 2), name=name,
                          strides=[stride, stride], group=groups)
        return self.node("Clip", [y, self.tensor(0.0), self.tensor(6.0)]) if clip else y
