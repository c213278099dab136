"""Files for Accelergy and Timeloop: their schema, Accelergy's sum, and Timeloop's loops against our counts."""

import json
import math

import pytest
import yaml

from compiler.energy.accelergy import COMPONENTS, accelergy_energy, accelergy_files
from compiler.energy.actions import ACTIONS, Layout, count_actions, planned_counters
from compiler.energy.table import TABLES, load_table
from compiler.energy.timeloop import timeloop_files
from compiler.mapping.cost import costs
from compiler.mapping.density import Density
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.paper.layers import CATALOGUE
from compiler.paper.networks import benchmark_layers
from golden.layer import LayerShape
from hw.config import PRESETS
from sim.tools.files import ROOT

CHIP = PRESETS["eyeriss"]
LAYERS = {layer.name: layer for network in ("alexnet", "vgg16") for layer in benchmark_layers(network)}
#: Our mappings of all layers, as the results have them.
MAPPINGS = {row["layer"]: Mapping(**row["mapping"])
            for name in ("alexnet", "vgg16")
            for row in json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text())["rows"]}


class Tagged(yaml.SafeLoader):
    """Reads nodes as objects with their tag."""


for kind in ("Container", "Component", "Parallel"):
    Tagged.add_constructor(f"!{kind}", lambda loader, node, kind=kind: {
        "tag": kind, **loader.construct_mapping(node, deep=True)})


def read(files, *wanted):
    return {name: yaml.load(text, Tagged) for name, text in files.items() if not wanted or name in wanted}


def planned(placement, density, jobs):
    counters = planned_counters(placement, costs(placement, density), density)
    return count_actions(Layout.of(placement), {name: jobs * count for name, count in counters.items()})


def place(name):
    native = lower(LAYERS[name].shape, CHIP)
    return Placement(native.each()[0], MAPPINGS[name], CHIP), native.groups


def accelergy(name, table="65nm", *wanted):
    placement, jobs = place(name)
    actions = planned(placement, Density(1 - LAYERS[name].zeros), jobs)
    return read(accelergy_files(CHIP, load_table(table), actions), *wanted), actions


def test_all_layers_are_there():
    assert set(LAYERS) == set(MAPPINGS) == set(CATALOGUE)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("table", TABLES)
def test_accelergys_sum_is_our_energy(name, table):
    """`energy_estimation` as Accelergy makes it: counts times the energy of the same name, component by component."""
    files, actions = accelergy(name, table, "ERT.yaml", "action_counts.yaml")
    energies = {entry["name"]: {action["name"]: action["energy"] for action in entry["actions"]}
                for entry in files["ERT.yaml"]["ERT"]["tables"]}
    components = [(entry["name"], sum(action["counts"] * energies[entry["name"]][action["name"]]
                                      for action in entry["action_counts"]))
                  for entry in counts_of(files)]
    ours = accelergy_energy(load_table(table), actions, CHIP.core_mhz)
    assert math.fsum(energy for _, energy in components) == pytest.approx(ours["total_pj"], rel=1e-12)
    dram = dict(components)["system.DRAM"]
    assert dram == pytest.approx(ours["dram_pj"], rel=1e-12)
    assert ours["chip_pj"] + ours["dram_pj"] == pytest.approx(ours["total_pj"], rel=1e-12)


def counts_of(files):
    return files["action_counts.yaml"]["action_counts"]["local"]


def test_accelergys_schema():
    files, _ = accelergy("alexnet/CONV3")
    assert list(files) == ["architecture.yaml", "components.yaml", "ERT.yaml", "ART.yaml", "action_counts.yaml"]
    tops = {"architecture.yaml": "architecture", "components.yaml": "compound_components", "ERT.yaml": "ERT",
            "ART.yaml": "ART", "action_counts.yaml": "action_counts"}
    for file, top in tops.items():
        assert list(files[file]) == [top] and files[file][top]["version"] == 0.4
    ert, art = files["ERT.yaml"]["ERT"]["tables"], files["ART.yaml"]["ART"]["tables"]
    for table in ert:
        assert list(table) == ["name", "actions"]
        for action in table["actions"]:
            assert list(action) == ["name", "arguments", "energy"]
            assert action["arguments"] == {} and isinstance(action["energy"], float)  # pJ
    assert all(list(table) == ["name", "area"] and table["area"] >= 0 for table in art)  # um2
    counts = counts_of(files)
    for entry in counts:
        assert list(entry) == ["name", "action_counts"]
        assert all(list(action) == ["name", "counts"] for action in entry["action_counts"])
    names = [entry["name"] for entry in ert]
    assert names == [entry["name"] for entry in art] == [entry["name"] for entry in counts]
    assert len(set(names)) == len(names) == len(COMPONENTS) + 1


