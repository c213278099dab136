"""Small networks with the names and the form of EfficientNet-Lite0."""

import numpy as np

from scripts.imagenet.lite import LiteGraph, Norm

__all__ = ["FORM", "trained"]

#: As LiteGraph takes it.
FORM = {"blocks": ((1, 2, 1, 1, 3), (2, 2, 1, 2, 5)), "size": 24, "stem": 2, "head": 3, "classes": 8}
OWN = {"stem": ("_conv_stem", "_bn0"), "block0.depthwise": ("_blocks.0._depthwise_conv", "_blocks.0._bn1"),
       "block0.project": ("_blocks.0._project_conv", "_blocks.0._bn2"),
       "block1.expand": ("_blocks.1._expand_conv", "_blocks.1._bn0"),
       "block1.depthwise": ("_blocks.1._depthwise_conv", "_blocks.1._bn1"),
       "block1.project": ("_blocks.1._project_conv", "_blocks.1._bn2"), "head": ("_conv_head", "_bn1")}
KINDS = ("weight", "bias", "running_mean", "running_var")


class _Fill:
    def __init__(self):
        self.tensors, self._rng = {}, np.random.default_rng(5)

    def unit(self, name, dims):
        conv, norm = OWN[name]
        self.tensors[f"{conv}.weight"] = self._rng.standard_normal(dims).astype(np.float32)
        self.tensors |= {f"{norm}.{kind}": self._rng.uniform(.5, 1, dims[0]).astype(np.float32) for kind in KINDS}
        self.tensors[f"{norm}.num_batches_tracked"] = np.array(9)
        return self.tensors[f"{conv}.weight"], Norm(*(self.tensors[f"{norm}.{kind}"] for kind in KINDS))

    def last(self, dims):
        self.tensors |= {"_fc.weight": self._rng.standard_normal(dims).astype(np.float32),
                         "_fc.bias": self._rng.standard_normal(dims[0]).astype(np.float32)}
        return self.tensors["_fc.weight"], self.tensors["_fc.bias"]


def trained():
    """Tensors named as the package's file names them, and the model that they belong to."""
    fill = _Fill()
    model = LiteGraph(fill, **FORM).model("efficientnet-lite0")
    return fill.tensors, model
