"""What a reader of a module's file meets first: the module in words, its ports in order, and where things come from.

    // Pointers of a ring buffer.
    // ...
    module ring_12(
      input clk,
      ...
      output [3:0] read_address
    );
      reg [4:0] read = 5'h00;  // hw/kit/ring.py:LINE
"""

import inspect
import re
from functools import cache
from pathlib import Path
from types import MappingProxyType

import hw
from hw.kit.block import flat_ports

__all__ = ["in_words", "port_order", "source_lines", "with_ports", "with_source_lines", "without_source_lines"]

_ROOT = Path(hw.__file__).resolve().parents[1]

_SOURCE = re.compile(r'^ *attribute \\src "[^"]*"\n', re.MULTILINE)
_SOURCED = re.compile(r'^  attribute \\src "([^"]*)"\n(?:  attribute .*\n)*'
                      r"  (wire|memory|cell)(?: .*)? \\(\S+)(?: \d+)?$", re.MULTILINE)
_REGISTER = re.compile(r"^  reg (?:\[\d+:\d+\] )?(\w+)(?: \[\d+:\d+\])?(?: = [^;]*)?;$", re.MULTILINE)
_INSTANCE = re.compile(r"^  \w+ (\w+) \($", re.MULTILINE)
_HEADER = re.compile(r"^(module \w+) ?\([^)]*\);\n", re.MULTILINE)
_PORT = re.compile(r"((?:^  \(\* .* \*\)\n)*)^  (input|output) (\[\d+:0\] )?(\w+);\n"
                   r"((?:^  \(\* .* \*\)\n)*)^  (wire|reg) (?:\[\d+:0\] )?\4( = [^;]*)?;\n", re.MULTILINE)


def in_words(block):
    """A block's docstring as comment, with the values of the parameters that are numbers, words or flags."""
    bound = _parameters(block)
    section, lines = None, []
    documented = (inspect.getdoc(type(block)) or block.module_name).split("\n")
    for line, following in zip(documented, [*documented[1:], ""], strict=True):
        if following and set(following) == {"-"}:
            section = line
            lines.append(f"// {line}:")
            continue
        elif line and set(line) == {"-"}:
            continue
        elif section == "Parameters" and (match := re.match(r"(\w+)( :.*)?$", line)):
            value = bound.get(match[1])
            line = f"{match[1]} = {value}" if isinstance(value, (bool, int, str)) else line
        lines.append(f"//{'   ' if section else ' '}{line}".rstrip())
    cls = type(block)
    lines += ["//", f"// {cls.__name__} of {_relative(inspect.getfile(cls))}"]
    return "".join(f"{line}\n" for line in lines)


def _parameters(block):
    """The arguments that a block was made with, by name."""
    cls, args, kwargs = block.identity
    bound = inspect.signature(cls).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def source_lines(text):
    """Where the signals, memories and instances of a module in RTLIL come from: {name: "file:line"}."""
    return {match[3]: _relative(match[1]) for match in _SOURCED.finditer(text)}


def without_source_lines(text):
    return _SOURCE.sub("", text)


@cache
def _relative(path):
    """A path, or one with a line, within the checkout or a package: it is the same on every machine."""
    _, installed, within = path.rpartition("/site-packages/")
    if installed:
        return within
    path = Path(path)
    return path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else path.name


def with_source_lines(text, found):
    """A module's text with the source line of each register, memory and instance as a comment."""
    def register(match):
        return match[0] + (f"  // {found[match[1]]}" if match[1] in found else "")

    def instance(match):
        return (f"  // {found[match[1]]}\n" if match[1] in found else "") + match[0]

    return _INSTANCE.sub(instance, _REGISTER.sub(register, text))


def port_order(block):
    """Names of a block's ports: clocks first, the others as it declares them."""
    prefixes = ["" if domain == "sync" else f"{domain}_" for domain in block.domains]
    clocks = [f"{prefix}{net}" for prefix in prefixes for net in ("clk", "rst")]
    return clocks + [name for name, _, _ in flat_ports(block.signature, block)]


def with_ports(text, order=(), attributes=MappingProxyType({})):
    """A module's text with its ports declared in the header.

    Parameters
    ----------
    text : str
    order : sequence of str
        Ports; those that are not in it come last, by name.
    attributes : mapping of str to mapping of str to str
        What stands before a port: {port: {attribute: value}}.
    """
    declared = {}

    def port(match):
        before, direction, width, name, behind, kind, init = match.groups()
        extra = "".join(f'  (* {key} = "{value}" *)\n' for key, value in attributes.get(name, {}).items())
        kind = "reg " if kind == "reg" else ""
        declared[name] = f"{extra}{before}{behind}  {direction} {kind}{width or ''}{name}{init or ''}"
        return ""

    text = _PORT.sub(port, text)
    known = [name for name in order if name in declared]
    ports = ",\n".join(declared[name] for name in [*known, *sorted(declared.keys() - set(known))])
    return _HEADER.sub(lambda match: f"{match[1]}(\n{ports}\n);\n" if ports else f"{match[1]}();\n", text, count=1)