def test_accelergys_components_are_the_architectures():
    """Each node's path is in the ERT, its class is defined, and the class has the ERT's actions."""
    files, _ = accelergy("alexnet/CONV1")
    classes = {entry["name"]: {action["name"] for action in entry["actions"]}
               for entry in files["components.yaml"]["compound_components"]["classes"]}
    actions = {entry["name"]: {action["name"] for action in entry["actions"]}
               for entry in files["ERT.yaml"]["ERT"]["tables"]}
    found = {}

    def walk(tree, above):
        for node in tree["local"]:
            assert list(node) == ["name", "class", "attributes"]
            found[f"{above}{tree['name']}.{node['name']}"] = node["class"]
        for below in tree.get("subtree", ()):
            walk(below, f"{above}{tree['name']}.")

    root, = files["architecture.yaml"]["architecture"]["subtree"]
    walk(root, "")
    assert set(found) == set(actions)
    for name, kind in found.items():
        assert actions[name] <= classes[kind], name
    for entry in files["components.yaml"]["compound_components"]["classes"]:
        assert list(entry) == ["name", "attributes", "subcomponents", "actions"]
        units = {unit["name"] for unit in entry["subcomponents"]}
        assert all(unit["name"] in units for action in entry["actions"] for unit in action["subcomponents"])


def test_every_action_is_in_one_component():
    told = [ours for _, _, actions in COMPONENTS.values() for ours in actions.values()]
    assert sorted(told) == sorted(ACTIONS)


def test_areas_are_those_of_the_core():
    """All components together are the core's 12.25 mm2, those of PEs 168 times."""
    files, _ = accelergy("alexnet/CONV1")
    areas = {entry["name"]: entry["area"] for entry in files["ART.yaml"]["ART"]["tables"]}
    total = sum(area * (CHIP.pes if ".PE[" in name else 1) for name, area in areas.items())
    assert total == pytest.approx(12.25e6, rel=0.001)


def loops(files):
    """target -> {dimension: factor}, and the dimensions from the innermost on."""
    return {entry["target"]: (dict((name, int(value)) for name, value in (
        factor.split("=") for factor in entry["factors"])), entry["permutation"])
        for entry in files["mapping.yaml"]["mapping"] if entry["type"] != "dataspace"}


def product(levels, names):
    return math.prod(math.prod(levels[name][0].values()) for name in names)


TEMPORAL = ("DRAM", "shared_glb", "ifmap_spad", "weights_spad", "psum_spad")


@pytest.mark.parametrize("name", LAYERS)
def test_timeloops_loops_are_our_passes(name):
    """Passes, cycles, PEs and words at each level from the loops alone, with the padding named."""
    placement, _ = place(name)
    files = read(timeloop_files(placement))
    levels, problem = loops(files), files["problem.yaml"]["problem"]["instance"]
    for dimension in "CMRSNPQ":
        assert math.prod(factors[dimension] for factors, _ in levels.values()) == problem[dimension]
    dram, glb = levels["DRAM"][0], levels["shared_glb"][0]
    spads = math.prod(product(levels, [level]) for level in TEMPORAL[2:])
    # a pass is all that happens between two changes of weights: blocks, filter groups and channel groups
    passes = dram["N"] * dram["M"] * glb["M"] * glb["C"]
    m_padding = dram["M"] * glb["M"] / placement.all_filter_groups
    assert passes == pytest.approx(placement.passes * m_padding)
    assert spads == placement.pe_weights
    cycles = product(levels, TEMPORAL)
    tiles = dram["N"] * glb["N"]
    tile_padding = tiles * glb["P"] / (placement.all_positions)
    ours = placement.pe_cycles(placement.all_positions) * placement.channel_groups * placement.all_filter_groups
    assert cycles == pytest.approx(ours * m_padding * tile_padding)
    assert 1 <= m_padding < 2 and 1 <= tile_padding < 1.35
    pes = product(levels, ("PE_column", "PE"))
    row_padding = math.prod(levels[level][0]["Q"] for level in ("PE_column", "PE")) / placement.mapping.e
    assert pes == pytest.approx(placement.active_pes * row_padding) and 1 <= row_padding < 1.1
    assert product(levels, ["PE_column"]) <= CHIP.columns and product(levels, ["PE"]) <= CHIP.rows


