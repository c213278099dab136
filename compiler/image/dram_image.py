"""Tensors to DRAM words and back.

Everything lies in DRAM in the order in which the chip uses it, so the chip only counts up. Words of
64 bit hold four values of 16 bits, or eight of 8, the first in the low bits.
"""

from collections.abc import Iterator

import numpy as np

from compiler.mapping.geometry import up
from compiler.mapping.lowering import NativeLayer
from compiler.mapping.placement import Placement, Tile
from golden import rlc
from golden.rlc import CODE8, CODE16, Code
from hw.config import ChipConfig

__all__ = ["ifmap_streams", "ofmap_words", "pack_biases", "pack_filters", "pack_ifmaps", "pack_ofmap", "unpack_ofmap"]


def _groups(placement: Placement) -> list[NativeLayer]:
    """The groups of a job, one by one."""
    return placement.layer.each()[:placement.job_groups]


def _code(chip: ChipConfig) -> Code:
    """The run-length code of a chip's fmaps, which also says what type their values have."""
    return CODE16 if chip.data_width == 16 else CODE8


def _words(values: np.ndarray) -> np.ndarray:
    """Integers of any shape, whole words of them, to uint64 words (words,)."""
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(-1).view("<u8")


def ifmap_streams(placement: Placement, ifmap: np.ndarray, padding: int = 0) -> Iterator[np.ndarray]:
    """Values of a job's ifmaps: a stream for each group, each block and each channel group, of all its tiles.

    In a tile: for each column, each ifmap row, each channel set (r), each channel (q); whole words.

    Parameters
    ----------
    ifmap : ndarray (N, C, H, W)
        Of int16, or uint8 on a chip of 8-bit values.
    padding : int
        The value around its planes; spare channels, and rows and columns that no window covers, are 0.

    Yields
    ------
    ndarray of the same type (values,)
    """
    layer, shape = placement.layer, placement.layer.shape
    _, row_offset, column_offset = layer.sources()
    bottom = layer.source_rows(0, layer.E)[-1] + row_offset.max() + 1
    right = layer.source_columns(0, layer.F)[-1] + column_offset.max() + 1
    padded = np.zeros((shape.N, shape.C + 1, max(bottom, shape.H + shape.P), max(right, shape.W + shape.P)),
                      ifmap.dtype)  # the last channel is a plane of zeros
    padded[:, :shape.C, :shape.H + 2 * shape.P, :shape.W + 2 * shape.P] = padding
    padded[:, :shape.C, shape.P:shape.P + shape.H, shape.P:shape.P + shape.W] = ifmap
    for group in _groups(placement):
        yield from _group_streams(placement, group, padded)


def _group_streams(placement: Placement, layer: NativeLayer, padded: np.ndarray) -> Iterator[np.ndarray]:
    """The streams of one group."""
    per_group = placement.mapping.q * placement.mapping.r
    channel, row_offset, column_offset = layer.sources()
    spare = placement.channel_groups * per_group - layer.C
    channel = np.concatenate([channel, np.full(spare, layer.shape.C)])
    row_offset = np.concatenate([row_offset, np.zeros(spare, int)])
    column_offset = np.concatenate([column_offset, np.zeros(spare, int)])
    for block in placement.tiles_of_blocks:
        for group in range(placement.channel_groups):
            parts = []
            chosen = slice(group * per_group, (group + 1) * per_group)
            for tile in block:
                ys = layer.source_rows(tile.row, tile.rows)[None, :, None] + row_offset[chosen]
                xs = layer.source_columns(tile.column, tile.columns)[:, None, None] + column_offset[chosen]
                values = padded[tile.image, channel[chosen], ys, xs].reshape(-1)
                parts.append(np.pad(values, (0, -len(values) % placement.chip.word_values)))
            yield np.concatenate(parts)


def pack_ifmaps(placement: Placement, ifmap: np.ndarray, padding: int = 0, *, raw: bool) -> np.ndarray:
    """Words of the ifmaps, uint64 (words,), stream after stream, run-length coded unless `raw`."""
    return np.concatenate([_words(values) if raw else rlc.encode(values, _code(placement.chip))
                           for values in ifmap_streams(placement, ifmap, padding)])


