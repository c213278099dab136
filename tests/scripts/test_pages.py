"""Pages: pictures first, once each, drawn in little time; the fabricated chip's figures in a benchmark's."""

import re
import time

import html5lib
import pytest

from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.paper.networks import benchmark_layers
from compiler.paper.published import MEASURED, TABLE_III
from golden.layer import LayerShape
from hw.config import PRESETS
from scripts.pages import benchmark as benchmark_page
from scripts.pages import network as network_page
from scripts.pages.charts import WIDTH
from scripts.pages.figures import mapping_drawing

CHIP = PRESETS["eyeriss"]
WAITS = {"ramp": 500, "wait_ifmap": 1_000, "wait_filter": 2_000, "wait_ofmap": 500}


POWER = {"parts_mj": dict.fromkeys(("clock", "leakage", "alu", "spads", "networks", "glb", "link"), 0.5),
         "dram_millijoules": 1.5}


def counts(total, **more):
    """What the RTL's counters say of a layer, in the keys of `simulate --json`."""
    return {"cycles": {"total": total, "processing": total - 3_500, "mac": total - 4_000, **WAITS},
            "configuration_cycles": 3_412, "milliseconds": (total + 3_412) / 2e5, "macs": 100 * (total - 4_000),
            "gated_macs": total, "match": True, "utilization": 0.5, "status": "done", **more}


def report(count, backend):
    """Of `plan`, or of `run` with some layers in RTL: no two layers have one mapping."""
    layers, kinds = [], ("filter", "ifmap", "ofmap", "bias")
    for index in range(count):
        shape = LayerShape.parse("M=16,C=32,H=2,W=160,R=3,P=1")
        mapping = Mapping(m=16, n=1, e=2, f=index + 1, p=16, q=4, r=4, t=1)
        cycles = 100_000 + 1_000 * index
        layers.append({
            "layer": f"block.{index}.conv", "folded": ["Conv", "Relu"], "shape": str(shape), "macs": shape.macs,
            "mapped_channels": 32, "mapping": mapping.as_dict(), "active_pes": 144, "cycles": cycles, "jobs": 1,
            "configuration_cycles": 3_412, "milliseconds": cycles / 2e5, "utilization": 0.5, "passes": 8,
            "power": POWER,
            "binding": ("pe", "link", "ifmap_bus", "psum_bus", "filter_bus")[index % 5], "energy": 1e6 * index,
            "glb_bytes": dict.fromkeys(kinds, 10_000), "dram_bytes": dict.fromkeys(kinds, 1_000 + 10 * index),
            "dram_raw_bytes": dict.fromkeys(kinds, 2_000 + 10 * index)})
        if backend != "plan":
            layers[-1] |= {
                "fraction_bits": {"ifmap": 12, "weights": 14, "ofmap": 11}, "shift": 15, "headroom_bits": 0.7,
                "saturated": 0.0, "overflowed": 0.0, "sqnr_db": None if index == 1 else 60.0, "own_sqnr_db": 70.0,
                "rtl": counts(cycles) if index < 4 else None}
    totals = {"macs": 10 ** 9, "cycles": 10 ** 6, "configuration_cycles": 10 ** 4, "milliseconds": 5.0,
              "layers": count, "frames_per_second": 200.0, "glb_bytes": 10 ** 6, "dram_bytes": 10 ** 6, "energy": 1e9,
              "host_nodes": {"Add": 3}, "rtl_cycles": 406_000, "rtl_configuration_cycles": 13_648}
    return {"model": "net", "backend": backend, "chip": "eyeriss", "core_mhz": 200, "link_mhz": 60, "pes": 168,
            "int8": False, "batch": 1, "match": True if backend == "both" else None, "warnings": [], "layers": layers,
            "totals": totals, "inputs": {}, "outputs": {}}


def titles(page):
    """Strictly parsed: captions of its charts, in order; all of them stand before the first table."""
    text = page.read_text()
    html5lib.HTMLParser(strict=True).parse(text)
    assert not re.search(r'(src|href)="(?!data:|#)', text), "the page must need no other file"
    found = re.findall(r'<svg [^>]*aria-label="([^"]*)"', text)
    charts = [title for title in found if title != "mapping"]
    first_table = text.index("<table")
    assert all(text.index(f'aria-label="{title}"') < first_table for title in charts)
    assert found.index("mapping") == len(charts) and len(set(charts)) == len(charts)
    return charts


