import re

import pytest

from compiler.paper.layers import CATALOGUE, lookup
from compiler.paper.published import MEASURED, TABLE_III, TABLE_III_GLB_KB

# E, and the padded size and channels of one filter, as Tables III and VI's layers have them.
TABLE = {
    "alexnet/CONV1": (55, 227, 3), "alexnet/CONV2": (27, 31, 48), "alexnet/CONV3": (13, 15, 256),
    "alexnet/CONV4": (13, 15, 192), "alexnet/CONV5": (13, 15, 192),
    "vgg16/CONV1-1": (224, 226, 3), "vgg16/CONV1-2": (224, 226, 64),
    "vgg16/CONV2-1": (112, 114, 64), "vgg16/CONV2-2": (112, 114, 128),
    "vgg16/CONV3-1": (56, 58, 128), "vgg16/CONV3-2": (56, 58, 256), "vgg16/CONV3-3": (56, 58, 256),
    "vgg16/CONV4-1": (28, 30, 256), "vgg16/CONV4-2": (28, 30, 512), "vgg16/CONV4-3": (28, 30, 512),
    "vgg16/CONV5-1": (14, 16, 512), "vgg16/CONV5-2": (14, 16, 512), "vgg16/CONV5-3": (14, 16, 512),
}


def test_catalogue_and_tables_name_the_same_layers():
    assert list(CATALOGUE) == list(MEASURED) == list(TABLE)
    alexnet = [name for name in CATALOGUE if name.startswith("alexnet")]
    assert list(TABLE_III) == list(TABLE_III_GLB_KB) == alexnet


@pytest.mark.parametrize("name", CATALOGUE)
def test_shape_is_the_papers(name):
    shape, (E, padded, C) = CATALOGUE[name], TABLE[name]
    assert shape.N == 1
    assert (shape.E, shape.F) == (E, E)
    assert (shape.H + 2 * shape.P, shape.W + 2 * shape.P) == (padded, padded)
    assert shape.weights_shape[1] == C


@pytest.mark.parametrize("name", CATALOGUE)
def test_macs_are_the_papers(name):
    published = MEASURED[name]
    assert CATALOGUE[name].macs / 1e9 == pytest.approx(published["macs_G"] / published["N"], abs=0.005 / 3)


@pytest.mark.parametrize(("network", "column", "total"), [
    ("alexnet", "total_ms", 115.3), ("alexnet", "processing_ms", 103.5), ("alexnet", "macs_G", 2.66),
    ("alexnet", "glb_MB", 208.5), ("alexnet", "dram_MB", 15.4),
    ("vgg16", "total_ms", 4309.5), ("vgg16", "processing_ms", 3755.2), ("vgg16", "macs_G", 46.04),
    ("vgg16", "glb_MB", 11035.8), ("vgg16", "dram_MB", 321.1),
])
def test_measurements_add_up_to_the_tables_total(network, column, total):
    values = [row[column] for name, row in MEASURED.items() if name.startswith(network)]
    assert sum(values) == pytest.approx(total, rel=0.005)


@pytest.mark.parametrize("name", TABLE_III)
def test_mapping_fills_the_glb_as_printed(name):
    shape, mapping, printed = CATALOGUE[name], TABLE_III[name], TABLE_III_GLB_KB[name]
    psums = mapping["n"] * mapping["m"] * mapping["e"] * shape.F * 2 / 1024
    assert psums == pytest.approx(printed["psum"], abs=0.05)


def test_lookup():
    assert lookup("alexnet/CONV2") == lookup("AlexNet/conv2") == CATALOGUE["alexnet/CONV2"]


@pytest.mark.parametrize(("name", "message"), [
    ("alexnet/CONV6",
     r"layer must be a layer such as (alexnet/CONV\d or ){2}alexnet/CONV\d, not 'alexnet/CONV6'"),
    ("vgg/CONV5-3", r"layer must be a layer such as vgg16/CONV5-3 or .*, not 'vgg/CONV5-3'"),
    ("", r"layer must be a layer that `eyeriss layers` lists, not ''"),
])
def test_unknown_layer_refused(name, message):
    with pytest.raises(ValueError, match=f"^{message}$") as caught:
        lookup(name)
    assert not re.search("\n", str(caught.value))