def pack_filters(placement: Placement, weights: np.ndarray, *, raw: bool) -> list[np.ndarray]:
    """Words of a job's weights, an array for each m group of each group: for each channel group, filter group a pass.

    In a pass: for each word of a PE's p q S weights, each filter row ID, each filter col ID.

    Parameters
    ----------
    weights : ndarray of int16 (M, C/G, R, S)
        Or of int8 on a chip of 8-bit values.
    raw : bool
        Or run-length coded, a stream an m group.

    Returns
    -------
    list of ndarrays of uint64 (words,)
        All of one length but for the last: behind the end of a shorter stream are streams without a word of values.
    """
    parts = [part for layer in _groups(placement) for part in _group_filters(placement, layer.weights(weights))]
    if raw:
        return list(map(_words, parts))
    code = _code(placement.chip)
    coded = [rlc.encode(part.view(code.dtype), code) for part in parts]
    longest = max(map(len, coded[:-1]), default=0)
    return [np.pad(part, (0, longest - len(part)), constant_values=np.uint64(rlc.LAST)) for part in coded[:-1]
            ] + coded[-1:]


def _group_filters(placement: Placement, own: np.ndarray) -> list[np.ndarray]:
    """The values of each m group of one group, of its weights (M, C, R, S)."""
    layer, mp = placement.layer, placement.mapping
    down, across = placement.sets_down, placement.sets_across
    groups = placement.all_filter_groups
    padded = np.zeros((groups * placement.pass_filters, placement.channel_groups * mp.q * mp.r, layer.R, layer.S),
                      own.dtype)
    padded[:layer.M, :layer.C] = own
    # M -> filter group, set down, set across, p; C -> channel group, r, q
    cut = padded.reshape(groups, down, across, mp.p, placement.channel_groups, mp.r, mp.q, layer.R, layer.S)
    per_pe = cut.transpose(4, 0, 1, 5, 7, 2, 8, 6, 3)  # cg, group, down, r, R, across | S, q, p
    per_pe = per_pe.reshape(*per_pe.shape[:6], -1)
    values = placement.chip.word_values
    per_pe = np.pad(per_pe, [(0, 0)] * 6 + [(0, -per_pe.shape[-1] % values)])
    words = per_pe.reshape(*per_pe.shape[:6], -1, values).transpose(0, 1, 6, 2, 3, 4, 5, 7)
    each = placement.groups_of_m
    return [words[:, first:first + each] for first in range(0, groups, each)]


def pack_biases(placement: Placement, *tables: np.ndarray) -> np.ndarray:
    """Words of a job's biases, uint64 (words,): for each group, filter group, quad, set.

    Parameters
    ----------
    tables : ndarrays of integers (M,)
        The biases; behind those of a quad, those of each further table: the factors. Spare filters have zeros.
    """
    return _words(np.stack([_of_quads(placement, table) for table in tables], axis=3))


def _of_quads(placement: Placement, table: np.ndarray) -> np.ndarray:
    """What each filter has, (filter groups, quads, t, psums of a word)."""
    mp, lanes = placement.mapping, placement.chip.word_psums
    count = placement.job_groups * placement.all_filter_groups
    padded = np.zeros((placement.job_groups, placement.all_filter_groups * placement.pass_filters), table.dtype)
    for row, layer in zip(padded, _groups(placement), strict=True):
        own = table[layer.own_filters]
        row[:len(own)] = own
    cut = np.zeros((count, mp.t, placement.quads * lanes), table.dtype)
    cut[:, :, :mp.p] = padded.reshape(count, mp.t, mp.p)
    return cut.reshape(count, mp.t, placement.quads, lanes).transpose(0, 2, 1, 3)


def _ofmap_streams(placement: Placement) -> Iterator[tuple[int, list[Tile]]]:
    """(filter group of all of the job's, tiles of a block) of each stream of ofmap words, in order."""
    groups, each, blocks = placement.all_filter_groups, placement.groups_of_m, placement.tiles_of_blocks
    groups *= placement.job_groups  # where there are several, `each` is all of a group
    for first in range(0, groups, each):
        for block in blocks:
            for group in range(first, min(first + each, groups)):
                yield group, block


def _stream_values(placement: Placement, block: list[Tile]) -> int:
    """Values of a stream: one for each lane of its words of psums."""
    return placement.chip.word_psums * sum(placement.psum_words(tile.rows, tile.columns) for tile in block)


