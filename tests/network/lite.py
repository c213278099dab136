"""Networks like EfficientNet-Lite0, as three exporters write them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

__all__ = ["BLOCKS", "STYLES", "Lite", "SMALL"]

STYLES = ("folded", "norms", "pads")
#: (expansion, channels, repetitions, stride, kernel) of each stage of EfficientNet-Lite0, and of a small one like it.
BLOCKS = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
          (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))
SMALL = ((1, 4, 1, 1, 3), (3, 6, 2, 2, 3), (3, 8, 1, 2, 5))


class Lite:
    """The model of a style: normalisations folded, kept, or kept with the padding in front of the convolutions.

    Parameters
    ----------
    style : str
    blocks : tuple
    size : int
        Rows and columns of the picture.
    stem, head, classes : int
        Channels before and after the blocks, and of the last layer.
    """

    def __init__(self, style, blocks=SMALL, *, size=24, stem=8, head=16, classes=5):
        self._style, self._size = style, size
        self._rng = np.random.default_rng(7)
        self.nodes, self.parameters = [], {}
        self._count = 0
        x = self._unit("x", 3, stem, 3, 2)
        channels = stem
        for expansion, width, repetitions, stride, kernel in blocks:
            for index in range(repetitions):
                x = self._block(x, channels, width, expansion, stride if index == 0 else 1, kernel)
                channels = width
        x = self._unit(x, channels, head, 1, 1)
        x = self._node("GlobalAveragePool", [x])
        if style == "pads":  # as TorchScript writes x.view(x.size(0), -1)
            first = self._node("Gather", [self._node("Shape", [x]), self._constant(np.array(0))], axis=0)
            first = self._node("Unsqueeze", [first, self._constant(np.array([0]))])
            flat = self._node("Reshape", [x, self._node("Concat", [first, self._constant(np.array([-1]))], axis=0)])
        else:
            flat = self._node("Flatten", [x])
        weights = self._rng.standard_normal((classes, head)) / np.sqrt(head)
        self._node("Gemm", [flat, self._tensor(weights), self._tensor(np.zeros(classes))], output="y", transB=1)

    def model(self):
        first = "batch" if self._style == "pads" else 1
        graph = helper.make_graph(
            self.nodes, "lite",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [first, 3, self._size, self._size])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [first, None])],
            [numpy_helper.from_array(value, name) for name, value in self.parameters.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)

    def _name(self):
        self._count += 1
        return f"t{self._count}"

    def _tensor(self, value):
        name = self._name()
        value = np.asarray(value)
        self.parameters[name] = value.astype(np.float32) if value.dtype.kind == "f" else value
        return name

    def _constant(self, value):
        return self._node("Constant", [], value=numpy_helper.from_array(value))

    def _node(self, operator, inputs, output=None, **attributes):
        output = output or self._name()
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _block(self, x, channels, width, expansion, stride, kernel):
        y, wide = x, channels * expansion
        if expansion > 1:
            y = self._unit(y, channels, wide, 1, 1)
        y = self._unit(y, wide, wide, kernel, stride, groups=wide)
        y = self._unit(y, wide, width, 1, 1, clip=False)
        return self._node("Add", [y, x]) if stride == 1 and channels == width else y

    def _unit(self, x, channels, filters, kernel, stride, *, groups=1, clip=True):
        """Conv, BatchNormalization and ReLU6; padding as TensorFlow's SAME, more on the right where it is odd."""
        total = max(0, kernel - stride)
        before, after = total // 2, total - total // 2
        weights = self._rng.standard_normal((filters, channels // groups, kernel, kernel))
        weights *= 1.4 / np.sqrt(weights[0].size)
        scale, shift, mean = (self._rng.uniform(*limits, filters) for limits in ((.8, 1.3), (-.2, .6), (-.3, .3)))
        variance = self._rng.uniform(.6, 1.5, filters)
        factor = scale / np.sqrt(variance + 1e-3)
        attributes = {"strides": [stride, stride], "group": groups}
        if self._style != "pads":
            attributes["pads"] = [before, before, after, after]
        elif total:
            x = self._pad(x, before, after)
        if self._style == "folded":
            y = self._node("Conv", [x, self._tensor(weights * factor[:, None, None, None]),
                                    self._tensor(shift - mean * factor)], **attributes)
        else:
            y = self._node("Conv", [x, self._tensor(weights)], **attributes)
            norm = map(self._tensor, (scale, shift, mean, variance))
            y = self._node("BatchNormalization", [y, *norm], epsilon=1e-3)
        return self._node("Clip", [y, self._tensor(np.array(0.0)), self._tensor(np.array(6.0))]) if clip else y

    def _pad(self, x, before, after):
        """A constant Pad as TorchScript writes it: last axis first, filled with zeros, turned round, transposed."""
        amounts = self._constant(np.array([before, after, before, after]))
        both = self._node("Mul", [self._constant(np.array([4])), self._constant(np.array([2]))])
        given = self._node("Gather", [self._node("Shape", [amounts]), self._constant(np.array([0]))], axis=0)
        length = self._node("Sub", [both, given])
        rest = self._node("ConstantOfShape", [length], value=helper.make_tensor("v", TensorProto.INT64, [1], [0]))
        table = self._node("Reshape", [self._node("Concat", [amounts, rest], axis=0),
                                       self._constant(np.array([-1, 2]))])
        turned = self._node("Slice", [table, self._constant(np.array([-1])), self._constant(
            np.array([-9223372036854775807])), self._constant(np.array([0])), self._constant(np.array([-1]))])
        flat = self._node("Reshape", [self._node("Transpose", [turned], perm=[1, 0]), self._constant(np.array([-1]))])
        return self._node("Pad", [x, self._node("Cast", [flat], to=TensorProto.INT64), self._tensor(np.array(0.0))],
                          mode="constant")
