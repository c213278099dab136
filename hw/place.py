"""One Verilog module per distinct component: components are converted once and placed as instances.

Amaranth emits a module for every instance; 168 PEs would be 168 modules. A `Block` is a component that
names its module; `place` puts an `Instance` of it into its parent, `hw.generate` converts it once.
"""

from contextlib import contextmanager

from amaranth.hdl import ClockSignal, Instance, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

__all__ = ["Block", "collect_blocks", "flat_ports", "place"]

_collector: list | None = None


class Block(wiring.Component):
    """A component that becomes one Verilog module.

    `module_name` (class or instance attribute) names the module and must tell apart components that
    differ; `domains` are the clock domains whose clk and rst are ports (`sync` gives `clk`, `rst`).
    """

    module_name = None
    domains = ("sync",)
    _MustUse__silence = True  # placed blocks are elaborated by hw.generate, not by their parent


def flat_ports(block, values):
    """(port name, is_input, value) for each port, as Amaranth names them in Verilog."""
    for path, member, value in block.signature.flatten(values):
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
    ports = block.signature.create(path=(name,))
    arguments = {}
    for port, is_input, value in flat_ports(block, ports):
        arguments[("i_" if is_input else "o_") + port] = value
    for domain in block.domains:
        prefix = "" if domain == "sync" else f"{domain}_"
        parent = (domains or {}).get(domain, domain)
        arguments[f"i_{prefix}clk"] = ClockSignal(parent)
        arguments[f"i_{prefix}rst"] = (resets or {}).get(domain, ResetSignal(parent))
    m.submodules[name] = Instance(block.module_name, **arguments)
    if _collector is not None:
        _collector.append(block)
    return ports


@contextmanager
def collect_blocks():
    """The list of blocks placed while the context is open."""
    global _collector
    outer, _collector = _collector, []
    try:
        yield _collector
    finally:
        _collector = outer
