"""The search against all mappings there are, and on pairs of chips of which one is better."""

import random
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from compiler.mapping import search
from compiler.mapping.cost import costs
from compiler.mapping.density import Density
from compiler.mapping.geometry import Geometry, up
from compiler.mapping.limits import array_limits, loop_limits
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import MappingError, Mappings
from golden.layer import LayerShape
from hw.config import PRESETS
from tests.compiler.random_chips import random_chip, random_shape

pytestmark = pytest.mark.slow

# what may be more of, and its most on a chip
WIDER = {
    "rows": lambda chip: 32, "columns": lambda chip: 32, "glb_banks": lambda chip: 64,
    "ifmap_bus_values": lambda chip: chip.word_values, "filter_bus_values": lambda chip: chip.word_values,
    "psum_bus_values": lambda chip: chip.word_psums, "link_mhz": lambda chip: 5000}


@pytest.fixture
def fastest(monkeypatch):
    """The search takes the least cycles of the model, whatever the traffic."""
    monkeypatch.setattr(search, "SLACK", 1)
    monkeypatch.setattr(search, "PLAYED", 1)


def drawn_chip(chance, most_pes):
    chip = None
    while chip is None:
        chip, _ = random_chip(chance, most_pes)
    return chip


def model_cycles(layer, chip, density=None):
    found = search.find_mapping(layer, chip, density=density)
    return float(costs(Geometry(layer, chip, found), density).cycles)


def least_cycles(layer, chip):
    """Of every mapping that fits: e, f, p, q, r, t, n and m one by one. Infinite if none does."""
    table = np.array(list(product(
        range(1, layer.E + 1), range(1, min(layer.M, max(1, 2 * chip.psum_spad_words // 3)) + 1),
        range(1, min(layer.C, chip.ifmap_spad_words // layer.S) + 1), range(1, chip.rows // layer.R + 1),
        range(1, min(layer.M, chip.pes) + 1))))
    array = Geometry(layer, chip, Mappings.of(**dict(zip("epqrt", table.T, strict=True)), m=1, n=1, f=1, coded=0))
    fits = (table[:, 4] == 1) | (array.segments == 1) | (table[:, 0] % array.segments == 0)
    for limit in array_limits(array):
        fits &= limit.value <= limit.most
    e, p, q, r, t = table[fits].T
    least = np.inf
    for f, n, g in product(range(1, layer.F + 1), range(1, layer.N * layer.E * layer.F + 1), range(1, layer.M + 1)):
        some = (n <= layer.N * up(layer.E, e) * up(layer.F, f)) & (g <= up(layer.M, p * t))
        if some.any():
            tilings = Mappings.of(m=g * (p * t)[some], n=n, e=e[some], f=f, p=p[some], q=q[some], r=r[some],
                                  t=t[some], coded=0)
            loops = Geometry(layer, chip, tilings)
            fits = np.all([limit.value <= limit.most for limit in loop_limits(loops)], axis=0)
            if fits.any():
                cycles = costs(Geometry(layer, chip, tilings.take(fits))).cycles
                least = min(least, float(cycles.min()))
    return least


@pytest.mark.parametrize("seed", range(25))
def test_loses_at_most_a_hundredth_to_an_exhaustive_search(seed, fastest):
    chance = random.Random(seed)
    chip = replace(drawn_chip(chance, 12), glb_bank_words=16 * chance.choice((1, 2, 4)), burst_words=4,
                   glb_banks=chance.randint(2, 8))
    shape = LayerShape(N=chance.randint(1, 2), M=chance.randint(1, 8), C=chance.randint(1, 6), H=chance.randint(3, 7),
                       W=chance.randint(3, 7), R=chance.randint(1, 3), S=chance.randint(1, 3),
                       U=chance.randint(1, 2), V=chance.randint(1, 2))
    layer = lower(shape, chip)
    try:
        found = model_cycles(layer, chip)
    except MappingError:
        found = np.inf
    least = least_cycles(layer, chip)
    assert found <= 1.01 * least if np.isfinite(least) else found == least


def pair(seed):
    """(layer of a chip, the chip, a better one, density): filters are no taller than the array."""
    chance = random.Random(seed)
    while True:
        chip = drawn_chip(chance, 256) if seed % 3 else PRESETS[chance.choice(sorted(PRESETS))]
        field, shape = chance.choice(list(WIDER)), random_shape(chance, 100_000, 10_000_000)
        value, most = getattr(chip, field), WIDER[field](chip)
        if shape.R <= chip.rows and value < most:
            more = 2 * value if field.endswith("values") else chance.randint(value + 1, min(most, 2 * value))
            return lower(shape, chip), chip, replace(chip, **{field: more}), Density(
                chance.choice((1, 0.6, 0.3)), chance.choice((1, 0.5)))


@pytest.mark.parametrize("seed", range(25))
def test_a_better_chip_has_no_slower_mapping(seed, fastest):
    layer, chip, better, density = pair(seed)
    try:
        cycles = model_cycles(layer, chip, density)
    except MappingError:
        return
    assert model_cycles(layer, better, density) <= cycles * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_a_better_chip_plans_no_worse_than_traffic_is_worth(seed):
    layer, chip, better, density = pair(seed)
    try:
        found = search.search(layer, chip, density=density)
    except MappingError:
        return
    assert search.search(layer, better, density=density).costs.cycles <= search.SLACK * found.costs.cycles
