"""The ports of a generated module, read from its Verilog."""

import re

__all__ = ["module_ports"]

_PORT = re.compile(r"^  (input|output) (?:reg )?(?:\[(\d+):0\] )?(\w+),?$", re.MULTILINE)


def module_ports(file):
    """[(port, "input" or "output", width)] of a file of one module, in order.

    Parameters
    ----------
    file : Path
        As `hw.verilog.generate.write` wrote it.
    """
    return [(match[3], match[1], int(match[2] or 0) + 1) for match in _PORT.finditer(file.read_text())]
