"""Tensors to DRAM words and back, against loops written out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.image import dram_image
from compiler.mapping.density import unpadded
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping, MappingError
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS

CHIP = PRESETS["eyeriss"]

# ragged strips (7 = 3 + 3 + 1), spans (6 = 4 + 2), groups (20 = 2 x 8 + 4), channels (5 = 4 + 1), m groups
SHAPE = LayerShape.parse("N=2,M=20,C=5,H=9,W=8,R=3")
MAPPING = Mapping(m=16, n=5, e=3, f=4, p=4, q=2, r=2, t=2)


def placed(shape=SHAPE, mapping=MAPPING, chip=CHIP, group=0):
    return Placement(lower(shape, chip).each()[group], mapping, chip)


def values_of(words):
    return np.ascontiguousarray(words, "<u8").view("<i2").tolist()


def blocks_of(placement):
    """Tiles as (image, rows, columns), n at a time."""
    layer, mp = placement.layer, placement.mapping
    tiles = []
    for image in range(layer.N):
        for row in range(0, layer.E, mp.e):
            for column in range(0, layer.F, mp.f):
                tiles.append((image, range(row, min(row + mp.e, layer.E)),
                              range(column, min(column + mp.f, layer.F))))
    return [tiles[start:start + mp.n] for start in range(0, len(tiles), mp.n)]


def groups_of(placement):
    """Filter groups of each m group."""
    layer, mp = placement.layer, placement.mapping
    firsts = list(range(0, layer.M, mp.p * mp.t))
    each = -(-mp.m // (mp.p * mp.t))
    return [firsts[start:start + each] for start in range(0, len(firsts), each)]


def ofmap_order(placement):
    """(n, m, y, x) of each value of the ofmaps in DRAM, None for padding."""
    layer, mp = placement.layer, placement.mapping
    for groups in groups_of(placement):
        for block in blocks_of(placement):
            for first in groups:
                for image, rows, columns in block:
                    for x in columns:
                        for quad in range(0, mp.p, 4):
                            for t in range(mp.t):
                                for y in rows:
                                    for k in range(quad, quad + 4):
                                        m = first + t * mp.p + k
                                        yield (image, m, y, x) if k < mp.p and m < layer.M else None


def check_ofmap(placement):
    layer = placement.layer
    ofmap = np.random.default_rng(1).integers(-1 << 15, 1 << 15, (layer.N, layer.M, layer.E, layer.F), np.int16)
    values = [-1 if index is None else ofmap[index] for index in ofmap_order(placement)]
    words = np.array(values, "<i2").view("<u8")
    assert len(words) == dram_image.ofmap_words(placement, raw=True)
    assert np.array_equal(dram_image.unpack_ofmap(placement, words, raw=True), ofmap)
    if layer.M == layer.shape.M:  # `pack_ofmap` takes the whole layer's
        values = [0 if index is None else ofmap[index] for index in ofmap_order(placement)]
        assert values_of(dram_image.pack_ofmap(placement, ofmap, raw=True)) == values
        coded = dram_image.pack_ofmap(placement, ofmap, raw=False)
        assert np.array_equal(dram_image.unpack_ofmap(placement, coded, raw=False), ofmap)


@pytest.mark.parametrize("changes", [{}, dict(p=5, m=20), dict(t=1, p=7, m=7), dict(n=1), dict(f=6, e=7, n=2),
                                     dict(m=8), dict(p=1, t=1, m=3)])
def test_ofmap(changes):
    check_ofmap(placed(mapping=Mapping(**MAPPING.as_dict() | changes)))


@pytest.mark.parametrize("changes", [{}, dict(r=1, q=3), dict(n=1), dict(f=6, e=7, n=2), dict(r=4, q=1, t=1, m=20)])
@pytest.mark.parametrize("extra", ["", ",P=2", ",U=2,V=3", ",P=1,U=2"])
def test_ifmaps(extra, changes):
    shape = LayerShape.parse(str(SHAPE) + extra if ",U=" not in extra else str(SHAPE).replace(",U=1", extra))
    placement = placed(shape, Mapping(**MAPPING.as_dict() | changes))
    layer, mp = placement.layer, placement.mapping
    ifmap = random_tensors(shape, seed=1, full_range=True).ifmap
    padded = np.pad(ifmap, ((0, 0), (0, mp.q * mp.r), (shape.P, shape.P + 9), (shape.P, shape.P + 9)))
    expected = []
    for block in blocks_of(placement):
        for first in range(0, layer.C, mp.q * mp.r):
            for image, rows, columns in block:
                for x in range(columns[0] * shape.V, columns[-1] * shape.V + shape.S):
                    for y in range(rows[0] * shape.U, rows[-1] * shape.U + shape.R):
                        for r in range(mp.r):
                            for q in range(mp.q):
                                expected.append(int(padded[image, first + r * mp.q + q, y, x]))
                expected += [0] * (-len(expected) % 4)
    assert values_of(dram_image.pack_ifmaps(placement, ifmap, raw=True)) == expected


@pytest.mark.parametrize("changes", [{}, dict(p=5, m=20), dict(t=1, p=7, m=7), dict(t=6, e=4, r=2, m=24)])
def test_filters(changes):
    placement = placed(mapping=Mapping(**MAPPING.as_dict() | changes))
    layer, mp = placement.layer, placement.mapping
    weights = random_tensors(SHAPE, seed=2, full_range=True).weights
    expected = []
    for groups in groups_of(placement):
        for channels in range(0, layer.C, mp.q * mp.r):
            for first in groups:
                pes = {}  # (set down, r, filter row, set across) -> a PE's weights in the order of its spad
                for down in range(placement.sets_down):
                    for across in range(placement.sets_across):
                        for r in range(mp.r):
                            for i in range(layer.R):
                                pes[down, r, i, across] = [
                                    int(weights[m, c, i, s]) if m < layer.M and c < layer.C else 0
                                    for s in range(layer.S) for q in range(mp.q) for p in range(mp.p)
                                    for m in [first + (down * placement.sets_across + across) * mp.p + p]
                                    for c in [channels + r * mp.q + q]]
                for word in range(0, mp.p * mp.q * layer.S, 4):
                    for pe in sorted(pes):
                        quad = pes[pe][word:word + 4]
                        expected += quad + [0] * (4 - len(quad))
    words = np.concatenate(dram_image.pack_filters(placement, weights, raw=True))
    assert values_of(words) == expected
    assert len(words) == placement.passes // placement.blocks.count * placement.pass_words


def test_biases():
    placement = placed(mapping=Mapping(**MAPPING.as_dict() | dict(p=5, m=20)))
    bias = np.arange(100, 120, dtype=np.int16)
    quads = [[100, 101, 102, 103], [105, 106, 107, 108], [104, 0, 0, 0], [109, 0, 0, 0],
             [110, 111, 112, 113], [115, 116, 117, 118], [114, 0, 0, 0], [119, 0, 0, 0]]
    assert values_of(dram_image.pack_biases(placement, bias)) == sum(quads, [])


def test_second_group_has_its_own_tensors():
    shape = LayerShape.parse("M=8,C=4,H=5,W=5,R=3,G=2")
    placement = placed(shape, Mapping(m=4, n=1, e=3, p=4, q=2, r=1, t=1), group=1)
    ifmap, weights, bias = random_tensors(shape, seed=3)
    assert values_of(dram_image.pack_ifmaps(placement, ifmap, raw=True))[:2] == ifmap[0, 2:, 0, 0].tolist()
    assert values_of(dram_image.pack_filters(placement, weights, raw=True)[0])[:4] == weights[4:, 0, 0, 0].tolist()
    assert values_of(dram_image.pack_biases(placement, bias)) == bias[4:].tolist()


@pytest.mark.parametrize("groups, g", [(3, 1), (6, 2), (5, 2)])
def test_a_job_of_several_groups_has_one_after_another(groups, g):
    shape = LayerShape(N=2, M=2 * groups, C=3 * groups, H=6, W=5, R=3, S=3, U=1, G=groups)
    mapping = Mapping(m=2 * g, n=2, e=3, p=2 * g, q=2, r=1, t=1, g=g)
    whole, tensors = Placement(lower(shape, CHIP), mapping, CHIP), random_tensors(shape, seed=4, full_range=True)
    each = [Placement(layer, mapping, CHIP) for layer in lower(shape, CHIP).merge(g).each()]
    assert whole.jobs == 1 and whole.passes == sum(part.passes for part in each)
    for pack in (lambda placement: dram_image.pack_ifmaps(placement, tensors.ifmap, raw=True),
                 lambda placement: dram_image.pack_ifmaps(placement, tensors.ifmap, raw=False),
                 lambda placement: np.concatenate(dram_image.pack_filters(placement, tensors.weights, raw=True)),
                 lambda placement: dram_image.pack_biases(placement, tensors.bias)):
        assert np.array_equal(pack(whole), np.concatenate([pack(part) for part in each]))
    words = [np.arange(100 * index, 100 * index + dram_image.ofmap_words(part, raw=True), dtype=np.uint64)
             for index, part in enumerate(each)]
    ofmap = dram_image.unpack_ofmap(whole, np.concatenate(words), raw=True)
    assert np.array_equal(ofmap, np.concatenate([dram_image.unpack_ofmap(part, own, raw=True)
                                                 for part, own in zip(each, words, strict=True)], axis=1))
    for raw in (False, True):
        assert np.array_equal(dram_image.unpack_ofmap(whole, dram_image.pack_ofmap(whole, ofmap, raw=raw), raw=raw),
                              ofmap)


@pytest.mark.parametrize("extra", ["", ",P=1", ",P=1,U=2", ",P=2,V=2", ",P=2,U=2,V=3"])
def test_zeros_of_padding_are_those_that_the_model_counts(extra):
    shape = LayerShape.parse("M=4,C=4,H=8,W=8,R=3" + extra)
    placement = Placement(lower(shape, CHIP), Mapping(m=4, n=1, e=14, p=4, q=4, r=1, t=1), CHIP)
    words = dram_image.pack_ifmaps(placement, np.ones(shape.ifmap_shape, np.int16), raw=True)
    assert unpadded(placement.layer) == pytest.approx(np.mean(values_of(words)))


def test_where_m_is_less_than_a_group_each_is_a_job():
    shape = LayerShape.parse("M=16,C=4,H=6,W=6,R=3,G=2")
    jobs = Placement(lower(shape, CHIP), Mapping(m=4, n=1, e=4, p=4, q=2, r=1, t=1), CHIP).each_job()
    assert [job.layer.group for job in jobs] == [0, 1] and [job.job_groups for job in jobs] == [1, 1]


def test_stride_larger_than_the_filter_leaves_pixels_out():
    shape = LayerShape.parse("M=1,C=1,H=7,W=7,R=2,S=1,U=3,V=2")
    placement = placed(shape, Mapping(m=1, n=1, e=2, p=1, q=1, r=1, t=1))
    ifmap = np.arange(49, dtype=np.int16).reshape(1, 1, 7, 7)
    assert values_of(dram_image.pack_ifmaps(placement, ifmap, raw=True)) == [
        row * 7 + column for column in (0, 2, 4, 6) for row in (0, 1, 3, 4)]


small = st.integers(1, 6)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_ofmap_of_found_mappings(data):
    R, S, U = data.draw(small), data.draw(small), data.draw(st.sampled_from((1, 2, 4)))
    shape = LayerShape(N=data.draw(small), M=data.draw(st.integers(1, 40)), C=data.draw(small), R=R, S=S, U=U,
                       H=R + data.draw(st.integers(0, 9)), W=S + data.draw(st.integers(0, 9)))
    layer = lower(shape, PRESETS["mini"])
    try:
        mapping = find_mapping(layer, PRESETS["mini"])
    except MappingError:
        return
    check_ofmap(Placement(layer, mapping, PRESETS["mini"]))
