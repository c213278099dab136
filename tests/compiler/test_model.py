"""The cycle model against cycles that the RTL took, and its limits."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from compiler.image.dram_image import pack_filters
from compiler.mapping.cost import costs
from compiler.mapping.density import Density, density_of
from compiler.mapping.geometry import Geometry
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping, MappingError
from compiler.mapping.placement import Placement
from compiler.mapping.search import OBJECTIVES, find_mapping, search
from compiler.paper.layers import CATALOGUE
from compiler.paper.networks import benchmark_layers
from compiler.timeline.schedule import schedule
from golden.layer import LayerShape
from golden.tensors import random_tensors
from hw.config import PRESETS, ChipConfig
from sim.tools.files import ROOT

CHIP, MINI, INT8 = PRESETS["eyeriss"], PRESETS["mini"], PRESETS["eyeriss-int8"]
TINY_GLB = ChipConfig(name="wide", rows=32, ifmap_spad_words=32, glb_banks=2, glb_bank_words=16)

# layers that ran complete in RTL, with core cycles from start to done
RTL, MODERN, LITE0 = (json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text())["rows"]
                      for name in ("timeline", "modern", "lite0"))


@pytest.mark.parametrize("row", RTL, ids=lambda row: row["layer"])
def test_cycles_of_rtl(row):
    """Near the RTL's, and those of docs/model.md's table."""
    layer, = benchmark_layers(row["layer"].split("/")[0], row["batch"], [row["layer"].split("/")[1]])
    mapping = Mapping(**row["mapping"])
    density = Density(1 - layer.zeros, 1 - layer.ofmap_zeros)
    jobs = [schedule(Placement(native, mapping, CHIP), density) for native in lower(layer.shape, CHIP).each()]
    assert sum(job.cycles for job in jobs) == pytest.approx(row["cycles"], rel=0.005)
    assert sum(job.cycles for job in jobs) == pytest.approx(row["model_cycles"], rel=1e-4)


@pytest.mark.parametrize("row", MODERN, ids=lambda row: row["shape"])
def test_cycles_of_depthwise_and_pointwise_layers(row):
    """The same of short layers, which the link binds."""
    mapping = Mapping(**row["mapping"])
    placement = Placement(lower(LayerShape.parse(row["shape"]), CHIP), mapping, CHIP)
    cycles = schedule(placement, Density(form="raw")).cycles
    assert cycles == pytest.approx(row["cycles"], rel=0.03)
    assert cycles == pytest.approx(row["model_cycles"], rel=1e-4)


@pytest.mark.parametrize("row", LITE0, ids=lambda row: f"{row['chip']}-{row['layer']}")
def test_cycles_of_layers_of_the_trained_network(row):
    """In 16 and 8 bits: run-length codes, words of two psums, tables of biases, weights of several passes ahead."""
    chip = PRESETS[row["chip"]]
    placement = Placement(lower(LayerShape.parse(row["shape"]), chip), Mapping(**row["mapping"]), chip)
    cycles = schedule(placement, Density(*row["density"])).cycles
    assert cycles == pytest.approx(row["cycles"], rel=0.03)
    assert cycles == pytest.approx(row["model_cycles"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_search_is_quick_and_its_mappings_fit(name):
    layer = lower(CATALOGUE[name], CHIP)
    started = time.process_time()
    found = search(layer, CHIP, density=Density(0.4, 0.4), coded=True)
    assert time.process_time() - started < 10
    Placement(layer, found.mapping, CHIP)
    assert found.costs.cycles >= layer.macs / CHIP.pes


@pytest.mark.slow
def test_objectives_differ_as_they_should():
    layer = lower(CATALOGUE["alexnet/CONV2"].with_batch(4), CHIP)
    found = {objective: search(layer, CHIP, objective=objective).costs for objective in OBJECTIVES}
    assert min(found, key=lambda name: sum(found[name].dram.values())) == "dram"
    assert min(found, key=lambda name: found[name].energy) == "energy"
    assert min(found, key=lambda name: found[name].cycles) == "latency"


def test_objective_by_another_name():
    with pytest.raises(ValueError, match="^objective must be one of latency, energy, dram, not 'speed'$"):
        find_mapping(lower(CATALOGUE["alexnet/CONV1"], CHIP), CHIP, objective="speed")


@pytest.mark.parametrize("shape, chip, message", [
    ("M=4,C=1,H=100000,W=100000,R=3", CHIP, r"64-bit words of DRAM is 1\d{10} at least, chip eyeriss has 268435456"),
    ("M=1,C=100000000,H=1,W=1,R=1", CHIP, r"groups of q r channels is 694445 at least, chip eyeriss has 4096"),
    ("M=1,C=1,H=1,W=100000000,R=1", CHIP, r"spans of f ofmap columns is 97657 at least, chip eyeriss has 4096"),
    ("N=100000000,M=1,C=1,H=1,W=1,R=1", MINI, r"blocks of n tiles is 195313 at least, chip mini has 65536"),
    ("M=1,C=1,H=32,W=32,R=32", TINY_GLB, r"GLB banks for a tile's ifmaps and psums is 17 at least, chip wide has 2"),
])
def test_no_mapping_says_what_is_short(shape, chip, message):
    layer = lower(LayerShape.parse(shape), chip)
    with pytest.raises(MappingError, match=f"^no mapping fits: {message}$"):
        find_mapping(layer, chip)


def test_words_are_those_of_the_formula():
    """GLB words of docs: accounting of Table V, CONV1 at N = 4."""
    layer = lower(CATALOGUE["alexnet/CONV1"].with_batch(4), CHIP)
    found = costs(Geometry(layer, CHIP, Mapping(m=96, n=1, e=7, f=55, p=16, q=1, r=1, t=2)))
    words = found.glb["ifmap"] + found.glb["psum_read"] + found.glb["psum_write"]
    assert 8 * words == pytest.approx(18.45e6, rel=0.001)


def test_density_of_coded_words():
    assert Density.coded(1.0, CHIP) == 1.0
    assert Density.coded(0.5, CHIP) == pytest.approx(2 / 3, rel=0.001)
    assert 0 < Density.coded(0.01, CHIP) < 0.06
    # five pairs of 12 bits in place of eight values; a pair stands for 16 of them at most
    assert Density.code(1.0, INT8) == pytest.approx(8 / 5)
    assert Density.code(0.0, INT8) == pytest.approx(8 / 16 / 5)
    assert Density.coded(0.62, INT8) == 1.0 > Density.coded(0.55, INT8) > 0.85


@pytest.mark.parametrize("ofmap, form, coded", [
    (1.0, "auto", False), (0.8, "auto", False), (0.5, "auto", True), (0.0, "auto", True),
    (1.0, "coded", True), (0.2, "raw", False)])
def test_form_of_ofmaps(ofmap, form, coded):
    density = Density(1.0, ofmap, form)
    assert density.ofmap_coded(CHIP) is coded
    layer = lower(CATALOGUE["alexnet/CONV3"], CHIP)
    geometry = Geometry(layer, CHIP, Mapping(m=64, n=1, e=13, f=13, p=16, q=4, r=2, t=2))
    words = costs(geometry, density).dram["ofmap"]
    raw = costs(geometry, Density()).dram["ofmap"]
    assert words == pytest.approx(raw * (Density.code(ofmap, CHIP) if coded else 1))
    if form == "auto":
        assert words <= raw


CODED = {chip.data_width: replace(chip, coded_weights=True) for chip in (CHIP, INT8)}


@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize("weight_zeros", [0.1, 0.6, 0.95])
@pytest.mark.parametrize("shape, mapping", [
    # m groups, blocks, spare channels; zeros between groups
    ("N=2,M=48,C=40,H=8,W=8,R=3", Mapping(m=16, n=1, e=6, f=6, p=8, q=3, r=2, t=2)),
    ("M=8,C=256,H=9,W=9,R=3,G=4", Mapping(m=4, n=1, e=7, f=7, p=4, q=4, r=1, t=1, g=2))])
def test_words_of_coded_weights(bits, weight_zeros, shape, mapping):
    """Near those of a program, which takes whichever form is smaller; and raw on a chip without the option."""
    shape, chip = LayerShape.parse(shape), CODED[bits]
    placement = Placement(lower(shape, chip), mapping, chip)
    weights = random_tensors(shape, seed=1, weight_zeros=weight_zeros).weights
    weights = np.sign(weights).astype(f"i{bits // 8}")
    raw, coded = (placement.blocks.count * sum(map(len, pack_filters(placement, weights, raw=raw)))
                  for raw in (True, False))
    found = costs(placement, Density(weight=density_of(weights)))
    assert found.dram["filter"] == found.glb["filter"] == pytest.approx(min(raw, coded), rel=0.06)
    assert costs(Placement(lower(shape, chip), mapping, replace(chip, coded_weights=False)),
                 Density(weight=density_of(weights))).dram["filter"] == raw
