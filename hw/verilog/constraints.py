"""Timing constraints of a top: its clocks, and each path from one to the other by name, as SDC and as XDC.

There is no `set_clock_groups -asynchronous`: it would except all paths between the clocks, also those that nobody
meant to be there, and it overrides the limits of the others. What is not excepted here fails timing.
"""

from typing import NamedTuple

from amaranth.hdl import Fragment

from hw.config import VERSION
from hw.kit.block import collect_blocks

__all__ = ["TimedPath", "exceptions", "sdc", "xdc"]


class TimedPath(NamedTuple):
    """A path between the clocks, and how long it may take.

    Attributes
    ----------
    path : tuple of str
        Instances from the top to the block.
    sent, heard : str or None
        Signals of the block, see `hw.kit.block.Crossing`.
    source, target : str or None
        Clocks; None stands for any.
    limit : str or None
        The clock within whose period the path must be over; None where there is no limit.
    """

    path: tuple
    sent: str | None
    heard: str | None
    source: str | None
    target: str
    limit: str | None


def exceptions(top):
    """All paths of `top` from one clock to the other, in the order of the blocks.

    Parameters
    ----------
    top : Block

    Returns
    -------
    list of TimedPath
    """
    children, found = {}, []

    def visit(block, path, clocks):
        found.extend(
            TimedPath(path, crossing.sent, crossing.heard, crossing.source and clocks[crossing.source],
                      clocks[crossing.target], crossing.limit and clocks[crossing.limit])
            for crossing in block.crossings
            if crossing.source is None or clocks[crossing.source] != clocks[crossing.target])
        if block.module_name not in children:  # one name is one module
            with collect_blocks("") as placed:
                Fragment.get(block, None)
            children[block.module_name] = placed
        for child in children[block.module_name]:
            visit(child.block, (*path, child.name),
                  {own: clocks[outer] for own, outer in child.domains.items()})

    visit(top, (), {domain: "clk" if domain == "sync" else f"{domain}_clk" for domain in top.domains})
    return found


def sdc(chip, top):
    """SDC text for a top: read by OpenSTA, Quartus, Design Compiler and their like, for they all are Tcl.

    Parameters
    ----------
    chip : ChipConfig
        Its clocks' frequencies.
    top : Block
    """
    periods = _periods(chip)
    lines = [
        f"# Eyeriss generator {VERSION}: clocks of {top.module_name}, and all paths between them.",
        "# Set these before reading this file where they differ: the instance of yours that the chip is, what parts",
        "# levels of hierarchy, and names of clocks. Registers may have the tool's ending, such as _reg[0].",
        *(f"if {{![info exists eyeriss_{name}]}} {{ set eyeriss_{name} {value} }}"
          for name, value in (("instance", '""'), ("separator", "/"), *((clock, clock) for clock in periods))),
        "proc eyeriss_cells {path register} {",
        "  global eyeriss_instance eyeriss_separator",
        '  return [get_cells [join [concat $eyeriss_instance $path "${register}*"] $eyeriss_separator]]', "}",
        "", 'if {$eyeriss_instance eq ""} {',
        *(f"  create_clock -name $eyeriss_{clock} -period {period:.3f} [get_ports {clock}]"
          for clock, period in periods.items()),
        "}", "",
    ]
    for each in exceptions(top):
        path = "{" + " ".join(each.path) + "}"
        ends = _ends(each, lambda name, path=path: f"[eyeriss_cells {path} {name}]",
                     lambda clock: f"[get_clocks $eyeriss_{clock}]")
        if each.limit:
            lines += [f"set_max_delay -ignore_clock_latency {periods[each.limit]:.3f}{ends}",
                      f"set_false_path -hold{ends}"]
        else:
            lines.append(f"set_false_path{ends}")
    return "\n".join(lines) + "\n"


def xdc(chip, top):
    """The same for Vivado, which takes no Tcl but these commands, and gives registers the ending `_reg`."""
    periods = _periods(chip)
    lines = [
        f"# Eyeriss generator {VERSION}: all paths between the clocks of {top.module_name}.",
        f"# read_xdc -ref {top.module_name} FILE where the chip is not the top: names are from its instance on.",
        "# Clocks, where nothing else has made them:",
        *(f"# create_clock -name {clock} -period {period:.3f} [get_ports {clock}]"
          for clock, period in periods.items()),
        "",
    ]
    for each in exceptions(top):
        ends = _ends(each, lambda name, each=each: f"[get_cells {{{'/'.join((*each.path, name))}_reg*}}]",
                     lambda clock: f"[get_clocks -of_objects [get_ports {clock}]]")
        lines.append(f"set_max_delay -datapath_only {periods[each.limit]:.3f}{ends}" if each.limit
                     else f"set_false_path{ends}")
    return "\n".join(lines) + "\n"


def _ends(each, cells, clocks):
    """The options -from and -to of a path: registers where they have a name, else clocks."""
    source = cells(each.sent) if each.sent else each.source and clocks(each.source)
    return (f" -from {source}" if source else "") + f" -to {cells(each.heard) if each.heard else clocks(each.target)}"


def _periods(chip):
    """Nanoseconds by clock."""
    return {"clk": 1e3 / chip.core_mhz, "link_clk": 1e3 / chip.link_mhz}
