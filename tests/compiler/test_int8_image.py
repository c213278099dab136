"""The chip's tensors of 8-bit layers: with its arithmetic, done in numpy, they make the layer's ofmap."""

import re
from dataclasses import replace

import numpy as np
import pytest

from compiler.image.int8 import int8_tensors, moved
from compiler.image.program import compile_int8
from compiler.mapping.cost import costs
from compiler.mapping.density import Density, density_of
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.search import find_mapping
from golden.conv import exact_sums
from golden.int8 import Format, LayerFormats, conv_int8, requantize
from golden.layer import LayerShape
from hw.config import PRESETS
from tests.golden.int8_layers import Int8Layer


def chip_ofmap(layer, psum_bits):
    """Unsigned values, products added modulo 2**psum_bits, the bias with the zero point in it, requantized."""
    tensors, shape = int8_tensors(layer.x, layer.weights, layer.bias, layer.formats, psum_bits), layer.shape
    top, left, bottom, right = layer.pads
    planes = np.pad(tensors.ifmap, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=tensors.padding)
    M, C = shape.M // shape.G, shape.C // shape.G
    sums = np.concatenate([
        np.stack([exact_sums(planes[n, g * C:(g + 1) * C].astype(np.int16),
                             tensors.weights[g * M:(g + 1) * M].astype(np.int16), shape) for n in range(shape.N)])
        for g in range(shape.G)], axis=1)
    half = 1 << psum_bits - 1
    psums = (sums + half) % (2 * half) - half
    totals = (psums + tensors.bias[:, None, None]).astype(np.int32)
    values = requantize(totals, tensors.factors.view(np.float32), Format(np.float32(1), tensors.zero))
    return (values.astype(np.int16) - 128).astype(np.int8) if layer.formats.ofmap.signed else values


@pytest.mark.parametrize("psum_bits", [24, 32])
def test_random_layers(psum_bits):
    for seed in range(150):
        layer = Int8Layer.random(seed)
        expected = conv_int8(layer.ifmap, layer.weights, layer.bias, layer.shape, layer.formats)
        np.testing.assert_array_equal(chip_ofmap(layer, psum_bits), expected, f"seed {seed}: {layer.shape}")


@pytest.mark.parametrize("compress", [False, True])
def test_ofmaps_come_back_from_their_words(compress):
    """Spare lanes and filters hold the zero point; a stream ends within a word."""
    chip = PRESETS["mini-int8"]
    for seed in range(12):
        layer = Int8Layer.random(seed)
        mapping = find_mapping(lower(layer.shape, chip), chip)
        program = compile_int8(layer.shape, mapping, chip, layer.ifmap, layer.weights, layer.bias, layer.formats,
                               compress=compress)
        expected = conv_int8(layer.ifmap, layer.weights, layer.bias, layer.shape, layer.formats)
        memory = program.dram.copy()
        for job, words in zip(program.jobs, program.ofmap_words(expected), strict=True):
            assert len(words) == job.ofmap_count if not compress else len(words) <= job.ofmap_count
            memory[job.ofmap_base:job.ofmap_base + len(words)] = words
        found = program.ofmap(memory)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected, f"seed {seed}: {layer.shape}")


ONE = Format(np.float32(1))


@pytest.mark.parametrize(("weights", "scale", "bits", "message"), [
    ([[1] * 128, [127] * 128], 1.0, 16, "filter 1: its sums may need 23 bits, the chip's psums have 16"),
    ([[-128] * 128], 1.0, 16, "filter 0: its sums may need 23 bits, the chip's psums have 16"),
    ([[1] * 128], 1e-40, 32, "filter 0: its factor must be a normal float32, not np.float32(1e-40)"),
])
def test_refused(weights, scale, bits, message):
    weights = np.array(weights, np.int8)[:, :, None, None]
    M, C = weights.shape[:2]
    formats = LayerFormats(ONE, np.full(M, scale, np.float32), ONE)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        int8_tensors(np.zeros((1, C, 1, 1), np.uint8), weights, np.zeros(M, np.int32), formats, bits)


def test_psums_that_just_fit():
    """-128 x 255, the least product, takes 16 bits, and so does 127 x 255."""
    for weight in (-128, 127):
        weights = np.full((1, 1, 1, 1), weight, np.int8)
        formats = LayerFormats(ONE, np.ones(1, np.float32), ONE)
        int8_tensors(np.zeros((1, 1, 1, 1), np.uint8), weights, np.zeros(1, np.int32), formats, 16)
        with pytest.raises(ValueError, match="may need 16 bits"):
            int8_tensors(np.zeros((1, 1, 1, 1), np.uint8), weights, np.zeros(1, np.int32), formats, 15)


# With 0.4 of zeros the code takes 0.99 of the words, which the costs do not count on.
@pytest.mark.parametrize("zeros, coded_banks, raw", [(0.45, 0, True), (0.4, 0, True), (0.85, 0, False),
                                                     (0.45, 12, False)])
def test_ifmaps_that_the_decoder_would_delay_are_raw(zeros, coded_banks, raw):
    """Five pairs of a word take five cycles, a word over a link of 60 MHz takes 3.3; the costs know it as well."""
    chip = PRESETS["eyeriss-int8"]
    shape, mapping = LayerShape.parse("M=8,C=48,H=14,W=14,R=1"), Mapping(m=8, n=14, e=1, f=14, p=2, q=8, r=6, t=4,
                                                                         coded=coded_banks)
    layer = Int8Layer.of(shape, np.random.default_rng(1), zeros=zeros)
    program = compile_int8(shape, mapping, chip, layer.x, layer.weights, layer.bias, layer.formats)
    assert program.jobs[0].fields["ifmap_raw"] == raw
    density = density_of(moved(layer.x, layer.formats.ifmap))
    words, all_raw = (costs(program.jobs[0].placement, Density(each)).dram["ifmap"] for each in (density, 1.0))
    assert (words == all_raw) == raw
    slow = replace(chip, link_mhz=20)
    program = compile_int8(shape, mapping, slow, layer.x, layer.weights, layer.bias, layer.formats)
    assert not program.jobs[0].fields["ifmap_raw"]
