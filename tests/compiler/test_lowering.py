"""Merged groups: one convolution that gives the ofmaps of several."""

import numpy as np
import pytest

from compiler.mapping.lowering import lower
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS

CHIP = PRESETS["eyeriss"]


# all groups as one; some; the last padded by groups of zeros; filters of several, some groups cut
@pytest.mark.parametrize("shape, count", [
    ("M=4,C=4,H=6,W=5,R=3,P=1,G=4", 4), ("M=12,C=12,H=6,W=5,R=3,G=12", 4), ("M=7,C=7,H=5,W=5,R=3,P=1,G=7", 4),
    ("N=2,M=10,C=15,H=5,W=6,R=2,S=3,G=5", 2), ("M=3,C=6,H=5,W=5,R=1,G=3", 4),
    ("M=6,C=6,H=9,W=9,R=3,D=2,G=6", 4), ("M=8,C=4,H=15,W=4,R=13,S=2,G=4", 2),
])
def test_merged_groups_are_a_convolution(shape, count):
    shape = LayerShape.parse(shape)
    tensors = random_tensors(shape, seed=1, full_range=True)
    expected = conv_layer(*tensors, shape, shift=5)
    layer = lower(shape, CHIP).merge(count)
    padded = np.pad(tensors.ifmap, ((0, 0), (0, 1), (shape.P, shape.P + 16), (shape.P, shape.P + 16)))
    found = []
    for group in layer.each():
        channel, top, left = group.sources()
        # each channel's plane, from its offset on, in steps of the dilation
        planes = np.stack([padded[:, c, y:, x:][:, :padded.shape[2] - top.max(), :padded.shape[3] - left.max()]
                           for c, y, x in zip(channel, top, left, strict=True)], axis=1)
        own = LayerShape(N=shape.N, M=group.M, C=group.C, H=planes.shape[2], W=planes.shape[3], R=group.R, S=group.S,
                         U=shape.U, V=shape.V)
        sums = conv_layer(planes, group.weights(tensors.weights), np.zeros(group.M, np.int16), own, shift=5)
        found.append(sums[:, :, :shape.E, :shape.F])
        assert group.own_filters.stop - group.own_filters.start <= group.M
    found = np.concatenate(found, axis=1)[:, layer.own_filters] + tensors.bias[:, None, None]
    assert layer.own_filters == slice(0, shape.M)
    assert np.array_equal(found, expected)


def test_merged_groups_cannot_be_merged_otherwise():
    layer = lower(LayerShape.parse("M=8,C=8,H=4,W=4,R=3,G=8"), CHIP).merge(4)
    assert layer.merge(4) == layer and (layer.groups, layer.M, layer.C) == (2, 4, 4)
    with pytest.raises(ValueError, match="merged by 4 cannot be merged by 2"):
        layer.merge(2)
