"""Energy tables, the 65 nm fit, and reports."""

import math
import re
from dataclasses import replace

import pytest

from compiler.energy.actions import ACTIONS, DATA, PARTS, Layout, count_actions
from compiler.energy.fit import (
    PARAMETERS,
    column_actions,
    fit,
    fitted_table,
    leakage_mw,
    mapped_actions,
    predictions,
)
from compiler.energy.report import energy_of, planned_power, power_report, total_power
from compiler.energy.table import DEFAULT, FOLDER, TABLES, load_table, table_text
from compiler.mapping.cost import costs
from compiler.mapping.density import Density
from compiler.mapping.energy import Prices
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping
from compiler.paper.networks import benchmark_layers
from compiler.paper.published import MEASURED, PAPER_MAPPINGS
from hw.config import PRESETS
from hw.config.counters import COUNTERS

CHIP = PRESETS["eyeriss"]
LAYERS = {layer.name: layer for network in ("alexnet", "vgg16") for layer in benchmark_layers(network)}


def planned(name, density=None):
    layer = LAYERS[name]
    placement = Placement(lower(layer.shape, CHIP), Mapping(**PAPER_MAPPINGS[name]), CHIP)
    density = density or Density(1 - layer.zeros, 1 - layer.ofmap_zeros)
    return placement, costs(placement, density), density


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_read_as_written(name):
    table = load_table(name)
    assert set(table.pj) == set(ACTIONS) and table.name == name
    assert table_text(table) == (FOLDER / f"{name}.toml").read_text()


@pytest.mark.parametrize("change, message", [
    (lambda text: re.sub(r"psum_hop = .*\n", "", text), r"^energy table .*own\.toml prices no psum_hop: \[pj\] must"),
    (lambda text: re.sub(r"(link_\w+) = .*\n", "", text), r"prices no link_ifmap, nor link_filter, link_psum: "),
    (lambda text: text.replace("mac = ", "mac = -"), r": mac must be a number of at least 0, not -1\.\d+$"),
    (lambda text: text.replace("leakage_mw = ", "leakage_mw = -"), r": leakage_mw must be a number of at least 0"),
    (lambda text: re.sub(r"volts = .*\n", "", text), r"own\.toml lacks volts$"),
    (lambda text: re.sub(r"volts = .*\n", "volts = 0\n", text), r": volts must be a number greater than 0, not 0$"),
    (lambda text: re.sub(r"mac = .*\n", "mac = inf\n", text, count=1), r": mac must be a number .* not inf$"),
    (lambda text: re.sub(r"mac = .*\n", 'mac = "1"\n', text, count=1), r": mac must be a number .* not '1'$"),
    (lambda text: text + "noise = 1\n", r": unknown action 'noise'; known are mac, mac_gated, "),
    (lambda text: "noise = 1\n" + text, r": unknown entry 'noise'; known are description, volts, leakage_mw, pj$"),
    (lambda text: text.replace("volts = ", "volts = true #"), r": volts must be a number, not True$"),
    (lambda text: text.replace("[pj]", "[pj"), r"must be a TOML file"),
])
def test_a_bad_table_is_refused_by_name(tmp_path, change, message):
    path = tmp_path / "own.toml"
    text = (FOLDER / "65nm.toml").read_text()
    path.write_text(text)
    assert load_table(str(path)).pj == load_table("65nm").pj
    path.write_text(change(text))
    with pytest.raises(ValueError, match=message):
        load_table(str(path))


@pytest.mark.parametrize("source, message", [
    ("7nm", r"^energy table must be one of 45nm, 65nm, isca2016 or a TOML file, not '7nm'$"),
    ("65nm@-1", r"^volts must be a number greater than 0, not -1\.0$"),
    ("65nm@high", r"^volts behind @ must be a number greater than 0, not 'high'$"),
])
def test_a_table_that_is_none_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        load_table(source)


def test_an_action_without_a_price_is_refused():
    with pytest.raises(ValueError, match="^energy table 65nm prices no spark$"):
        energy_of(load_table("65nm"), mapped_actions(LAYERS["alexnet/CONV1"]) | {"spark": 1.0}, 200)


