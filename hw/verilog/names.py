"""Names without a backslash in the SystemVerilog that Yosys writes."""

import re

from .fold import TEMPORARY

__all__ = ["plain"]

_ESCAPED = re.compile(r"\\(\S+) ")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")


def plain(text):
    """A module's text with plain names.

    A field `tail.address` becomes `tail__address`, as in the ports, Yosys's `$41` becomes `_41`, and a keyword or a
    name that is taken gets an underscore more. Ports are plain as they are declared.
    """
    escaped = dict.fromkeys(_ESCAPED.findall(text))
    taken = set(_WORD.findall(_ESCAPED.sub(" ", text)))
    found = {}
    for name in escaped:
        if name[0] == "$" and name[1:].isdigit():
            better = TEMPORARY + name[1:]
        else:
            better = re.sub(r"\W+", "_", name.lstrip("$").replace(".", "__")).strip("_") or "net"
            better += "_" * name.isidentifier()  # a keyword: only that needs the backslash
        while better in taken or not better.isidentifier():
            better = f"_{better}" if better[0].isdigit() else f"{better}_"
        taken.add(better)
        found[name] = better
    return _ESCAPED.sub(lambda match: found[match[1]], text)
