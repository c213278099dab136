"""Parts of the SystemVerilog that Yosys writes: modules, and what an `always_comb` reads."""

import re

__all__ = ["module_name", "split", "without_selects"]

_PROCESS = re.compile(r"^  always_comb begin\n.*?^  end\n", re.MULTILINE | re.DOTALL)
# a name with a constant select, not a literal such as 4'hx
_SELECT = re.compile(r"(?<![\w'$])(\\\S+ |[A-Za-z_][\w$]*)\[(\d+)(?::(\d+))?\]")


def split(text):
    """Cut the text of several modules into (module name, text) pairs."""
    for chunk in text.split("\nmodule ")[1:]:
        body = "module " + chunk[: chunk.index("\nendmodule") + len("\nendmodule")]
        yield module_name(body), body + "\n"


def module_name(text):
    """The name in a module's first line; with the backslash, where it is escaped."""
    return text[len("module "):text.index("(")].strip()


def without_selects(text):
    """Give each part of a vector that an `always_comb` reads a name of its own.

    Icarus wakes such a process for any bit of the vector, and says so for each of them.
    """
    wires = {}

    def named(match):
        name, high, low = match[1], int(match[2]), int(match[3] or match[2])
        part = f"{name.strip()}_{high}" + (f"_{low}" if match[3] else "")
        while re.search(rf"(?<![\w$.\\]){re.escape(part)}(?![\w$.])", text):  # a signal is called so already
            part += "_"
        width = f"[{high - low}:0] " if match[3] else ""
        part += " " if name.startswith("\\") else ""
        wires[part] = f"  wire {width}{part};\n  assign {part} = {match[0]};\n"
        return part

    def statement(line):
        target, equals, value = line.rpartition(" = ")  # a condition or a case has no target
        return target + equals + _SELECT.sub(named, value)

    def process(match):
        return "".join(map(statement, match[0].splitlines(keepends=True)))

    first = _PROCESS.search(text)
    if first is None:
        return text
    # behind all declarations, ahead of all uses
    processes = _PROCESS.sub(process, text[first.start():])
    return text[:first.start()] + "".join(wires.values()) + processes
