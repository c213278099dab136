"""Modules that are placed many times share the C++ that Verilator writes for them."""

from collections import Counter

import pytest

from hw.config import PRESETS
from sim.chip.simulate import HARNESSES
from sim.chip.verilog import chip_verilog
from sim.tools import verilate

#: Functions of a module that its 30 or 5 instances in mini share; a PE has 18 as of Verilator 5.48.
FUNCTIONS_MAX = 25


@pytest.fixture(scope="module")
def sources():
    return [*HARNESSES["chip"], *chip_verilog(PRESETS["mini"])]


@pytest.fixture(scope="module")
def found(sources):
    return verilate.modules(sources)


def test_modules_that_are_placed_many_times_are_sealed(found):
    assert verilate.sealed(found) == ["pe", "pe_row", "x_bus_18_5x5", "x_bus_64_5x4", "x_bus_out_64_5"]
    assert Counter(found["pe_row"].instances.values()) == {"pe": 5}
    assert found["harness"].instances == {"u_chip": "eyeriss", "u_dram": "dram"}
    text = verilate.control_file("harness", {"glb": ["rst"]}, found)
    for port in ("rst", "filters__payload", "psums_out__valid", "pe__p_last"):
        assert f'public_flat_rd -module "pe" -var "{port}"\n' in text
    assert 'public_flat_rw -module "glb" -var "rst"\n' in text
    assert "clk" not in text, "a clock that is seen from outside is a trigger for each instance"


@pytest.mark.slow
def test_pes_share_their_code(sources, tmp_path):
    counts = verilate.count_functions(sources, "harness", tmp_path)
    assert 0 < counts["pe"] <= FUNCTIONS_MAX and 0 < counts["pe_row"] <= FUNCTIONS_MAX, counts


@pytest.mark.slow
def test_pes_that_share_nothing_are_noticed(sources, tmp_path):
    counts = verilate.count_functions(sources, "harness", tmp_path, seal=False)
    assert counts["pe"] > FUNCTIONS_MAX, counts


@pytest.mark.parametrize("header", [
    "module m(\n  a, clk, \\b.c \n);\n  input a;\n  output [3:0] \\b.c ;\n  input clk;",
    "module m(\n  input a,\n  output [3:0] \\b.c ,\n  input wire clk\n);",
])
def test_ports_are_found_in_either_style_of_header(header, tmp_path):
    path = tmp_path / "m.sv"
    path.write_text(f"{header}\n  wire x;\nendmodule\n")
    assert verilate.modules([path])["m"].ports == {"a": 1, "b.c": 4, "clk": 1}
