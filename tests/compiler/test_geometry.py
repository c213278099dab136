"""A geometry against its own tiles and passes one by one, and arrays of mappings against each of them alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.mapping.cost import RESOURCES, costs
from compiler.mapping.density import Density
from compiler.mapping.geometry import Geometry
from compiler.mapping.limits import array_limits, loop_limits
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import PARAMETERS, Mapping, MappingError, Mappings
from compiler.mapping.placement import Placement
from golden.layer import LayerShape
from hw.config import PRESETS
from tests.golden.strategies import shapes

CHIPS = [*(PRESETS[name] for name in ("eyeriss", "mini", "eyeriss-skip")),
         replace(PRESETS["eyeriss"], coded_weights=True)]
SIZES = st.integers(1, 12)
MAPPINGS = st.builds(Mapping, m=SIZES, n=SIZES, e=SIZES, f=SIZES, p=SIZES, q=st.integers(1, 4), r=st.integers(1, 4),
                     t=st.integers(1, 4), coded=st.integers(0, 3))
NUMBERS = [name for name in dir(Geometry) if not name.startswith("_") and name not in (
    "strips", "spans", "ifmap_rows", "ifmap_columns", "ifmap_columns_of", "ifmap_words", "psum_words", "first_tiles",
    "ofmap_words", "weights_ahead", "decoded_ifmap_banks", "psum_banks", "pe_cycles", "ifmap_bus_cycles",
    "psum_bus_cycles")]


def numbers(geometry):
    """All that a geometry says, by name."""
    found = {name: getattr(geometry, name) for name in NUMBERS}
    for name in ("strips", "spans"):
        found |= {f"{name} {key}": value for key, value in vars(getattr(geometry, name)).items()}
    for limit in (*array_limits(geometry), *loop_limits(geometry)):
        found[limit.what] = limit.value
    return found


@given(shapes(), st.lists(MAPPINGS, min_size=2, max_size=5), st.sampled_from(CHIPS))
@settings(max_examples=40, deadline=None)
def test_arrays_are_each_mapping_by_itself(shape, mappings, chip):
    layer = lower(shape, chip)
    mappings = [mapping.cut_to(layer) for mapping in mappings]
    together = Mappings.of(**{name: np.array([getattr(each, name) for each in mappings])
                              for name in PARAMETERS})
    assert together.each() == mappings
    geometry, density = Geometry(layer, chip, together), Density(0.5, 0.5, weight=0.5)
    table, whole = numbers(geometry), costs(geometry, density)
    for index, mapping in enumerate(mappings):
        alone = Geometry(layer, chip, mapping)
        for name, value in numbers(alone).items():
            assert type(value) is int, name
            assert value == np.broadcast_to(table[name], len(mappings))[index], name
        cost = costs(alone, density)
        for name in ("cycles", "ramp", "passes", "macs", "energy"):
            assert getattr(cost, name) == pytest.approx(np.broadcast_to(getattr(whole, name), len(mappings))[index])
        assert [cost.by_resource[name] for name in RESOURCES] == pytest.approx(
            [np.broadcast_to(whole.by_resource[name], len(mappings))[index] for name in RESOURCES])


@given(shapes(), MAPPINGS, st.sampled_from(CHIPS))
@settings(max_examples=200, deadline=None)
def test_totals_are_sums_over_tiles(shape, mapping, chip):
    layer = lower(shape, chip)
    try:
        placement = Placement(layer, mapping, chip)
    except MappingError:
        return
    tiles, groups, mp = placement.tiles, placement.filter_groups, placement.mapping
    filter_groups = (groups.m_groups - 1) * groups.each + groups.last
    assert placement.passes == placement.job_groups * placement.all_passes == placement.job_groups * (
        len(placement.tiles_of_blocks) * placement.channel_groups * filter_groups)
    assert placement.all_positions == sum(tile.columns for tile in tiles)
    assert placement.all_psum_words == placement.all_filter_groups * sum(
        placement.psum_words(tile.rows, tile.columns) for tile in tiles)
    assert placement.ifmap_columns_of(placement.all_positions, len(tiles)) == sum(
        placement.ifmap_columns(tile.columns) for tile in tiles)
    assert placement.ifmap_bus_cycles(placement.all_positions, len(tiles)) == sum(
        placement.tile_rows * placement.ifmap_columns(tile.columns) * mp.r * -(-mp.q // chip.ifmap_bus_values)
        for tile in tiles)


def test_words_of_all_ifmaps_are_near_their_sum():
    """The total that costs count, of spans of the mean width, beside the words of each tile."""
    layer = lower(LayerShape.parse("N=2,M=16,C=10,H=31,W=45,R=3,S=5,P=1"), CHIPS[0])
    for f in range(1, layer.F + 1):
        placement = Placement(layer, Mapping(m=16, n=1, e=5, f=f, p=16, q=2, r=2, t=1), CHIPS[0])
        words = [placement.ifmap_words(tile.rows, tile.columns) for tile in placement.tiles]
        exact = placement.channel_groups * sum(words)
        assert placement.all_ifmap_words == pytest.approx(exact, rel=0.09), f


def test_mappings_are_taken_and_joined():
    some = Mappings.of(m=np.array([4, 8]), n=1, e=2, f=3, p=4, q=1, r=1, t=np.array([1, 2]), coded=0)
    both = Mappings.join([some, some.take(np.array([False, True]))])
    assert [each.m for each in both.each()] == [4, 8, 8]
    assert len(both) == 3 and both.each()[2] == Mapping(m=8, n=1, e=2, f=3, p=4, q=1, r=1, t=2)
