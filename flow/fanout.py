"""Buffer trees for nets with many loads.

ABC buffers what its own gates drive; flip-flops and ports are outside its view, and a register that feeds the
multiplexers of a spad would drive two hundred gates by itself.
"""

import json
from collections import defaultdict

__all__ = ["insert_buffers"]


def insert_buffers(path, buffer, *, clocks, limit):
    """Insert buffers into a netlist in Yosys's JSON, in place.

    Parameters
    ----------
    path : Path
    buffer : tuple of str
        The buffer cell, its input and its output.
    clocks : set of (str, str)
        (cell type, pin) of clocks, which are left to a clock tree; `"*"` stands for any type.
    limit : callable
        From a module's name to the loads that anything in it may drive.
    """
    design = json.loads(path.read_text())
    for name, module in design["modules"].items():
        if module["cells"] and not int(module["attributes"].get("blackbox", "0"), 2):
            _module(module, buffer, clocks, limit(name))
    path.write_text(json.dumps(design))


def _module(module, buffer, clocks, limit):
    loads = defaultdict(list)  # net -> (cell's connections, pin, bit)
    used = [2]
    for cell in module["cells"].values():
        for pin, bits in cell["connections"].items():
            used += [bit for bit in bits if isinstance(bit, int)]
            if cell["port_directions"][pin] == "input" and not {(cell["type"], pin), ("*", pin)} & clocks:
                for index, bit in enumerate(bits):
                    if isinstance(bit, int):
                        loads[bit].append((bits, index))
    for port in module["ports"].values():
        used += [bit for bit in port["bits"] if isinstance(bit, int)]
    fresh = max(used) + 1
    kind, source, sink = buffer
    for net, driven in loads.items():
        while len(driven) > limit:
            groups = [driven[start:start + limit] for start in range(0, len(driven), limit)]
            driven = []
            for group in groups:
                for bits, index in group:
                    bits[index] = fresh
                bits = [net]
                module["cells"][f"fanout_{fresh}"] = {
                    "hide_name": 0, "type": kind, "parameters": {}, "attributes": {},
                    "port_directions": {source: "input", sink: "output"},
                    "connections": {source: bits, sink: [fresh]},
                }
                driven.append((bits, 0))
                fresh += 1
