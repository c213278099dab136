"""One Verilog module per distinct component: components are converted once and placed as instances.

Amaranth emits a module for every instance; 168 PEs would be 168 modules. A `Block` is a component that
names its module; `place` puts an `Instance` of it into its parent, `hw.verilog.generate` converts it once.
"""

from contextlib import contextmanager
from typing import NamedTuple

from amaranth.hdl import ClockSignal, Instance, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from .internals import NeverElaborated

__all__ = ["Block", "Crossing", "collect_blocks", "flat_ports", "place"]

# while `hw.verilog.generate` converts a block: the blocks that it places, and what their modules' names begin with
_collector: list | None = None
_prefix = ""


class Crossing(NamedTuple):
    """Registers of a block that hear one of another clock.

    Attributes
    ----------
    source, target : str or None
        The block's clock domains; None stands for one that the block does not know.
    sent, heard : str or None
        Signals on either side; None stands for whatever there is.
    limit : str or None
        The domain within whose period the path must be over; None where it does not matter.
    """

    source: str | None
    target: str
    sent: str | None
    heard: str | None
    limit: str | None


class Block(NeverElaborated, wiring.Component):
    """A component that becomes one Verilog module; `hw.verilog.generate` elaborates it, not its parent.

    Attributes
    ----------
    module_name : str
        Of the class or of an instance: the module's name. `hw.verilog.generate` refuses two that differ under one
        name.
    domains : tuple of str
        The clock domains whose clk and rst are ports (`sync` gives `clk`, `rst`).
    port_attributes : dict of str to dict of str to str
        Of the class: port to its Verilog attributes, for the tools that read a top.
    crossings : tuple of Crossing
        Of the class: all that `hw.verilog.constraints` excepts from its timing.
    identity : tuple
        The class and its parameters: blocks in which these are equal are one module.
    """

    module_name = None
    domains = ("sync",)
    port_attributes: dict = {}
    crossings: tuple = ()

    def __new__(cls, *args, **kwargs):
        block = super().__new__(cls)
        block.identity = (cls, args, kwargs)
        return block

    @property
    def outside(self):
        """The signature of an instance, as its parent sees it; of the same ports as `signature`.

        Shapes may differ: a queue keeps bits, and whoever places it sees its words.
        """
        return self.signature


class Placed(NamedTuple):
    """An instance: its block, its name, and the parent's clock domain for each of the block's."""

    block: Block
    name: str
    domains: dict


def flat_ports(signature, values):
    """(port name, is_input, value) for each port, as Amaranth names them in Verilog."""
    for path, member, value in signature.flatten(values):
        yield "__".join(map(str, path)), member.flow == In, value


def place(m, block, name, domains=None, resets=None):
    """Put an instance of `block` into module `m` as submodule `name`.

    Parameters
    ----------
    domains : dict, optional
        The parent's clock domain for each of the block's; the same by default.
    resets : dict, optional
        What resets each of the block's domains; by default the reset of the parent's domain.

    Returns
    -------
    PureInterface
        The instance's ports: drive the inputs, read the outputs, or hand it to `wiring.connect`.
    """
    ports = block.outside.create(path=(name,))
    arguments = {}
    for port, is_input, value in flat_ports(block.outside, ports):
        arguments[("i_" if is_input else "o_") + port] = value
    for domain in block.domains:
        prefix = "" if domain == "sync" else f"{domain}_"
        parent = (domains or {}).get(domain, domain)
        arguments[f"i_{prefix}clk"] = ClockSignal(parent)
        arguments[f"i_{prefix}rst"] = (resets or {}).get(domain, ResetSignal(parent))
    m.submodules[name] = Instance(_prefix + block.module_name, src_loc_at=1, **arguments)
    if _collector is not None:
        outer = {domain: (domains or {}).get(domain, domain) for domain in block.domains}
        _collector.append(Placed(block, name, outer))
    return ports


@contextmanager
def collect_blocks(prefix):
    """The list of `Placed` blocks while the context is open, whose modules' names begin with `prefix`."""
    global _collector, _prefix
    outer = _collector, _prefix
    _collector, _prefix = [], prefix
    try:
        yield _collector
    finally:
        _collector, _prefix = outer