def test_voltage():
    """Switching by the square, leakage by the cube, DRAM not at all."""
    table, low = load_table("65nm"), load_table("65nm@0.8")
    assert low.volts == 0.8 and low.leakage_mw == pytest.approx(table.leakage_mw * 0.512)
    for name, action in ACTIONS.items():
        assert low.pj[name] == pytest.approx(table.pj[name] * (1 if action.part == "dram" else 0.64))


def test_the_65nm_table_is_the_fits():
    parameters = fit()
    assert len(parameters) == len(PARAMETERS) <= 6 and min(parameters.values()) >= 0
    assert fit() == parameters
    assert table_text(fitted_table(parameters)) == (FOLDER / "65nm.toml").read_text()


def test_a_fit_of_known_energies_finds_them(monkeypatch):
    """Powers that a table gives are explained by its parameters, and by no others."""
    parameters = {"clock": 900.0, "access": 1.5, "gated_mac": 0.25, "hop": 1.0, "link": 30.0}
    table = fitted_table(parameters)
    for layer in benchmark_layers("alexnet"):
        energy = energy_of(table, mapped_actions(layer), CHIP.core_mhz)
        monkeypatch.setitem(MEASURED, layer.name, MEASURED[layer.name] | {
            "power_mW": energy.total / energy.seconds / 1e9})
    monkeypatch.setattr("compiler.energy.fit.leakage_mw", lambda: table.leakage_mw)
    found = fit()
    assert found == pytest.approx(parameters, rel=0.02)


def test_predictions():
    """No worse than 204 mW and 6.33 pJ a MAC that is not gated: 6 % each; 4.5 % on average, 10 % at worst."""
    found = predictions(load_table("65nm"))
    seen, unseen = ([abs(each.error) for each in found if each.fitted is fitted] for fitted in (True, False))
    assert len(seen) == 5 and len(unseen) == 13
    assert max(seen) < 0.06 and max(unseen) < 0.10 and sum(unseen) / 13 < 0.045
    for each in found:
        assert sum(each.parts.values()) == pytest.approx(each.predicted)


def test_the_breakdown_is_fig_16s():
    """Its words: ALUs under 10 %; spads, GLB, networks up to 45 %; spads first besides the clock, less in CONV5."""
    parts = {each.layer: each.parts for each in predictions(load_table("65nm"))}
    for name in ("alexnet/CONV1", "alexnet/CONV5"):
        total = sum(parts[name].values())
        assert parts[name]["alu"] < 0.1 * total
        assert parts[name]["spads"] + parts[name]["glb"] + parts[name]["networks"] < 0.45 * total
        assert sorted(parts[name], key=parts[name].get)[-2:] == ["spads", "clock"]
    for part in ("alu", "spads"):
        assert parts["alexnet/CONV5"][part] < 0.5 * parts["alexnet/CONV1"][part]


def test_leakage_explains_fig_17():
    assert 0 < leakage_mw() < 0.02 * 278


def test_columns_and_mapping_agree():
    """Of AlexNet's layers both ways of counting are there: but for what only the mapping tells, they are close."""
    for layer in benchmark_layers("alexnet"):
        mapped, columns = mapped_actions(layer), column_actions(layer)
        for name in ("mac", "core_cycle"):
            assert columns[name] == pytest.approx(mapped[name], rel=0.05)
        words = [sum(actions[f"glb_{kind}"] for kind in ("ifmap_read", "psum_read", "psum_write"))
                 for actions in (mapped, columns)]
        assert words[1] == pytest.approx(words[0], rel=0.02)


