"""Power-of-two fixed point for the chip's layers, chosen by a calibration batch.

An integer i of a tensor with k fractional bits stands for i / 2**k. The chip multiplies 16 x 16 bits, drops
`shift` bits of each product by rounding down, and adds up modulo 2**16: so k of the sums is that of the ifmap
plus that of the weights less `shift`, and only the final sum, bias included, has to fit 16 bits.

The mean loss of rounding down is corrected: see `compiler.onnx.rounding`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from compiler.mapping.density import inside
from golden.layer import LayerShape
from golden.tensors import Tensors

from .chip_layer import ChipLayer
from .float_nodes import FloatConv
from .graph import Network, execute
from .rounding import MOST, rounding_channels, rounding_ifmap, rounding_loss, rounding_share, rounding_weights

__all__ = ["LEAST_DB", "Formats", "Observed", "QuantizedLayer", "calibrate", "choose_formats", "quantize",
           "quantize_layer", "sqnr_db"]

MARGIN = 1.25  # formats hold values 1.25 times as large as the calibration batch's largest
SHIFT = 15  # most bits to drop of a product: with more, the rounding channel's weights would not fit
LEAST_DB = -200.0  # SQNR where there is no signal, or noise without end
SAMPLE = 1 << 17  # ifmap values kept of each batch for the mean loss of rounding


@dataclass
class Observed:
    """Statistics of a layer over the calibration batch.

    Attributes
    ----------
    peak : float
        Largest magnitude of the ifmap.
    sum_peak : float
        Largest magnitude of the sums, bias included, before a ReLU.
    samples : list of (ndarray, float)
        Values of the ifmap, and the share of products that meet them and not padding.
    """

    peak: float = 0.0
    sum_peak: float = 0.0
    samples: list[tuple[np.ndarray, float]] = field(default_factory=list)

    def add(self, ifmap: np.ndarray, sums: np.ndarray, shape: LayerShape) -> None:
        self.peak = max(self.peak, float(np.abs(ifmap).max(initial=0)))
        self.sum_peak = max(self.sum_peak, float(np.abs(sums).max(initial=0)))
        self.samples.append((ifmap.ravel()[::max(1, ifmap.size // SAMPLE)].astype(np.float32), inside(shape)))


@dataclass(frozen=True)
class Formats:
    """A layer's fixed point, as the calibration batch and the weights ask for it.

    Attributes
    ----------
    ifmap_bits, weight_bits, ofmap_bits : int
        Fractional bits; may be negative.
    shift : int
        Of the products, 0..16.
    peak, sum_peak : float
        As in Observed.
    loss : float
        What a product loses by rounding down, in units of the sum, on average over the weights: the bias makes up for
        it. 0 where rounding channels do.
    """

    ifmap_bits: int
    weight_bits: int
    ofmap_bits: int
    shift: int
    peak: float
    sum_peak: float
    loss: float


@dataclass(frozen=True)
class QuantizedLayer:
    """A layer in the chip's integers.

    Attributes
    ----------
    weights, bias : ndarray of int16 (M, C/G, R, S), (M,)
        With the rounding channels, if there are any, as the last of each group.
    ifmap_bits, weight_bits, ofmap_bits : int
        Fractional bits; may be negative.
    shift : int
        Of the products, 0..16.
    peak : float
        Largest ifmap value of the calibration batch.
    headroom_bits : float
        Between the largest sum of the calibration batch and the 16 bits.
    """

    layer: ChipLayer
    weights: np.ndarray
    bias: np.ndarray
    ifmap_bits: int
    weight_bits: int
    ofmap_bits: int
    shift: int
    peak: float
    headroom_bits: float

    def tensors(self, ifmap: np.ndarray) -> tuple[Tensors, int]:
        """The chip's tensors, of `chip_shape`, for a float ifmap (N, C, H, W); how many of its values do not fit."""
        scaled = np.rint(np.ldexp(ifmap.astype(np.float64), self.ifmap_bits))
        saturated = int(np.count_nonzero(np.abs(scaled) > MOST))
        integers = np.clip(scaled, -MOST, MOST).astype(np.int16)
        N, C, H, W = integers.shape
        groups = integers.reshape(N, self.layer.groups, -1, H, W)
        if count := self.weights.shape[1] - groups.shape[2]:
            further = rounding_ifmap(groups, self.shift, count)
            integers = np.concatenate([groups, further], axis=2).reshape(N, C + self.layer.groups * count, H, W)
        return Tensors(integers, self.weights, self.bias), saturated

    def real_ifmap(self, integers: np.ndarray) -> np.ndarray:
        """The exact float32 values of an ifmap's integers."""
        return np.ldexp(integers.astype(np.float32), -self.ifmap_bits)

    def real_ofmap(self, integers: np.ndarray) -> np.ndarray:
        """The exact float32 values of an ofmap's integers."""
        return np.ldexp(integers.astype(np.float32), -self.ofmap_bits)

    def overflows(self, sums: np.ndarray) -> int:
        """How many float sums, before a ReLU, lie beyond the ofmap's 16 bits and so wrap."""
        return int(np.count_nonzero(np.abs(sums) >= np.ldexp(float(MOST + 1), -self.ofmap_bits)))


