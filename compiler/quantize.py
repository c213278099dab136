"""Power-of-two fixed point for the chip's layers, chosen from what a calibration batch shows.

An integer i of a tensor with k fractional bits stands for i / 2**k. The chip multiplies 16 x 16 bits, drops
`shift` bits of each product by rounding down, and adds up modulo 2**16: so k of the sums is that of the ifmap
plus that of the weights less `shift`, and only the final sum, bias included, has to fit 16 bits. A chip of 8-bit data
(`data_width`) has ifmaps and weights of 8 bits and sums of 16 as well.

Rounding down costs half a unit for each product that is not exact: hundreds of units a sum, and fewer where the
ifmap is zero or padded, so no bias can make up for it. What it costs is known, though, as soon as the ifmap is: so
layers with enough channels get a further one, the rounding channel, which holds twice the sum of what the channels
of a pixel lose on average, with weights that halve it. (Arithmetic with zero points corrects by sums over the
ifmap in the same way.) Elsewhere the mean loss of the calibration batch goes into the bias.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from compiler.chip_layer import ChipLayer
from compiler.graph import Network, execute
from compiler.host import FloatConv
from golden.layer import LayerShape
from golden.tensors import Tensors

__all__ = ["Observed", "QuantizedLayer", "calibrate", "chip_shape", "quantize", "quantize_layer", "sqnr_db"]

MARGIN = 1.25  # formats hold values so many times larger than the calibration batch's
MOST = 32767  # largest 16-bit number
SHIFT = 15  # most bits to drop of a product: with more, the rounding channel's weights would not fit
ROUNDED = 16  # channels of a group from which on a rounding channel is worth its work
SAMPLE = 1 << 17  # ifmap values kept of each batch for the mean loss of rounding


@dataclass
class Observed:
    """What a calibration batch shows of a layer.

    Attributes
    ----------
    peak : float
        Largest magnitude of the ifmap.
    sum_peak : float
        Largest magnitude of the sums, bias included, before a ReLU.
    samples : list of ndarray
        Values of the ifmap.
    """

    peak: float = 0.0
    sum_peak: float = 0.0
    samples: list = field(default_factory=list)

    def add(self, ifmap, sums):
        self.peak = max(self.peak, float(np.abs(ifmap).max(initial=0)))
        self.sum_peak = max(self.sum_peak, float(np.abs(sums).max(initial=0)))
        self.samples.append(ifmap.ravel()[::max(1, ifmap.size // SAMPLE)].astype(np.float32))


@dataclass(frozen=True)
class QuantizedLayer:
    """A layer in the chip's integers.

    Attributes
    ----------
    weights, bias : ndarray of int16 (M, C/G, R, S), (M,)
        With the rounding channel, if there is one, as the last of each group.
    ifmap_bits, weight_bits, ofmap_bits : int
        Fractional bits; may be negative.
    shift : int
        Of the products, 0..16.
    peak : float
        Largest ifmap value of the calibration batch.
    headroom_bits : float
        Between the largest sum of the calibration batch and the 16 bits.
    most : int
        Largest integer of an ifmap or a weight.
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
    most: int = MOST

    def tensors(self, ifmap) -> tuple[Tensors, int]:
        """The chip's tensors, of `chip_shape`, for a float ifmap (N, C, H, W); how many of its values do not fit."""
        scaled = np.rint(np.ldexp(ifmap.astype(np.float64), self.ifmap_bits))
        saturated = int(np.count_nonzero(np.abs(scaled) > self.most))
        integers = np.clip(scaled, -self.most, self.most).astype(np.int16)
        if has_rounding_channel(integers.shape[1] // self.layer.groups):
            N, C, H, W = integers.shape
            groups = integers.reshape(N, self.layer.groups, -1, H, W)
            lost = 2 * np.rint(rounding_loss(groups, self.shift).sum(axis=2, keepdims=True)).astype(np.int16)
            lost = np.minimum(lost, self.most)
            integers = np.concatenate([groups, lost], axis=2).reshape(N, C + self.layer.groups, H, W)
        return Tensors(integers, self.weights, self.bias), saturated

    def real_ifmap(self, integers) -> np.ndarray:
        """The float32 values that an ifmap's integers stand for; exact."""
        return np.ldexp(integers.astype(np.float32), -self.ifmap_bits)

    def real_ofmap(self, integers) -> np.ndarray:
        """The float32 values that an ofmap's integers stand for; exact."""
        return np.ldexp(integers.astype(np.float32), -self.ofmap_bits)

    def overflows(self, sums) -> int:
        """How many float sums, before a ReLU, lie beyond the ofmap's 16 bits and so wrap."""
        return int(np.count_nonzero(np.abs(sums) >= np.ldexp(float(MOST + 1), -self.ofmap_bits)))


def fraction_bits(peak, most=MOST) -> int:
    """Most fractional bits with which a magnitude stays within `most`."""
    return most.bit_length() if peak == 0 else int(np.floor(np.log2(most / peak)))


def calibrate(network: Network, batches) -> tuple[dict, dict]:
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
    seen, inputs, conv = {layer.index: Observed() for layer in network.layers}, {}, FloatConv()

    def chip(layer, x):
        ifmap = layer.ifmap(x)
        sums = conv(ifmap, layer.filters(), layer.bias, layer.shape(x.shape))
        seen[layer.index].add(ifmap, sums)
        return layer.output_tensor(np.maximum(sums, 0) if layer.relu else sums, x.shape).astype(x.dtype)

    for feeds in batches:
        for name, value in feeds.items():
            least, largest = inputs.get(name, (np.inf, -np.inf))
            inputs[name] = min(least, float(value.min())), max(largest, float(value.max()))
        execute(network, feeds, chip)
    return seen, inputs


def quantize(network: Network, seen: dict, data_width: int = 16) -> dict[int, QuantizedLayer]:
    """All layers of the chip in integers, by `index`; `data_width` as in ChipConfig."""
    return {layer.index: quantize_layer(layer, seen[layer.index], data_width) for layer in network.layers}


def has_rounding_channel(channels) -> bool:
    """Whether a layer of so many channels a group gets one; its values, up to `channels`, must fit 16 bits."""
    return ROUNDED <= channels <= MOST


def chip_shape(shape: LayerShape) -> LayerShape:
    """A layer's shape as the chip runs it: rounding channels included."""
    return replace(shape, C=shape.C + shape.G) if has_rounding_channel(shape.C // shape.G) else shape


def rounding_loss(integers, shift) -> np.ndarray:
    """What a product with each ifmap value loses on average, in units of the sum.

    The bits dropped of a product whose ifmap value has b as its lowest bit set are some multiple of b, all of them
    alike: (1 - b / 2**shift) / 2 on average.
    """
    whole = integers.astype(np.int32)
    return np.where(whole == 0, 0, np.maximum(0, 0.5 - 0.5 * (whole & -whole) / 2**shift))


def quantize_layer(layer: ChipLayer, seen: Observed, data_width: int = 16) -> QuantizedLayer:
    """Choose a layer's formats, and make its integers.

    The sums get as many bits as the calibration batch leaves room for; ifmap and weights share what the shift
    cannot drop.
    """
    filters, most = layer.filters(), (1 << data_width - 1) - 1
    ifmap_bits = fraction_bits(MARGIN * seen.peak, most)
    weight_bits = fraction_bits(np.abs(filters).max(), most)
    ofmap_bits = fraction_bits(MARGIN * seen.sum_peak)
    excess = max(0, ifmap_bits + weight_bits - ofmap_bits - min(SHIFT, data_width - 1))
    ifmap_bits, weight_bits = ifmap_bits - (excess + 1) // 2, weight_bits - excess // 2
    shift = max(0, ifmap_bits + weight_bits - ofmap_bits)
    ofmap_bits = ifmap_bits + weight_bits - shift  # fewer where there is nothing to drop

    weights = np.rint(np.ldexp(filters, weight_bits)).astype(np.int16)
    bias = np.ldexp(layer.bias, ofmap_bits)
    if has_rounding_channel(weights.shape[1]):
        used = np.count_nonzero(weights, axis=1, keepdims=True) / weights.shape[1]  # a weight of 0 loses nothing
        giving = np.rint(used * (2**shift // 2)).astype(np.int16)
        weights = np.concatenate([weights, giving], axis=1)
    elif seen.samples:
        integers = np.rint(np.ldexp(np.concatenate(seen.samples).astype(np.float64), ifmap_bits))
        bias = bias + rounding_loss(integers, shift).mean() * np.count_nonzero(weights, axis=(1, 2, 3))
    headroom = np.log2((MOST + 1) / np.ldexp(seen.sum_peak, ofmap_bits)) if seen.sum_peak else 16.0
    # A bias beyond 16 bits wraps, as the sums do: only what they come to has to fit.
    return QuantizedLayer(layer, weights, np.rint(bias).astype(np.int64).astype(np.int16), ifmap_bits, weight_bits,
                          ofmap_bits, shift, seen.peak, float(headroom), most)


def sqnr_db(reference, found) -> float:
    """Signal to quantization noise in dB; infinite where both are the same."""
    reference, found = np.asarray(reference, np.float64), np.asarray(found, np.float64)
    noise, signal = ((reference - found) ** 2).sum(), (reference**2).sum()
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")
