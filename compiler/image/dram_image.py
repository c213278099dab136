"""Tensors to DRAM words and back.

Everything lies in DRAM in the order in which the chip uses it, so the chip only counts up. Words of
64 bit hold four 16-bit values, the first in the low bits.
"""

import numpy as np

from compiler.mapping.mapping import Placement
from golden import rlc

__all__ = ["pack_biases", "pack_filters", "pack_ifmaps", "ifmap_streams", "ofmap_words", "unpack_ofmap"]


def _words(values):
    """int16 values, a multiple of four, to words."""
    return np.ascontiguousarray(values, dtype="<i2").reshape(-1).view("<u8")


def _blocks(placement):
    listed = placement.tiles
    return [listed[start:start + placement.mapping.n] for start in range(0, len(listed), placement.mapping.n)]


def ifmap_streams(placement: Placement, ifmap):
    """Values of the ifmaps: a stream for each block and each channel group, of all its tiles.

    In a tile: for each column, each ifmap row, each channel set (r), each channel (q); whole words.

    Yields
    ------
    ndarray of int16

    Parameters
    ----------
    ifmap : ndarray of int16 (N, C, H, W)
    """
    layer, mp, shape = placement.layer, placement.mapping, placement.layer.shape
    channel, row_offset, column_offset = layer.sources()
    per_group = mp.q * mp.r
    spare = placement.channel_groups * per_group - layer.C
    channel = np.concatenate([channel, np.full(spare, shape.C)])  # a plane of zeros
    row_offset = np.concatenate([row_offset, np.zeros(spare, int)])
    column_offset = np.concatenate([column_offset, np.zeros(spare, int)])
    bottom = layer.source_rows(0, layer.E)[-1] + row_offset.max() + 1
    right = layer.source_columns(0, layer.F)[-1] + column_offset.max() + 1
    padded = np.zeros((shape.N, shape.C + 1, max(bottom, shape.H + shape.P), max(right, shape.W + shape.P)),
                      np.int16)
    padded[:, :shape.C, shape.P:shape.P + shape.H, shape.P:shape.P + shape.W] = ifmap
    for block in _blocks(placement):
        for group in range(placement.channel_groups):
            parts = []
            chosen = slice(group * per_group, (group + 1) * per_group)
            for image, row, rows, column, columns in block:
                ys = layer.source_rows(row, rows)[None, :, None] + row_offset[chosen]
                xs = layer.source_columns(column, columns)[:, None, None] + column_offset[chosen]
                values = padded[image, channel[chosen], ys, xs].reshape(-1)
                parts.append(np.pad(values, (0, -len(values) % 4)))
            yield np.concatenate(parts)


def pack_ifmaps(placement: Placement, ifmap, *, raw):
    """Words of the ifmaps, stream after stream, run-length coded unless `raw`."""
    return np.concatenate([_words(values) if raw else rlc.encode(values)
                           for values in ifmap_streams(placement, ifmap)])


def pack_filters(placement: Placement, weights):
    """Words of the weights: for each m group, each channel group, each filter group a pass.

    In a pass: for each word of a PE's p q S weights, each filter row ID, each filter col ID.

    Parameters
    ----------
    weights : ndarray of int16 (M, C/G, R, S)
    """
    layer, mp = placement.layer, placement.mapping
    down, across = placement.sets_down, placement.sets_across
    own = layer.weights(weights)
    groups = -(-layer.M // placement.group)
    padded = np.zeros((groups * placement.group, placement.channel_groups * mp.q * mp.r, layer.R, layer.S),
                      np.int16)
    padded[:layer.M, :layer.C] = own
    # M -> filter group, set down, set across, p; C -> channel group, r, q
    cut = padded.reshape(groups, down, across, mp.p, placement.channel_groups, mp.r, mp.q, layer.R, layer.S)
    per_pe = cut.transpose(4, 0, 1, 5, 7, 2, 8, 6, 3)  # cg, group, down, r, R, across | S, q, p
    per_pe = per_pe.reshape(*per_pe.shape[:6], -1)
    per_pe = np.pad(per_pe, [(0, 0)] * 6 + [(0, -per_pe.shape[-1] % 4)])
    words = per_pe.reshape(*per_pe.shape[:6], -1, 4).transpose(0, 1, 6, 2, 3, 4, 5, 7)
    each = placement.filter_groups[1]
    return np.concatenate([_words(words[:, first:first + each]) for first in range(0, groups, each)])


def pack_biases(placement: Placement, bias):
    """Words of the biases: for each filter group, each quad, each set."""
    layer, mp = placement.layer, placement.mapping
    groups = -(-layer.M // placement.group)
    padded = np.zeros(groups * placement.group, np.int16)
    padded[:layer.M] = bias[layer.own_filters]
    cut = np.zeros((groups, mp.t, placement.quads * 4), np.int16)
    cut[:, :, :mp.p] = padded.reshape(groups, mp.t, mp.p)
    return _words(cut.reshape(groups, mp.t, placement.quads, 4).transpose(0, 2, 1, 3))


def _ofmap_streams(placement):
    """(first group of the m group, group, block) of each stream of ofmap words, in order."""
    groups, each = -(-placement.layer.M // placement.group), placement.filter_groups[1]
    for first in range(0, groups, each):
        for block in _blocks(placement):
            for group in range(first, min(first + each, groups)):
                yield group, block


def _stream_words(placement, block):
    return sum(placement.psum_words(rows, columns) for _, _, rows, _, columns in block)


def ofmap_words(placement: Placement, *, raw) -> int:
    """Words that the ofmaps may take at most."""
    sizes = [_stream_words(placement, block) for _, block in _ofmap_streams(placement)]
    return sum(sizes) if raw else sum(-(-4 * size // 3) for size in sizes)


def unpack_ofmap(placement: Placement, words, *, raw):
    """The ofmap (N, M, E, F) of these filters from its words; zeros in tiles of other blocks.

    A stream for each m group, each block, each filter group; in it each tile; in a tile for each column,
    each quad, each set, each row.

    Raises
    ------
    MalformedStream
    """
    layer, mp = placement.layer, placement.mapping
    groups = -(-layer.M // placement.group)
    ofmap = np.zeros((layer.N, groups, mp.t, mp.p, layer.E, layer.F), np.int16)
    at = 0
    for group, block in _ofmap_streams(placement):
        size = _stream_words(placement, block)
        if raw:
            values, used = np.ascontiguousarray(words[at:at + size], dtype="<u8").view("<i2"), size
        else:
            values, used = rlc.decode(words[at:], 4 * size)
        at += used
        start = 0
        for image, row, rows, column, columns in block:
            count = 4 * placement.psum_words(rows, columns)
            tile = values[start:start + count].reshape(columns, placement.quads, mp.t, rows, 4)
            tile = tile.transpose(2, 1, 4, 3, 0).reshape(mp.t, -1, rows, columns)[:, :mp.p]
            ofmap[image, group, :, :, row:row + rows, column:column + columns] = tile
            start += count
    return ofmap.reshape(layer.N, -1, layer.E, layer.F)[:, :layer.M]