def test_report():
    """Sums by part and by data are the total; the figures follow from it."""
    placement, found, density = planned("alexnet/CONV2")
    layer = LAYERS["alexnet/CONV2"].shape
    report = planned_power(load_table(DEFAULT), placement, found, density, macs=layer.macs)
    mj = report["millijoules"]
    assert tuple(report["parts_mj"]) == tuple(part for part in PARTS if part != "dram")
    assert tuple(report["data_mj"]) == DATA
    assert sum(report["parts_mj"].values()) == pytest.approx(mj) == pytest.approx(sum(report["data_mj"].values()))
    assert report["milliseconds"] == pytest.approx(found.cycles / CHIP.core_mhz / 1e3)
    assert report["milliwatts"] == pytest.approx(1e3 * mj / report["milliseconds"])
    assert report["pj_per_mac"] == pytest.approx(1e9 * mj / layer.macs)
    assert report["gmacs_per_watt"] == pytest.approx(1e3 / report["pj_per_mac"])
    assert report["frames_per_joule"] == pytest.approx(1e3 * layer.N / mj)
    words = sum(found.dram.values())
    assert report["dram_millijoules"] == pytest.approx(words * load_table(DEFAULT).pj["dram_ifmap"] / 1e9)
    both = total_power([report, report], 2 * layer.macs, 2 * layer.N)
    assert both["millijoules"] == pytest.approx(2 * mj)
    for key in ("milliwatts", "pj_per_mac", "frames_per_joule"):
        assert both[key] == pytest.approx(report[key])
    assert total_power([], 0, None) is None


def test_a_layer_that_did_nothing_has_no_figures():
    placement, *_ = planned("alexnet/CONV3")
    counters = dict.fromkeys(COUNTERS, 0)
    report = power_report(load_table(DEFAULT), count_actions(Layout.of(placement), counters), core_mhz=200, macs=0,
                          frames=None)
    assert report["millijoules"] == 0 and report["milliwatts"] is None and report["pj_per_mac"] is None


def test_prices_of_the_ratios_are_the_searchs():
    """The table isca2016 is what a search goes by without a table."""
    prices, usual = load_table("isca2016").prices(CHIP), Prices()
    assert prices == usual


def test_a_search_and_a_report_agree():
    """The energy that a search minimises is the report's, DRAM included, but for mean prices and receptions."""
    table = load_table("65nm")
    placement, _, density = planned("alexnet/CONV4")
    found = costs(placement, density, table.prices(CHIP))
    report = planned_power(table, placement, found, density, macs=1)
    both = 1e9 * (report["millijoules"] + report["dram_millijoules"])
    assert found.energy == pytest.approx(both, rel=0.05)
    assert math.isfinite(found.energy)


@pytest.mark.parametrize("width, mac", [(16, 0.2 + 0.06), (24, 0.2 + 0.09), (32, 0.2 + 0.12)])
def test_a_table_of_8_bits(width, mac):
    """A MAC has the share that Horowitz's figures give it, spads that of their bits; all else costs the same."""
    table, chip = load_table("65nm"), replace(PRESETS["eyeriss-int8"], psum_width=width)
    own = table.of(chip)
    ratios = {action: own.pj[action] / price for action, price in table.pj.items() if price}
    assert ratios.pop("mac") == pytest.approx(mac / (0.8 + 0.06))
    for name, bits in (("ifmap", 8), ("filter", 8), ("psum", width)):
        assert [ratios.pop(f"{name}_spad_{access}") for access in ("read", "write")] == pytest.approx(2 * [bits / 16])
    assert set(ratios.values()) == {1.0} and own.leakage_mw == table.leakage_mw
    assert load_table("45nm").of(chip).pj["psum_hop"] == pytest.approx(0.221 * width / 16)
    assert own.name == f"65nm, 8-bit data, {width}-bit psums" and table.of(CHIP) is table


def test_reports_of_8_bits_are_by_such_a_table():
    chip, layer, density = PRESETS["eyeriss-int8"], LAYERS["alexnet/CONV4"], Density(0.5)
    native = lower(layer.shape, chip)
    placement = Placement(native, find_mapping(native, chip, density=density), chip)
    report = planned_power(load_table("65nm"), placement, costs(placement, density), density, macs=1)
    price = load_table("65nm").pj["mac"] * (0.2 + 0.12) / 0.86
    assert report["table"] == "65nm, 8-bit data, 32-bit psums"
    assert 1e9 * report["parts_mj"]["alu"] == pytest.approx(report["actions"]["mac"] * price)
