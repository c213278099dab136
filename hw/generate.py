"""From a Block to SystemVerilog: every distinct module once, in files of their own."""

import os
import re
import textwrap
from pathlib import Path

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Fragment
from amaranth.hdl._ir import PortDirection

from .place import collect_blocks, flat_ports
from .registers import join_next_values

__all__ = ["modules", "verilog", "write"]

_HEADER = re.compile(r"^(module \S+ ?)\(([^)]+)\);", re.MULTILINE)
_ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")


def modules(top):
    """RTLIL text of each distinct module below `top`, parents before children.

    Returns
    -------
    dict of str to str
        Module name to RTLIL.

    Raises
    ------
    ValueError
        Two blocks of one name whose ports differ.
    """
    texts, signatures, queue = {}, {}, [top]
    while queue:
        block = queue.pop(0)
        ports = {
            name: (value, PortDirection.Input if is_input else PortDirection.Output)
            for name, is_input, value in (
                (name, is_input, getattr(value, "as_value", lambda value=value: value)())
                for name, is_input, value in flat_ports(block, block))
        }
        shape = {name: (len(value), direction) for name, (value, direction) in ports.items()}
        if block.module_name in texts:
            if signatures[block.module_name] != shape:
                raise ValueError(f"two different modules are named {block.module_name!r}")
            continue
        with collect_blocks() as placed:
            fragment = Fragment.get(block, None)
        text, _ = rtlil.convert_fragment(fragment, ports, block.module_name, emit_src=False)
        texts[block.module_name], signatures[block.module_name] = text, shape
        queue += placed
    return texts


def verilog(top):
    """SystemVerilog of all modules below `top` as one text, parents first.

    `write_verilog -sv` gives `always_comb`, which runs once at time 0: with plain `always @*` an output
    whose inputs never change stays X for ever under Icarus.
    """
    os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")  # its output does not depend on the machine
    yosys = find_yosys(lambda version: version >= (0, 40))
    script = [f"read_rtlil <<rtlil\n{text}\nrtlil" for text in modules(top).values()]
    script += ["proc -nomux -norom", "memory_collect"]
    removal = " ".join(f"-remove {name}" for name in _ATTRIBUTES)
    script += [f"attrmap {removal}", f"attrmap -modattr {removal}", "write_verilog -sv -norename"]
    text = yosys.run(["-q", "-"], "\n".join(script), ignore_warnings=True)
    return join_next_values(_HEADER.sub(_sorted_ports, text))


def _sorted_ports(header):
    """A module's header with its ports in order: Amaranth keeps clock domains in sets, whose order varies."""
    ports = sorted(port.strip() for port in header[2].split(","))
    # an escaped name ends with a space
    ports = textwrap.wrap(", ".join(f"{port} " if port[0] == "\\" else port for port in ports), 110,
                          break_long_words=False, break_on_hyphens=False)
    return f"{header[1]}(\n  " + "\n  ".join(ports) + "\n);"


def split(text):
    """Cut the text of `verilog` into (module name, text) pairs."""
    for chunk in text.split("\nmodule ")[1:]:
        body = "module " + chunk[: chunk.index("\nendmodule") + len("\nendmodule")]
        name = body[len("module "):].split("(")[0].strip().lstrip("\\")
        yield name, body + "\n"


def write(top, directory):
    """Write each module below `top` to a file of its own.

    Parameters
    ----------
    top : Block
    directory : Path
        Made where missing.

    Returns
    -------
    list of Path
        The files, the top's first.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, body in split(verilog(top)):
        path = directory / f"{name.replace('.', '_')}.sv"
        path.write_text(body)
        paths.append(path)
    paths.sort(key=lambda path: (path.stem != top.module_name, path.stem))
    return paths
