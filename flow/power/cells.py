"""The cells of a synthesised module, through all instances below it, and the net at each of their pins."""

import json
from dataclasses import dataclass

__all__ = ["Cell", "cells_of", "cone"]


@dataclass(frozen=True)
class Cell:
    """A cell, or a macro.

    Attributes
    ----------
    path : str
        Instances from the module on, "/" between them, and the cell; no backslashes.
    kind : str
        Of the library.
    pins : dict of str to str
        Pin -> net as `flow.power.vcd.count` names it, where it is highest; pins at a constant are left out.
    outputs : tuple of str
        Pins that drive their net.
    """

    path: str
    kind: str
    pins: dict
    outputs: tuple

    @property
    def place(self):
        """The instance that the cell stands in, "" for the module itself."""
        return self.path.rpartition("/")[0]


def cells_of(directory, top):
    """The cells of a module.

    Parameters
    ----------
    directory : Path
        Of `flow.asic.synthesize`.
    top : str

    Returns
    -------
    list of Cell
    """
    modules = json.loads((directory / "gates.json").read_text())["modules"]
    nets = {name: _nets(module) for name, module in modules.items()}
    found = []

    def walk(name, path, outside):
        local = {bit: path + net for bit, net in nets[name].items()} | outside
        for cell, entry in modules[name]["cells"].items():
            inside = f"{path}{cell}".replace("\\", "")
            below = modules.get(entry["type"])
            if below and below["cells"]:
                ports = {bit: local[connected] for port, described in below["ports"].items() for bit, connected
                         in zip(described["bits"], entry["connections"].get(port, []), strict=False)
                         if isinstance(connected, int)}
                walk(entry["type"], f"{inside}/", ports)
                continue
            pins = {pin if len(bits) == 1 else f"{pin}[{index}]": local[bit]
                    for pin, bits in entry["connections"].items() for index, bit in enumerate(bits)
                    if isinstance(bit, int)}
            outputs = tuple(pin for pin in pins if entry["port_directions"][pin.partition("[")[0]] == "output")
            found.append(Cell(inside, entry["type"], pins, outputs))

    walk(top, "", {})
    return found


def cone(cells, nets, stop):
    """Cells that nets depend on, in their own instance, up to cells of kinds `stop` and other instances.

    Parameters
    ----------
    cells : list of Cell
        Of one instance.
    nets : iterable of str
    stop : set of str

    Returns
    -------
    set of str
        Paths.
    """
    drivers = {cell.pins[pin]: cell for cell in cells for pin in cell.outputs if cell.kind not in stop}
    found, waiting = set(), list(nets)
    while waiting:
        cell = drivers.get(waiting.pop())
        if cell and cell.path not in found:
            found.add(cell.path)
            waiting += [net for pin, net in cell.pins.items() if pin not in cell.outputs]
    return found


def _nets(module):
    """Bit -> a name of its net."""
    found = {}
    for name, entry in module["netnames"].items():
        low, width = entry.get("offset", 0), len(entry["bits"])
        for index, bit in enumerate(entry["bits"]):
            if isinstance(bit, int):
                found.setdefault(bit, name if width == 1 else f"{name}[{low + index}]")
    return found
