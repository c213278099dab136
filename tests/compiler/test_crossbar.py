"""Crossbars against cells that are placed one by one, and noise that is what it says."""

import numpy as np
import pytest

from compiler.energy.crossbar import NETWORKS, SIZES, Crossbar, crossbar_costs, load_crossbar
from compiler.energy.noise import Noise
from golden.layer import LayerShape

SHAPES = ["M=8,C=4,H=9,W=9,R=3", "N=2,M=20,C=6,H=6,W=7,R=3,S=2,G=2", "M=12,C=12,H=5,W=5,R=3,G=12",
          "M=70,C=3,H=8,W=8,R=5"]


def placed(shape, crossbar):
    """Arrays with each weight's cells put down one by one: groups on a diagonal, cut where an array ends."""
    rows, columns = shape.C // shape.G * shape.R * shape.S, shape.M // shape.G * crossbar.cells
    arrays, row, column = {}, 0, 0
    base = 0
    for _ in range(shape.G):
        if row + rows > crossbar.rows or column + columns > crossbar.columns:
            base, row, column = len(arrays), 0, 0
        for i in range(rows):
            for j in range(columns):
                at = ((row + i) // crossbar.rows, (column + j) // crossbar.columns)
                cells = arrays.setdefault((base, *at), set())
                place = ((row + i) % crossbar.rows, (column + j) % crossbar.columns)
                assert place not in cells
                cells.add(place)
        row, column = row + rows, column + columns
    return arrays


@pytest.mark.parametrize("text", SHAPES)
@pytest.mark.parametrize("size", [16, 64, 256])
@pytest.mark.parametrize("cell_bits", [2, 16])
def test_cells_and_conversions(text, size, cell_bits):
    shape, crossbar = LayerShape.parse(text), Crossbar(rows=size, columns=size, cell_bits=cell_bits)
    arrays, found = placed(shape, crossbar), crossbar_costs(shape, crossbar)
    assert found.arrays == len(arrays)
    cells = sum(map(len, arrays.values()))
    assert cells == shape.M * shape.C // shape.G * shape.R * shape.S * crossbar.cells
    assert found.utilization == pytest.approx(cells / (len(arrays) * size * size))
    slices = shape.N * shape.E * shape.F * 16
    assert found.cell == slices * cells
    groups = {}  # a group's rows of each array take a DAC, its columns an ADC
    for cells in arrays.values():
        for row, column in cells:
            groups.setdefault(id(cells), (set(), set()))[0].add(row)
            groups[id(cells)][1].add(column)
    assert found.dac == slices * sum(len(rows) for rows, _ in groups.values())
    assert found.adc == slices * sum(len(columns) for _, columns in groups.values())
    assert found.pj["adc"] == pytest.approx(found.adc * crossbar.adc_pj)


def test_networks():
    """Known MACs, in millions."""
    macs = {name: sum(shape.macs for shape in shapes) / 1e6 for name, shapes in NETWORKS.items()}
    assert macs == pytest.approx({"AlexNet": 666, "VGG-16": 15_347, "ResNet-50": 4_087, "MobileNet": 568}, rel=1e-3)
    assert len(NETWORKS["ResNet-50"]) == 53 and len(NETWORKS["MobileNet"]) == 27


def test_large_arrays_are_hard_to_fill():
    for shapes in NETWORKS.values():
        used = []
        for size in SIZES:
            found = [crossbar_costs(shape, Crossbar(rows=size, columns=size)) for shape in shapes]
            used.append(sum(each.utilization * each.arrays for each in found) / sum(each.arrays for each in found))
        assert used == sorted(used, reverse=True)


@pytest.mark.parametrize("text, message", [
    ("rows = 0", "^rows must be an integer of at least 1, not 0$"), ("adc_pj = -1", "^adc_pj must be a number of"),
    ("cell_bits = 3", "^weight_bits must be a multiple of cell_bits = 3, not 16$"),
    ("color = 1", r"own\.toml: unknown field 'color'; known are rows, columns"), ("rows = ", "must be a TOML file"),
    ("cell_pj = nan", "^cell_pj must be a number of at least 0, not nan$"),
])
def test_a_bad_crossbar_is_refused(tmp_path, text, message):
    path = tmp_path / "own.toml"
    path.write_text("dac_pj = 0.5\n")
    assert load_crossbar(path) == Crossbar(dac_pj=0.5)
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_crossbar(path)


def test_weights_at_fewer_bits():
    """As many levels as the bits have, none far from its weight; channels that correct roundings stay."""
    weights = np.random.default_rng(1).integers(-30_000, 30_000, (8, 5, 3, 3)).astype(np.int16)
    coarse = Noise(weight_bits=4).weights(weights, 4)
    assert len(np.unique(coarse[:, :4])) <= 15
    step = np.abs(weights[:, :4].astype(int)).max() / 7
    assert np.abs(coarse[:, :4].astype(int) - weights[:, :4]).max() <= step / 2 + 1
    assert (coarse[:, 4:] == weights[:, 4:]).all()
    assert (Noise().weights(weights, 4) == weights).all()


def test_deviations():
    sums = np.array([-2048, 1024], np.int16)
    assert Noise(fixed=0.5).deviation(sums, 10) == 512
    assert Noise(rescaled=0.25).deviation(sums, 10) == 512
    assert Noise().deviation(sums, 10) == 0


@pytest.mark.parametrize("name, value, message", [
    ("fixed", -1, "^fixed must be a number of at least 0, not -1$"),
    ("weight_bits", 1, "^weight_bits must be 2 to 16, not 1$"),
    ("rescaled", float("nan"), "^rescaled must be a number of at least 0, not nan$"),
])
def test_bad_noise_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        Noise(**{name: value})
