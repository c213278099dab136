"""The paper's two networks as benchmarks: batch, zeros, tensors."""

from dataclasses import dataclass

import numpy as np

from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import Tensors, random_tensors

from .layers import CATALOGUE
from .published import MEASURED

__all__ = ["NETWORKS", "BenchmarkLayer", "benchmark_layers", "benchmark_tensors"]

NETWORKS = ("alexnet", "vgg16")

# Zeros in ofmaps ahead of a pooling layer, which the paper does not print. Table V's DRAM bytes imply them:
# less ifmaps, and less filters read once for every pass that uses them, CONV1 is left with 1.27 MB and
# CONV2 with 0.34 MB of coded ofmap.
_BEFORE_POOLING = {"alexnet/CONV1": 0.59, "alexnet/CONV2": 0.83}


@dataclass(frozen=True)
class BenchmarkLayer:
    """A layer with the data statistics of Table V or VI.

    Attributes
    ----------
    name : str
    shape : LayerShape
    zeros, ofmap_zeros : float
        Fractions of zeros in the ifmap (Tables V, VI) and, after ReLU, in the ofmap: the next layer's
        ifmap, or what Table V's DRAM bytes imply.
    """

    name: str
    shape: LayerShape
    zeros: float
    ofmap_zeros: float


def benchmark_layers(network: str, batch: int | None = None, chosen: list[str] | None = None) -> list[BenchmarkLayer]:
    """The layers of a network, with the paper's batch size by default.

    Parameters
    ----------
    chosen : list of str, optional
        Layer names without the network's.

    Raises
    ------
    ValueError
        An unknown network or layer.
    """
    if network not in NETWORKS:
        raise ValueError(f"network must be one of {', '.join(NETWORKS)}, not {network!r}")
    names = [name for name in CATALOGUE if name.startswith(network + "/")]
    short = [name.partition("/")[2] for name in names]
    for name in chosen or []:
        if name not in short:
            raise ValueError(f"layer of {network} must be one of {', '.join(short)}, not {name!r}")
    layers = []
    for index, name in enumerate(names):
        following = names[min(index + 1, len(names) - 1)]
        layers.append(BenchmarkLayer(
            name, CATALOGUE[name].with_batch(batch or int(MEASURED[name]["N"])),
            MEASURED[name]["zeros_pct"] / 100,
            _BEFORE_POOLING.get(name, MEASURED[following]["zeros_pct"] / 100)))
    return [layer for layer, name in zip(layers, short, strict=True) if not chosen or name in chosen]


def benchmark_tensors(layer: BenchmarkLayer, seed: int) -> tuple[Tensors, int]:
    """Random tensors with the layer's zeros, and the shift that goes with them.

    One bias for all filters makes ReLU leave the wanted fraction of zeros in the ofmap.
    """
    tensors = random_tensors(layer.shape, seed=seed, zeros=layer.zeros)
    first = layer.shape.with_batch(1)
    sums = conv_layer(tensors.ifmap[:1], tensors.weights, np.zeros_like(tensors.bias), first)
    bias = -np.quantile(sums, layer.ofmap_zeros, method="nearest").astype(np.int16)
    return tensors._replace(bias=np.full_like(tensors.bias, bias)), 0