def fraction_bits(peak: float) -> int:
    """Most fractional bits with which a magnitude stays within 16 bits."""
    return MOST.bit_length() if peak == 0 else int(np.floor(np.log2(MOST / peak)))


def calibrate(network: Network, batches: Iterable[dict[str, np.ndarray]]) -> tuple[dict[int, Observed],
                                                                                     dict[str, tuple[float, float]]]:
    """Run batches in float and look at every layer of the chip.

    Parameters
    ----------
    batches : iterable of dict of str to ndarray
        Each feeds all inputs.

    Returns
    -------
    layers : dict of int to Observed
        By the layers' `index`.
    inputs : dict of str to (least, largest)
    """
    seen, conv = {layer.index: Observed() for layer in network.layers}, FloatConv()
    inputs: dict[str, tuple[float, float]] = {}

    def chip(layer: ChipLayer, x: np.ndarray) -> np.ndarray:
        ifmap, shape = layer.ifmap(x), layer.shape(x.shape)
        sums = conv(ifmap, layer.filters(), layer.parameters[1], shape)
        seen[layer.index].add(ifmap, sums, shape)
        return layer.output_tensor(np.maximum(sums, 0) if layer.relu else sums, x.shape).astype(x.dtype)

    for feeds in batches:
        for name, value in feeds.items():
            least, largest = inputs.get(name, (np.inf, -np.inf))
            inputs[name] = min(least, float(value.min())), max(largest, float(value.max()))
        execute(network, feeds, chip)
    return seen, inputs


def quantize(network: Network, seen: dict[int, Observed]) -> dict[int, QuantizedLayer]:
    """All layers of the chip in integers, by `index`."""
    return {layer.index: quantize_layer(layer, choose_formats(layer, seen[layer.index])) for layer in network.layers}


def choose_formats(layer: ChipLayer, seen: Observed) -> Formats:
    """Choose a layer's formats.

    The sums get as many fractional bits as the calibration batch leaves room for; if ifmap and weights have more
    than the shift can drop, both give up half of the excess.
    """
    ifmap_bits = fraction_bits(MARGIN * seen.peak)
    weight_bits = fraction_bits(np.abs(layer.filters()).max())
    ofmap_bits = fraction_bits(MARGIN * seen.sum_peak)
    excess = max(0, ifmap_bits + weight_bits - ofmap_bits - SHIFT)
    ifmap_bits, weight_bits = ifmap_bits - (excess + 1) // 2, weight_bits - excess // 2
    shift = max(0, ifmap_bits + weight_bits - ofmap_bits)
    loss = 0.0
    if seen.samples and not rounding_channels(layer):
        loss = float(np.concatenate([
            share * rounding_loss(np.rint(np.ldexp(sample.astype(np.float64), ifmap_bits)), shift)
            for sample, share in seen.samples]).mean())
    # where no bit of a product is dropped, ofmaps have the products' fraction bits, which may be fewer than would fit
    return Formats(ifmap_bits, weight_bits, ifmap_bits + weight_bits - shift, shift, seen.peak, seen.sum_peak, loss)


def quantize_layer(layer: ChipLayer, formats: Formats) -> QuantizedLayer:
    """A layer's integers."""
    shift, ofmap_bits = formats.shift, formats.ofmap_bits
    weights = np.rint(np.ldexp(layer.filters(), formats.weight_bits)).astype(np.int16)
    bias = np.ldexp(layer.parameters[1], ofmap_bits)
    if count := rounding_channels(layer):
        weights = np.concatenate([weights, rounding_weights(weights, shift, count)], axis=1)
    elif formats.loss:
        bias = bias + formats.loss * rounding_share(weights, shift).sum(axis=(1, 2, 3))
    headroom = np.log2((MOST + 1) / np.ldexp(formats.sum_peak, ofmap_bits)) if formats.sum_peak else 16.0
    # A bias beyond 16 bits wraps, as the sums do: only the final sum has to fit.
    return QuantizedLayer(layer, weights, np.rint(bias).astype(np.int64).astype(np.int16), formats.ifmap_bits,
                          formats.weight_bits, ofmap_bits, shift, formats.peak, float(headroom))


def sqnr_db(reference: np.ndarray, found: np.ndarray) -> float:
    """Signal to quantization noise in dB, from LEAST_DB up; infinite where both are the same."""
    reference, found = np.asarray(reference, np.float64), np.asarray(found, np.float64)
    differ = (reference != found) & ~(np.isnan(reference) & np.isnan(found))
    if not differ.any():
        return float("inf")
    signal, noise = (reference[np.isfinite(reference)]**2).sum(), ((reference[differ] - found[differ])**2).sum()
    # a value that is not finite in only one of the two makes the noise infinite
    return max(LEAST_DB, float(10 * np.log10(signal / noise))) if signal and np.isfinite(noise) else LEAST_DB
