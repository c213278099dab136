"""How configuration fields reach the modules: a port of a field's name takes that field."""

from amaranth.lib.wiring import In

from hw.config import scan_fields

__all__ = ["attach", "setting_ports"]


def setting_ports(chip, names):
    """Input ports for the scan fields in `names` (a string of words), by their own names."""
    widths = {field.name: field.bits for field in scan_fields(chip)}
    return {name: In(widths[name]) for name in names.split()}


def attach(m, ports, source, names):
    """Drive the settings `names` of instance `ports` from those of `source`."""
    m.d.comb += [getattr(ports, name).eq(getattr(source, name)) for name in names.split()]
