"""The top with AXI as an IP-XACT component (IEEE 1685-2014): its ports, buses, clocks, resets, registers, files.

Buses are what the Verilog's X_INTERFACE attributes say, which Vivado's packager reads: the two cannot differ.
"""

from xml.etree import ElementTree

from hw.config import VERSION
from hw.config.registers import ADDRESS_BITS, REGISTERS, Field
from hw.shell.axi.vivado import INFO, PARAMETER

__all__ = ["component"]

NAMESPACE = "http://www.accellera.org/XMLSchema/IPXACT/1685-2014"
ACCESS = {"RO": "read-only", "RW": "read-write", "WO": "write-only", "W1C": "read-write"}
MASTERS = {"m_axi", "irq"}  # of the interfaces, those that drive their bus


def component(name, described, attributes):
    """XML text.

    Parameters
    ----------
    name : str
        Of the component.
    described : dict
        What `hw.verilog.describe` says of the top.
    attributes : dict of str to dict of str to str
        The top's `port_attributes`.
    """
    root = ElementTree.Element("component", xmlns=NAMESPACE)
    _texts(root, vendor="eyeriss", library="accelerator", name=name, version=VERSION)
    _buses(root, attributes)
    _registers(ElementTree.SubElement(ElementTree.SubElement(root, "memoryMaps"), "memoryMap"))
    _model(root, described)
    files = ElementTree.SubElement(ElementTree.SubElement(root, "fileSets"), "fileSet")
    _texts(files, name="rtl")
    for each in described["files"]:
        _texts(ElementTree.SubElement(files, "file"), name=each, fileType="systemVerilogSource")
    _texts(root, description="Row-stationary CNN accelerator with AXI4-Lite registers and an AXI4 master")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _texts(parent, **texts):
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = str(text)


def _buses(root, attributes):
    """An interface for each name in the attributes: the bus, the pins that it has, the parameters."""
    parent, maps, parameters = ElementTree.SubElement(root, "busInterfaces"), {}, {}
    for port, values in attributes.items():
        kind, interface, pin = values[INFO].split()
        if interface not in maps:
            vendor, library, bus, version = kind.split(":")
            element = ElementTree.SubElement(parent, "busInterface")
            _texts(element, name=interface)
            ElementTree.SubElement(element, "busType", vendor=vendor, library=library, name=bus, version=version)
            view = ElementTree.SubElement(ElementTree.SubElement(element, "abstractionTypes"), "abstractionType")
            ElementTree.SubElement(view, "abstractionRef", vendor=vendor, library=library, name=f"{bus}_rtl",
                                   version=version)
            maps[interface] = ElementTree.SubElement(view, "portMaps")
            role = ElementTree.SubElement(element, "master" if interface in MASTERS else "slave")
            if interface == "s_axi":
                ElementTree.SubElement(role, "memoryMapRef", memoryMapRef="registers")
            parameters[interface] = ElementTree.SubElement(element, "parameters")
        mapped = ElementTree.SubElement(maps[interface], "portMap")
        _texts(ElementTree.SubElement(mapped, "logicalPort"), name=pin)
        _texts(ElementTree.SubElement(mapped, "physicalPort"), name=port)
        for text in values.get(PARAMETER, "").split(", ")[1:]:  # the first is the interface's own name
            parameter = ElementTree.SubElement(parameters[interface], "parameter",
                                               parameterId=f"{interface}_{text.split()[0].lower()}")
            _texts(parameter, name=text.split()[0], value=f'"{text.split()[1]}"')


def _registers(memory):
    _texts(memory, name="registers")
    block = ElementTree.SubElement(memory, "addressBlock")
    _texts(block, name="map", baseAddress=0, range=1 << ADDRESS_BITS, width=32)
    for register in REGISTERS:
        element = ElementTree.SubElement(block, "register")
        _texts(element, name=register.name, description=register.meaning, addressOffset=f"'h{register.offset:X}",
               size=32)
        for field in register.fields or (Field(register.name, 0, register.meaning, 32),):
            part = ElementTree.SubElement(element, "field")
            _texts(part, name=field.name, description=field.meaning, bitOffset=field.low, bitWidth=field.width,
                   access=ACCESS[register.access])
            if register.access == "W1C":
                _texts(part, modifiedWriteValue="oneToClear")
    _texts(memory, addressUnitBits=8)


def _model(root, described):
    model = ElementTree.SubElement(root, "model")
    view = ElementTree.SubElement(ElementTree.SubElement(model, "views"), "view")
    _texts(view, name="rtl", componentInstantiationRef="rtl")
    rtl = ElementTree.SubElement(ElementTree.SubElement(model, "instantiations"), "componentInstantiation")
    _texts(rtl, name="rtl", language="SystemVerilog", moduleName=described["top"])
    _texts(ElementTree.SubElement(rtl, "fileSetRef"), localName="rtl")
    ports = ElementTree.SubElement(model, "ports")
    for port in described["ports"]:
        element = ElementTree.SubElement(ports, "port")
        _texts(element, name=port["name"])
        wire = ElementTree.SubElement(element, "wire")
        _texts(wire, direction={"input": "in", "output": "out"}[port["direction"]])
        if port["width"] > 1:
            vector = ElementTree.SubElement(ElementTree.SubElement(wire, "vectors"), "vector")
            _texts(vector, left=port["width"] - 1, right=0)
