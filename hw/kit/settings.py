"""Groups of configuration fields (`hw.config.fields`) as interfaces: each field is a port of its own."""

from amaranth.hdl import Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hw.config.fields import group_fields

__all__ = ["Settings", "connect_settings", "delayed_settings"]


class Settings(wiring.Signature):
    """A group of the scan chain's fields, which stay the same while a layer runs.

    A module's member for a group bears the group's name in `GROUPS`.

    Parameters
    ----------
    group : type
        `Loops` or another group of `hw.config.fields`.
    chip : ChipConfig

    Members
    -------
    One output by the name of each field; a vector field is one port with element 0 lowest.
    """

    def __init__(self, group, chip):
        super().__init__({one.name: Out(one.bits) for one in group_fields(group, chip)})


def connect_settings(m, source, sink, **instead):
    """Wire a group of settings as `wiring.connect` does, but for those that are given another value.

    Parameters
    ----------
    source, sink : interfaces of one `Settings`.
    instead : dict of str to value
    """
    settings = {path[0]: value for path, _, value in source.signature.flatten(source)}
    inputs = {path[0]: value for path, _, value in sink.signature.flatten(sink)}
    unknown = set(instead) - set(inputs)
    if unknown:
        raise ValueError(f"settings must be of the group, not {', '.join(sorted(unknown))}")
    m.d.comb += [port.eq(instead.get(name, settings[name])) for name, port in inputs.items()]


def delayed_settings(m, source, sink):
    """Hand a group of settings on from `source` to `sink` by registers, which need no reset."""
    values = zip(source.signature.flatten(source), sink.signature.flatten(sink), strict=True)
    for (path, _, value), (_, _, port) in values:
        here = Signal.like(value, name=f"own_{path[0]}", reset_less=True)
        m.d.sync += here.eq(value)
        m.d.comb += port.eq(here)
