"""Actions of a layer counted by its loop nest: every PE, position and window value in turn, as Figs. 3 to 6 say."""

from collections import Counter

import numpy as np

__all__ = ["loop_nest_actions"]


def up(a, b):
    return -(-a // b)


def loop_nest_actions(shape, mapping, chip, ifmap):
    """How often each action happens, but for DRAM, link and cycles.

    Parameters
    ----------
    shape : LayerShape
        Natively supported: no dilation, filters no larger than the array's rows and the ifmap spad, no stride above
        the filter.
    mapping : Mapping
        Cut down to the layer.
    ifmap : ndarray of int16 (N, C, H, W)
    """
    count = Counter()
    per_group = mapping.g * shape.C // shape.G
    spare = -shape.C % per_group  # channels of groups that fill up the last of the merged ones
    padded = np.pad(ifmap, ((0, 0), (0, spare), (shape.P, shape.P), (shape.P, shape.P)))
    for group in range(up(shape.G, mapping.g)):
        planes = padded[:, group * per_group:(group + 1) * per_group]
        _one_group(count, shape, mapping, chip, planes)
    return count


def _one_group(count, shape, mp, chip, planes):
    tiles = [(image, row, min(mp.e, shape.E - row), column, min(mp.f, shape.F - column))
             for image in range(shape.N) for row in range(0, shape.E, mp.e) for column in range(0, shape.F, mp.f)]
    blocks = [tiles[first:first + mp.n] for first in range(0, len(tiles), mp.n)]
    filter_groups = up(mp.g * shape.M // shape.G, mp.p * mp.t)
    in_glb = min(filter_groups, up(mp.m, mp.p * mp.t))  # filter groups whose psums the GLB holds
    channel_groups = range(0, planes.shape[1], mp.q * mp.r)
    for first in range(0, filter_groups, in_glb):
        for block in blocks:
            for channel in channel_groups:
                count["glb_ifmap_write"] += sum(_ifmap_words(shape, mp, chip, tile) for tile in block)
                for _ in range(first, min(first + in_glb, filter_groups)):
                    _one_pass(count, shape, mp, chip, planes, block, channel, channel == channel_groups[0])
            psums = sum(rows * columns for _, _, rows, _, columns in block) * mp.t * up(
                mp.p, chip.word_psums)
            count["glb_psum_read"] += psums * (min(first + in_glb, filter_groups) - first)  # finished: to DRAM


def _ifmap_words(shape, mp, chip, tile):
    _, _, rows, _, columns = tile
    return up(((rows - 1) * shape.U + shape.R) * ((columns - 1) * shape.V + shape.S) * mp.q * mp.r, chip.word_values)


def _one_pass(count, shape, mp, chip, planes, block, channel, starts):
    """All PEs between two changes of their weights."""
    weights = mp.p * mp.q * shape.S
    count["glb_filter_write"] += shape.R * mp.r * mp.t * up(weights, chip.word_values)
    count["glb_filter_read"] += shape.R * mp.r * mp.t * up(weights, chip.word_values)
    count["noc_filter"] += shape.R * mp.r * mp.t * up(weights, chip.filter_bus_values) * chip.filter_bus_values
    for tile in block:
        _, _, rows, _, columns = tile
        wide = (columns - 1) * shape.V + shape.S
        count["glb_ifmap_read"] += _ifmap_words(shape, mp, chip, tile)
        count["noc_ifmap"] += (((mp.e - 1) * shape.U + shape.R) * mp.r * wide
                               * up(mp.q, chip.ifmap_bus_values) * chip.ifmap_bus_values)
        psums = rows * columns * mp.t * up(mp.p, chip.word_psums)
        count["glb_psum_write"] += psums
        count["glb_psum_read"] += 0 if starts else psums
        values = up(mp.p, chip.psum_bus_values) * chip.psum_bus_values
        count["noc_psum"] += 2 * mp.e * columns * mp.t * values  # in at the bottom, out at the top
    for _ in range(mp.t):
        for j in range(mp.e):
            for channel_set in range(mp.r):
                for i in range(shape.R):
                    count["filter_spad_write"] += weights
                    top = channel_set == 0 and i == 0
                    for tile in block:
                        _one_pe(count, shape, mp, planes, tile, channel + channel_set * mp.q, i, j, top)


def _one_pe(count, shape, mp, planes, tile, channel, i, j, top):
    """A tile's row of psums: an ifmap row of q channels slides over p q filter rows."""
    image, row, rows, column, columns = tile
    count["ifmap_spad_write"] += ((columns - 1) * shape.V + shape.S) * mp.q
    at = j * shape.U + i
    there = at < (rows - 1) * shape.U + shape.R  # else the row fills up the strip
    for x in range(columns):
        for s in range(shape.S):
            for c in range(channel, channel + mp.q):
                live = there and c < planes.shape[1] and planes[
                    image, c, row * shape.U + at, (column + x) * shape.V + s] != 0
                for action in ("mac", "ifmap_spad_read", "filter_spad_read", "psum_spad_read",
                               "psum_spad_write") if live else ("mac_gated",):
                    count[action] += mp.p
        count["psum_hop"] += 0 if top else mp.p
