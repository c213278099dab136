"""Analog noise in the numpy model: Gaussian at each ofmap, or weights of fewer bits; nothing is trained again."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.onnx.chip_layer import ChipLayer
from compiler.onnx.graph import Network, execute
from compiler.onnx.quantize import QuantizedLayer
from compiler.onnx.rounding import chip_shape
from golden.conv import conv_layer

__all__ = ["Noise", "noisy_outputs"]

MOST = np.iinfo(np.int16).max


@dataclass(frozen=True)
class Noise:
    """What is not ideal.

    Attributes
    ----------
    fixed : float
        Standard deviation of the noise on each ofmap value, one number for all layers. It is on the scale of the
        ONNX model's float activations: in a layer whose integers have b fractional bits it is `fixed` 2^b.
    rescaled : float
        Standard deviation of that noise as a fraction of the layer's largest sum.
    weight_bits : int, optional
        Levels of a weight are 2**weight_bits - 1; 16 bits as quantized where it is left out.
    """

    fixed: float = 0.0
    rescaled: float = 0.0
    weight_bits: int | None = None

    def __post_init__(self) -> None:
        for name in ("fixed", "rescaled"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be a number of at least 0, not {getattr(self, name)!r}")
        if self.weight_bits is not None and not 2 <= self.weight_bits <= 16:
            raise ValueError(f"weight_bits must be 2 to 16, not {self.weight_bits!r}")

    def weights(self, weights: NDArray[np.int16], own: int) -> NDArray[np.int16]:
        """Weights (M, C, R, S) at fewer bits; of the C channels the first `own`, the others correct roundings."""
        if self.weight_bits is None:
            return weights
        coarse = weights.copy()
        largest = float(np.abs(weights[:, :own].astype(np.int32)).max(initial=0))
        step = max(1.0, largest / (2**(self.weight_bits - 1) - 1))
        coarse[:, :own] = np.clip(np.rint(np.rint(weights[:, :own] / step) * step), -MOST, MOST)
        return coarse

    def deviation(self, sums: NDArray[np.int16], bits: int) -> float:
        """Of integer sums with `bits` fractional bits."""
        peak = float(np.abs(sums.astype(np.int32)).max(initial=0))
        return float(np.hypot(np.ldexp(self.fixed, bits), self.rescaled * peak))


def noisy_outputs(network: Network, quantized: dict[int, QuantizedLayer], feeds: dict[str, NDArray[Any]],
                  noise: Noise, *, seed: int = 1) -> dict[str, NDArray[Any]]:
    """The network's outputs by the chip's numpy model, with noise on the sums of each layer, ahead of its ReLU."""
    rng = np.random.default_rng(seed)

    def chip(layer: ChipLayer, x: NDArray[Any]) -> NDArray[Any]:
        own = quantized[layer.index]
        tensors, _ = own.tensors(layer.ifmap(x))
        tensors = tensors._replace(weights=noise.weights(tensors.weights, layer.filters().shape[1]))
        sums = conv_layer(*tensors, chip_shape(layer, layer.shape(x.shape)), shift=own.shift, relu=False)
        if deviation := noise.deviation(sums, own.ofmap_bits):
            shaken = sums + np.rint(rng.normal(0, deviation, sums.shape))
            sums = np.clip(shaken, -MOST, MOST).astype(np.int16)
        found = np.maximum(sums, 0) if layer.relu else sums
        return layer.output_tensor(own.real_ofmap(found), x.shape).astype(x.dtype)

    return execute(network, feeds, chip)