@pytest.mark.parametrize("text, mapping", [
    ("N=2,M=64,C=16,H=14,W=14,R=3,P=1", dict(m=64, n=4, e=7, f=14, p=16, q=4, r=2, t=2)),
    ("N=4,M=32,C=8,H=16,W=16,R=3", dict(m=32, n=2, e=14, f=7, p=16, q=4, r=2, t=1)),
    ("N=2,M=32,C=12,H=32,W=12,R=5,P=0", dict(m=32, n=2, e=28, f=8, p=16, q=2, r=1, t=1)),
    ("N=1,M=64,C=4,H=31,W=31,R=11,U=4", dict(m=32, n=1, e=3, f=6, p=16, q=1, r=1, t=2)),
])
def test_accesses_of_a_layer_that_needs_no_padding(text, mapping):
    """Words at each level, counted from Timeloop's loops and projections, are exactly our counters'."""
    placement = Placement(lower(LayerShape.parse(text), CHIP), Mapping(**mapping), CHIP)
    files = read(timeloop_files(placement))
    levels, problem = loops(files), files["problem.yaml"]["problem"]["instance"]
    dram, glb = levels["DRAM"][0], levels["shared_glb"][0]
    below = {dimension: math.prod(levels[level][0][dimension] for level in (
        "PE_column", "PE", "ifmap_spad", "weights_spad", "psum_spad")) for dimension in "CMRSNPQ"}
    # order of the loops: what is innermost decides what is read again
    assert levels["shared_glb"][1][:4] == ["P", "N", "M", "C"] and levels["DRAM"][1][:2] == ["N", "M"]
    repeats = dram["N"] * dram["M"]
    counted = planned_counters(placement, costs(placement), Density())
    weights = below["C"] * below["M"] * below["R"] * below["S"]
    assert 4 * counted["dram_filter"] == repeats * glb["C"] * glb["M"] * weights
    high = (below["Q"] - 1) * problem["Hstride"] + below["S"]
    wide = (glb["P"] - 1) * problem["Wstride"] + below["R"]
    ifmap = glb["N"] * high * wide * below["C"]  # of a channel group of a block
    assert 4 * counted["glb_ifmap_writes"] == pytest.approx(repeats * glb["C"] * ifmap, rel=0.002)
    assert 4 * counted["glb_ifmap_reads"] == pytest.approx(repeats * glb["C"] * glb["M"] * ifmap, rel=0.002)
    psums = glb["N"] * glb["P"] * below["Q"] * below["M"]
    assert 4 * counted["glb_psum_writes"] == repeats * glb["C"] * glb["M"] * psums
    assert 4 * counted["glb_psum_reads"] == 4 * counted["glb_psum_writes"]


def test_timeloops_schema():
    placement, _ = place("vgg16/CONV4-1")
    files = read(timeloop_files(placement))
    assert list(files) == ["architecture.yaml", "problem.yaml", "mapping.yaml", "constraints.yaml"]
    problem = files["problem.yaml"]["problem"]
    assert list(problem) == ["version", "shape", "instance"] and problem["version"] == 0.4
    shape = problem["shape"]
    assert {each["name"] for each in shape["coefficients"]} == {"Wstride", "Hstride", "Wdilation", "Hdilation"}
    assert [each["name"] for each in shape["data_spaces"]] == ["Weights", "Inputs", "Outputs"]
    assert set(problem["instance"]) == {*shape["dimensions"], "Wstride", "Hstride", "Wdilation", "Hdilation",
                                        "densities"}
    nodes = files["architecture.yaml"]["architecture"]["nodes"]
    assert files["architecture.yaml"]["architecture"]["version"] == 0.4
    targets = [node["name"] for node in nodes if node["tag"] == "Component"]
    assert targets == ["DRAM", "shared_glb", "ifmap_spad", "weights_spad", "psum_spad", "mac"]
    depths = {node["name"]: node["attributes"].get("depth") for node in nodes if "attributes" in node}
    assert [depths[name] for name in ("shared_glb", "ifmap_spad", "weights_spad", "psum_spad")] == [
        12_800, 12, 224, 24]
    for entry in [*files["mapping.yaml"]["mapping"], *files["constraints.yaml"]["constraints"]["targets"]]:
        assert entry["type"] in ("temporal", "spatial", "dataspace")
        assert entry["target"] in [*targets, "PE_column", "PE"]
    assert files["constraints.yaml"]["constraints"]["version"] == 0.4


@pytest.mark.parametrize("name", LAYERS)
def test_our_mappings_are_row_stationary(name):
    """The mapping keeps to the exported constraints: where a factor is fixed to 1, it is 1."""
    files = read(timeloop_files(place(name)[0]))
    levels = loops(files)
    for entry in files["constraints.yaml"]["constraints"]["targets"]:
        for factor in entry.get("factors", ()):
            dimension, value = factor.split("=")
            assert levels[entry["target"]][0][dimension] == int(value)


def test_an_action_off_by_one_is_seen():
    """The sum follows each count."""
    _, actions = accelergy("alexnet/CONV5")
    table = load_table("isca2016")
    before = accelergy_energy(table, actions, CHIP.core_mhz)["total_pj"]
    more = accelergy_energy(table, actions | {"mac": actions["mac"] + 1}, CHIP.core_mhz)["total_pj"]
    assert more - before == pytest.approx(1, rel=0.01)
