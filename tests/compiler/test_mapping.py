"""Placements, their limits, and the search."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.image.noc_ids import noc_ids
from compiler.image.program import compile_layer
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping, MappingError, load_mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping, search
from compiler.paper.layers import CATALOGUE
from compiler.paper.published import MEASURED, TABLE_III
from golden.layer import LayerShape
from hw.config import PRESETS, ChipConfig
from tests.golden.strategies import shapes

CHIP = PRESETS["eyeriss"]
LAYER = "M=64,C=64,H=32,W=32,R=3"
BASE = dict(m=16, n=1, e=7, f=0, p=8, q=2, r=2, t=2)


def placed(shape=LAYER, chip=CHIP, **changes):
    layer = lower(LayerShape.parse(shape) if isinstance(shape, str) else shape, chip)
    return Placement(layer, Mapping(**BASE | changes), chip)


@pytest.mark.parametrize("changes, message", [
    (dict(p=25), r"p, psums in a PE's psum spad, is 25, chip eyeriss has 24"),
    (dict(q=5), r"q S, values in a PE's ifmap spad, is 15, chip eyeriss has 12"),
    (dict(p=24, q=4, m=48), r"p q S, weights in a PE's filter spad, is 288, chip eyeriss has 224"),
    (dict(r=5), r"r R, rows of PEs for a stack of sets, is 15, chip eyeriss has 12"),
    (dict(e=14, t=3, m=24), r"rows of PEs for all sets \(r, t and segments of e\) is 18, chip eyeriss has 12"),
    (dict(e=28, t=2, r=2), r"rows of PEs for all sets \(r, t and segments of e\) is 24, chip eyeriss has 12"),
    (dict(m=64, n=8), r"GLB banks for a block's ifmaps and psums is 32, chip eyeriss has 25"),
    (dict(m=17), r"m = 17 must be a multiple of p t = 16 or all of M"),
    (dict(shape="M=64,C=8,H=40,W=8,R=1,U=1", e=15, r=1, t=2, m=16),
     r"e = 15 must be a multiple of its 2 segments where t > 1"),
    (dict(shape="M=64,C=8,H=90,W=8,R=4,U=4", e=7, r=4, t=1, p=8, m=8),
     r"r R, rows of PEs for a stack of sets, is 16, chip eyeriss has 12"),
    (dict(shape="M=300,C=8,H=8,W=8,R=1", e=1, r=1, t=14, p=24, q=1, m=336, chip=ChipConfig(bias_words=32)),
     r"words of biases of a filter group is 84, chip eyeriss has 32"),
])
def test_limit(changes, message):
    with pytest.raises(MappingError, match=f"^{message}$"):
        placed(**changes)


def test_base_fits():
    placement = placed()
    assert placement.active_pes == 3 * 7 * 2 * 2
    assert (placement.sets_across, placement.sets_down, placement.segments) == (2, 1, 1)


@pytest.mark.parametrize("field, value", [("m", 0), ("n", -1), ("e", 1.0), ("p", "4"), ("q", True), ("f", -1)])
def test_no_mapping(field, value):
    least = 0 if field == "f" else 1
    with pytest.raises(MappingError, match=(
            f"^mapping {field} must be an integer of at least {least}, not {re.escape(repr(value))}$")):
        Mapping(**BASE | {field: value})


def test_what_is_larger_than_the_layer_is_cut_down():
    placement = placed("M=4,C=2,H=6,W=8,R=3", n=99, e=14, f=99, p=4, t=1, m=99, q=1, r=2)
    assert (placement.mapping.n, placement.mapping.e, placement.mapping.f) == (1, 4, 6)


def test_mapping_from_a_file(tmp_path):
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps({name: value for name, value in BASE.items() if name != "f"}))
    assert load_mapping(path) == Mapping(**BASE)


@pytest.mark.parametrize("name", TABLE_III)
def test_table_iii_fits_the_papers_chip(name):
    layer = lower(CATALOGUE[name].with_batch(4), CHIP)
    placement = Placement(layer, Mapping(**TABLE_III[name]), CHIP)
    # CONV3's row of Table III does not reproduce Table V: the chip ran it with CONV4's mapping, of as many PEs
    assert placement.active_pes == MEASURED[name]["active_pes"]


def ids_are_consistent(placement):
    """Every PE gets its ifmap row, and no word is meant for a PE that takes no part."""
    layer, mp, chip = placement.layer, placement.mapping, placement.chip
    ids = noc_ids(placement)
    assert sum(ids["active"]) == placement.active_pes
    rows_of = {}
    for y in range(chip.rows):
        for x in range(chip.columns):
            if not ids["active"][y * chip.columns + x]:
                continue
            row, column = ids["ifmap_row_id"][y], ids["ifmap_col_id"][y * chip.columns + x]
            channel, phase = divmod(row, layer.U)
            assert channel < mp.r
            k = column * layer.U + phase  # the ifmap row it receives: U j + i
            assert k < placement.tile_rows
            i = y % layer.R
            j, rest = divmod(k - i, layer.U)
            assert rest == 0 and 0 <= j < mp.e
            key = y % (mp.r * layer.R), ids["filter_row_id"][y], ids["filter_col_id"][y * chip.columns + x]
            rows_of.setdefault(key, []).append(j)
    # each set works on all e rows of the tile, each row once
    assert all(sorted(rows) == list(range(mp.e)) for rows in rows_of.values())


SIZE = st.integers(1, 9)


@given(st.integers(1, 3), SIZE, SIZE, SIZE, SIZE, st.integers(1, 200))
def test_no_block_has_more_words_than_the_first(N, E, F, e, f, n):
    layer = lower(LayerShape(N=N, M=4, C=1, H=E, W=F, R=1, S=1, U=1), CHIP)
    placement = Placement(layer, Mapping(m=4, n=n, e=e, f=f, p=4, q=1, r=1, t=1), CHIP)
    n = placement.mapping.n
    for words in (placement.ifmap_words, placement.psum_words):
        each = [words(tile.rows, tile.columns) for tile in placement.tiles]
        assert [placement.first_tiles(words, count) for count in range(len(each) + 1)] == [
            sum(each[:count]) for count in range(len(each) + 1)]
        assert placement.first_tiles(words, n) == max(sum(each[first:first + n]) for first in range(0, len(each), n))
    assert placement.all_blocks == len(range(0, len(each), n))


# what the mapper once chose and the scan chain could not hold: a field by field
@pytest.mark.slow
@pytest.mark.parametrize("shape, chip", [
    ("N=2,M=4,C=1,H=1,W=1028,R=1,S=5", CHIP), ("M=16,C=1,H=1,W=2000,R=1,S=9", CHIP),
    ("M=4,C=1,H=4,W=1030,R=3,S=3,V=2", CHIP), ("N=5000,M=1,C=1,H=1,W=1,R=1", CHIP),
    ("M=4,C=20,H=9,W=9,R=3,S=1", replace(PRESETS["mini"], ifmap_spad_words=20)),
    ("M=4,C=2,H=9,W=40,R=3,S=17", replace(PRESETS["mini"], ifmap_spad_words=32)),
    ("M=200000,C=1,H=1,W=1,R=1", PRESETS["mini"]), ("M=8000000,C=1,H=1,W=1,R=1", PRESETS["mini"]),
    ("M=8,C=4000,H=3,W=3,R=3", CHIP), ("M=40,C=40,H=40,W=40,R=16", ChipConfig(rows=16, columns=16)),
    ("M=900,C=70,H=40,W=40,R=1", ChipConfig(rows=32, columns=32, bias_words=256)),
])
def test_what_is_found_can_be_packed(shape, chip):
    shape = LayerShape.parse(shape)
    found = find_mapping(lower(shape, chip), chip)
    tensors = (np.zeros(size, np.int16) for size in (shape.ifmap_shape, shape.weights_shape, shape.M))
    compile_layer(shape, found, chip, *tensors)


@pytest.mark.slow
@given(shapes(), st.sampled_from(sorted(PRESETS)))
@settings(max_examples=200, deadline=None)
def test_found_mapping_fits(shape, name):
    chip = PRESETS[name]
    for layer in lower(shape, chip).each()[:1]:
        placement = Placement(layer, find_mapping(layer, chip), chip)
        assert placement.mapping == find_mapping(layer, chip)
        ids_are_consistent(placement)


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_layer_of_the_paper_gets_a_mapping(name):
    for batch in (1, int(MEASURED[name]["N"])):
        layer = lower(CATALOGUE[name].with_batch(batch), CHIP)
        found = search(layer, CHIP)
        placement = Placement(layer, found.mapping, CHIP)
        # VGG's first layer waits for DRAM however many work
        assert placement.active_pes > CHIP.pes / 2 or found.costs.binding() == "link"
        ids_are_consistent(placement)


@pytest.mark.parametrize("shape, g", [
    ("M=64,C=64,H=16,W=16,R=3,P=1,G=64", 4), ("M=64,C=32,H=16,W=16,R=3,P=1,U=2,G=32", 2),
    ("M=64,C=64,H=14,W=14,R=3,P=1,G=8", 1), ("M=64,C=64,H=14,W=14,R=1", 1),
])
def test_groups_are_one_job_and_small_ones_are_merged(shape, g):
    layer = lower(LayerShape.parse(shape), CHIP)
    found = search(layer, CHIP)
    placement = Placement(layer, found.mapping, CHIP)
    assert found.mapping.g == g and placement.jobs == 1
    assert found.costs.passes == placement.passes


@pytest.mark.slow
def test_nothing_fits():
    chip = ChipConfig(rows=2, columns=2, glb_banks=2, glb_bank_words=16, filter_bank_words=16)
    layer = lower(LayerShape.parse("M=4,C=1,H=300,W=300,R=2,S=12"), chip)
    try:
        Placement(layer, find_mapping(layer, chip), chip)
    except MappingError as error:
        assert "\n" not in str(error)
