"""From a Block to SystemVerilog: every distinct module once, in files of their own."""

import gc
import os
import re
from contextlib import contextmanager
from pathlib import Path

from amaranth.back import rtlil

from hw.config import VERSION
from hw.kit.block import collect_blocks
from hw.kit.internals import find_yosys

from .fold import fold
from .header import in_words, port_order, source_lines, with_ports, with_source_lines, without_source_lines
from .names import plain
from .processes import join_next_values
from .text import module_name, split, without_selects

__all__ = ["by_yosys", "check_prefix", "modules", "readable", "sources", "verilog", "write"]

_ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")

#: A second name of a register has its value at power-on as an attribute, which the register says itself.
_INIT = re.compile(r"^  \(\* init = .* \*\)\n(?=  wire )", re.MULTILINE)


def check_prefix(prefix):
    """Raise ValueError unless module names can begin so."""
    if prefix and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", prefix):
        raise ValueError(f"prefix must be letters, digits and underscores, no digit first, not {prefix!r}")


@contextmanager
def _no_collection():
    """While a module is converted nearly all objects live: looking for dead ones would take a third of the time.

    They die together when it is done, and the first collection afterwards frees them.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def modules(top, prefix=""):
    """RTLIL text of each distinct module below `top`, parents before children.

    Parameters
    ----------
    top : Block
    prefix : str
        What all modules' names begin with.

    Returns
    -------
    dict of str to str
        Module name to RTLIL.

    Raises
    ------
    ValueError
        Two blocks of one name are not the same module.
    """
    return {name: without_source_lines(text) for name, (_, text) in _converted(top, prefix).items()}


def _converted(top, prefix):
    """Each distinct module below `top`: {module name: (its block, its RTLIL with source lines)}."""
    check_prefix(prefix)
    found, known, queue = {}, {}, [top]
    while queue:
        block = queue.pop(0)
        name = prefix + block.module_name
        if block.identity in known.setdefault(name, []):
            continue
        known[name].append(block.identity)
        with collect_blocks(prefix) as placed, _no_collection():
            text = rtlil.convert(block, name=name)
        _, first = found.setdefault(name, (block, text))
        if without_source_lines(first) != without_source_lines(text):
            raise ValueError(f"two different modules are named {name!r}")
        queue += [each.block for each in placed]
    return found


def verilog(top, prefix=""):
    """SystemVerilog of all modules below `top` as one text, parents first."""
    return "".join(f"\n{text}" for text in sources(top, prefix).values())


def sources(top, prefix=""):
    """SystemVerilog of each module below `top`, parents first: {module name: text}."""
    converted = _converted(top, prefix)
    written = by_yosys(without_source_lines(text) for _, text in converted.values())
    found = {}
    for name, text in split(written):
        text = readable(text)
        if name in converted:
            block, converted_text = converted[name]
            words = in_words(block)
            text = with_ports(text, port_order(block), block.port_attributes)
            text = with_source_lines(text, source_lines(converted_text))
        else:  # no Block, but an elaboratable of Amaranth's library within one
            owner, _, _ = name.removeprefix("\\").partition(".")
            words, text = f"// Part of {owner}\n", with_ports(text)
        found[module_name(text)] = f"// Eyeriss generator {VERSION}\n//\n{words}{text}"
    return found


def by_yosys(modules):
    """Modules in RTLIL as SystemVerilog that Yosys writes.

    `write_verilog -sv` gives `always_comb`, which runs once at time 0: with plain `always @*` an output
    whose inputs never change stays X for ever under Icarus.
    """
    os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")  # its output does not depend on the machine
    yosys = find_yosys(lambda version: version >= (0, 40))
    script = [f"read_rtlil <<rtlil\n{text}\nrtlil" for text in modules]
    # memories without contents: a variable that an always_ff writes must not be written by `initial` as well
    # (IEEE 1800-2017, 9.2.2.4)
    script += ["delete t:$meminit t:$meminit_v2", "proc -nomux -norom", "memory_collect"]
    removal = " ".join(f"-remove {name}" for name in _ATTRIBUTES)
    script += [f"attrmap {removal}", f"attrmap -modattr {removal}", "write_verilog -sv -norename"]
    return yosys.run(["-q", "-"], "\n".join(script), ignore_warnings=True)


def readable(text):
    """A module's text as people write it: a process for a register, plain names, few temporaries."""
    return without_selects(fold(plain(join_next_values(_INIT.sub("", text)))))


def write(top, directory, prefix=""):
    """Write each module below `top` to a file of its own.

    Parameters
    ----------
    top : Block
    directory : Path
        Made where missing.
    prefix : str
        What all modules' names begin with.

    Returns
    -------
    list of Path
        The files, the top's first.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, body in sources(top, prefix).items():
        paths.append(directory / f"{name}.sv")
        paths[-1].write_text(body)
    paths.sort(key=lambda path: (path.stem != prefix + top.module_name, path.stem))
    return paths