def within(page, width=WIDTH):
    """No bar and no dot lies outside its chart."""
    chart = r'<figure class="chart">.*?viewBox="0 0 ([\d. ]+)"(.*?)</svg>'
    for view, body in re.findall(chart, page.read_text(), re.S):
        width, height = map(float, view.split())
        for x, y, wide, high in re.findall(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"', body):
            assert 0 <= float(x) and float(x) + float(wide) <= width and 0 <= float(y)
            assert float(y) + float(high) <= height
        for x, y in re.findall(r'<circle cx="(\S+)" cy="(\S+)"', body):
            assert 0 <= float(x) <= width and 0 <= float(y) <= height


@pytest.mark.parametrize("count", [1, 3, 121])
def test_a_plan(tmp_path, count):
    page = tmp_path / "page.html"
    began = time.process_time()
    network_page.write_page(report(count, "plan"), CHIP, page)
    assert time.process_time() - began < 2, "with what comes before it at most 4 s of CPU"
    assert [title.split(" ")[0] for title in titles(page)] == ["Cycles", "Each", "DRAM", "Energy"]
    within(page)
    text = page.read_text()
    assert text.count('<figure class="mapping">') == count and "m=16 n=1 e=2 f=1 p=16 q=4 r=4 t=1" in text
    assert all(text.count(f"<td>block.{index}.conv</td>") == 1 for index in range(count))


def test_a_run_says_how_many_layers_were_in_rtl(tmp_path):
    page = tmp_path / "page.html"
    network_page.write_page(report(54, "both"), CHIP, page)
    assert [title.split(" ")[0] for title in titles(page)] == ["Cycles", "Where", "Each", "DRAM", "Energy", "Signal"]
    within(page)
    text = page.read_text()
    assert "Every tensor of the 4 of 54 layers that ran in RTL equals the model's." in text
    assert "In RTL 4 of 54 layers: 406,000 cycles" in text and "(4 of 54 layers)" in text


def test_a_network_without_layers(tmp_path):
    network_page.write_page(report(0, "plan"), CHIP, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    html5lib.HTMLParser(strict=True).parse(text)
    assert "<svg" not in text


def benchmark(sampled):
    """A report of `benchmark alexnet`, and its mappings."""
    layers = benchmark_layers("alexnet", 4, None)
    entries = [counts(
        layer.shape.macs // 100, layer=layer.name, batch=4, layer_macs=layer.shape.macs, outputs=1_000,
        active_pes=156, power=POWER,
        glb_bytes={"ifmap": 10 ** 7, "psum_read": 10 ** 7, "psum_write": 10 ** 7, "filter": 10 ** 6},
        dram_bytes=dict.fromkeys(("filter", "ifmap", "ofmap", "bias"), 10 ** 6),
        dram_raw_bytes=dict.fromkeys(("filter", "ifmap", "ofmap", "bias"), 2 * 10 ** 6),
        model={"cycles": layer.shape.macs // 84, "binding": "pe", "power": POWER,
               "dram_bytes": dict.fromkeys(("filter", "ifmap", "ofmap", "bias"), 10 ** 6)},
        published=MEASURED[layer.name]) | {"utilization": None if sampled else 0.5} for layer in layers]
    return ({"network": "alexnet", "batch": 4, "sampled": sampled, "layers": entries},
            {layer: Mapping(**TABLE_III["alexnet/CONV4" if layer.name == "alexnet/CONV3" else layer.name])
             for layer in layers})


@pytest.mark.parametrize("sampled", [False, True])
def test_a_benchmark_has_the_chips_figures(tmp_path, sampled):
    page = tmp_path / "page.html"
    benchmark_page.write_page(*benchmark(sampled), CHIP, page)
    assert len(titles(page)) == 4
    within(page)
    rows = html5lib.parse(page.read_text(), namespaceHTMLElements=False).findall(".//tbody/tr")
    cells = [[cell.text for cell in row] for row in rows]
    assert len(cells) == 5 and all(cell for row in cells for cell in row), "no empty cell"
    headings = [cell.text for cell in html5lib.parse(
        page.read_text(), namespaceHTMLElements=False).findall(".//thead/tr/th")]
    first = dict(zip(zip(["", *headings], headings, strict=False), cells[0], strict=True))
    assert first["ms", "chip's ms"] == "20.9" and first["processing ms", "chip's"] == "16.5"
    assert first["PEs", "chip's"] == "154" and first["GLB MB", "chip's"] == "18.50"
    assert first["DRAM MB", "chip's"] == "5.00" and first["utilization", "chip's"] == "59.8%"
    assert first["chip's", "utilization"] == "50.0%"  # of the RTL; the model's where only parts ran


def test_mappings_are_drawn_whole():
    """Each PE once, each set framed, as many colours as there are IDs."""
    shape, mapping = LayerShape.parse("M=64,C=32,H=12,W=160,R=3,P=1"), Mapping(
        m=64, n=1, e=12, f=8, p=16, q=4, r=4, t=1)
    drawn = mapping_drawing(Placement(lower(shape, CHIP), mapping, CHIP))
    assert sum(path.count("M") for path, _, _ in drawn["paths"]) == 12 * 14
    assert sum(path.count("M") for path, _, text in drawn["paths"] if text != "inactive") == drawn["active"] == 144
    assert len(drawn["frames"]) == 4
