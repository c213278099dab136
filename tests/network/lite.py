"""Networks like EfficientNet-Lite0 with random weights, as three exporters write them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from scripts.imagenet.lite import EPSILON, LiteGraph, Norm

__all__ = ["SMALL", "STYLES", "Lite"]

STYLES = ("folded", "norms", "pads")
#: As BLOCKS of EfficientNet-Lite0: (expansion, channels, repetitions, stride, kernel) of each stage.
SMALL = ((1, 4, 1, 1, 3), (3, 6, 2, 2, 3), (3, 8, 1, 2, 5))


class Random:
    """Weights that keep the size of what goes through them, about."""

    def __init__(self):
        self._rng = np.random.default_rng(7)

    def unit(self, _, dims):
        weights = self._rng.standard_normal(dims)
        weights *= 1.4 / np.sqrt(weights[0].size)
        limits = ((.8, 1.3), (-.2, .6), (-.3, .3), (.6, 1.5))
        return weights, Norm(*(self._rng.uniform(*limit, dims[0]) for limit in limits))

    def last(self, dims):
        return self._rng.standard_normal(dims) / np.sqrt(dims[1]), np.zeros(dims[0])


class Lite(LiteGraph):
    """The model of a style: normalisations folded, kept, or kept with the padding in front of the convolutions.

    Parameters
    ----------
    style : str
    blocks, sizes
        As of LiteGraph.
    """

    def __init__(self, style, blocks=SMALL, *, size=24, stem=8, head=16, classes=5):
        self._style = style
        self.batch = "batch" if style == "pads" else 1
        super().__init__(Random(), blocks, size=size, stem=stem, head=head, classes=classes)

    def convolve(self, x, weights, norm, pads, **attributes):
        if self._style == "folded":
            factor = norm.scale / np.sqrt(norm.variance + EPSILON)
            tensors = map(self.tensor, (weights * factor[:, None, None, None], norm.shift - norm.mean * factor))
            return self.node("Conv", [x, *tensors], pads=[pads[0], pads[0], pads[1], pads[1]], **attributes)
        if self._style == "pads" and any(pads):
            x, pads = self._pad(x, *pads), (0, 0)
        return super().convolve(x, weights, norm, pads, **attributes)

    def flat(self, x):
        if self._style != "pads":
            return super().flat(x)
        # as TorchScript writes x.view(x.size(0), -1)
        first = self.node("Gather", [self.node("Shape", [x]), self._constant(np.array(0))], axis=0)
        first = self.node("Unsqueeze", [first, self._constant(np.array([0]))])
        return self.node("Reshape", [x, self.node("Concat", [first, self._constant(np.array([-1]))], axis=0)])

    def _constant(self, value):
        return self.node("Constant", [], value=numpy_helper.from_array(value))

    def _pad(self, x, before, after):
        """A constant Pad as TorchScript writes it: last axis first, filled with zeros, turned round, transposed."""
        amounts = self._constant(np.array([before, after, before, after]))
        both = self.node("Mul", [self._constant(np.array([4])), self._constant(np.array([2]))])
        given = self.node("Gather", [self.node("Shape", [amounts]), self._constant(np.array([0]))], axis=0)
        length = self.node("Sub", [both, given])
        rest = self.node("ConstantOfShape", [length], value=helper.make_tensor("v", TensorProto.INT64, [1], [0]))
        table = self.node("Reshape", [self.node("Concat", [amounts, rest], axis=0),
                                      self._constant(np.array([-1, 2]))])
        turned = self.node("Slice", [table, self._constant(np.array([-1])), self._constant(
            np.array([-9223372036854775807])), self._constant(np.array([0])), self._constant(np.array([-1]))])
        flat = self.node("Reshape", [self.node("Transpose", [turned], perm=[1, 0]), self._constant(np.array([-1]))])
        return self.node("Pad", [x, self.node("Cast", [flat], to=TensorProto.INT64), self.tensor(np.array(0.0))],
                         mode="constant")