def ofmap_words(placement: Placement, *, raw: bool) -> int:
    """Words that the ofmaps may take at most."""
    chip = placement.chip
    sizes = [up(_stream_values(placement, block), chip.word_values) for _, block in _ofmap_streams(placement)]
    return sum(sizes) if raw else sum(up(chip.word_values * size, chip.word_pairs) for size in sizes)


def pack_ofmap(placement: Placement, ofmap: np.ndarray, spare: int = 0, *, raw: bool) -> np.ndarray:
    """The words that the chip writes, uint64 (words,): what `unpack_ofmap` reads.

    Parameters
    ----------
    ofmap : ndarray of int16, or uint8, (N, M, E, F)
        Of the whole layer.
    spare : int
        The value of spare filters and lanes.
    """
    layer, mp, chip = placement.layer, placement.mapping, placement.chip
    groups, own = placement.job_groups * placement.all_filter_groups, ofmap[:, layer.own_filters]
    of_groups = np.full((layer.N, placement.job_groups * layer.M, layer.E, layer.F), spare, ofmap.dtype)
    of_groups[:, :own.shape[1]] = own
    padded = np.full((layer.N, placement.job_groups, placement.all_filter_groups * placement.pass_filters,
                      layer.E, layer.F), spare, ofmap.dtype)
    padded[:, :, :layer.M] = of_groups.reshape(layer.N, placement.job_groups, layer.M, layer.E, layer.F)
    lanes = np.full((layer.N, groups, mp.t, placement.quads * chip.word_psums, layer.E, layer.F), spare, ofmap.dtype)
    lanes[:, :, :, :mp.p] = padded.reshape(layer.N, groups, mp.t, mp.p, layer.E, layer.F)
    parts = []
    for group, block in _ofmap_streams(placement):
        values = []
        for tile in block:
            part = lanes[tile.image, group, :, :, tile.row:tile.row + tile.rows,
                         tile.column:tile.column + tile.columns]
            part = part.reshape(mp.t, placement.quads, chip.word_psums, tile.rows, tile.columns)
            values.append(part.transpose(4, 1, 0, 3, 2).reshape(-1))
        stream = np.concatenate(values)
        stream = np.pad(stream, (0, -len(stream) % chip.word_values))
        parts.append(_words(stream) if raw else rlc.encode(stream, _code(chip)))
    return np.concatenate(parts)


def unpack_ofmap(placement: Placement, words: np.ndarray, *, raw: bool) -> np.ndarray:
    """The ofmap, (N, filters, E, F), of a job's filters from its words, uint64; zeros in tiles of other blocks.

    Its type is int16, or uint8 on a chip of 8-bit values.

    A stream for each group, each m group, each block, each filter group; in it each tile; in a tile for each column,
    each quad, each set, each row.

    Raises
    ------
    MalformedStream
    """
    layer, mp, lanes, code = placement.layer, placement.mapping, placement.chip.word_psums, _code(placement.chip)
    count = placement.job_groups * placement.all_filter_groups
    ofmap = np.zeros((layer.N, count, mp.t, mp.p, layer.E, layer.F), code.dtype)
    at = 0
    for group, block in _ofmap_streams(placement):
        size = up(_stream_values(placement, block), code.values)
        if raw:
            values = np.ascontiguousarray(words[at:at + size], dtype="<u8").view(code.dtype.newbyteorder("<"))
            used = size
        else:
            values, used = rlc.decode(words[at:], code.values * size, code)
        at += used
        start = 0
        for tile in block:
            rows, columns = tile.rows, tile.columns
            count = lanes * placement.psum_words(rows, columns)
            part = values[start:start + count].reshape(columns, placement.quads, mp.t, rows, lanes)
            part = part.transpose(2, 1, 4, 3, 0).reshape(mp.t, -1, rows, columns)[:, :mp.p]
            ofmap[tile.image, group, :, :, tile.row:tile.row + rows, tile.column:tile.column + columns] = part
            start += count
    own = layer.own_filters
    of_groups = ofmap.reshape(layer.N, placement.job_groups, -1, layer.E, layer.F)[:, :, :layer.M]
    return of_groups.reshape(layer.N, -1, layer.E, layer.F)[:, :own.stop - own.start]
