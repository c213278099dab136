"""From a recording to milliwatts: replay, energies, parts."""

import re

from ..yosys import FlowError
from .cells import cells_of, cone
from .energy import energies
from .replay import replay
from .report import power

__all__ = ["PE_PARTS", "Measured", "pe_part", "ungated"]

#: Instances of a PE -> their part, as in `flow.area`.
PE_PARTS = {"ifmap_spad": "ifmap spad", "filter_spad": "filter spad", "psum_spad": "psum spad", "": "control"}
#: What the ALU ends at: (instance, nets, of registers): the product, the shifted product, the sum.
ALU_ENDS = (("", r"product\[\d+\]"), ("", r"psum_spad__value\[\d+\]"), ("psum_spad", r"psum_spad/total\[\d+\]"))


class Measured:
    """Modules of one synthesis, whose energies are asked for once.

    Parameters
    ----------
    synthesis : flow.asic.Synthesis
    directory : Path
        Of it.
    library : flow.library.Library
    mhz : float
    poll : callable, optional
        See `sim.tools.process.call`.
    """

    def __init__(self, synthesis, directory, library, *, mhz, poll=None):
        self._synthesis, self._directory, self._library = synthesis, directory, library
        self._mhz, self._poll, self._known = mhz, poll, {}

    def parts(self, ports, name, *, gating=True):
        """Power of a recorded module under what was recorded.

        Parameters
        ----------
        ports : flow.power.record.Ports
        name : str
            Of the folder in `directory` that keeps the replay.
        gating : bool
            False of a PE: no value is zero to it; it reads and multiplies for each.

        Returns
        -------
        dict of str to flow.power.report.Part
            Of a PE by `pe_part`; of another module one part, its name.
        """
        module = ports.module
        if module not in self._known:
            cells = cells_of(self._directory, module)
            self._known[module] = cells, energies(self._synthesis, module, cells, self._directory, self._library,
                                                  poll=self._poll)
        cells, found = self._known[module]
        activity = replay(
            self._synthesis, ports, sorted({cell.place for cell in cells}), self._directory / name, poll=self._poll,
            netlist=None if gating else ungated(self._synthesis.netlist), ignored=() if gating else ("gated",))
        part_of = pe_part(cells, self._library) if module == "pe" else lambda cell: module
        return power(cells, found, activity, self._library, part_of, mhz=self._mhz)


def ungated(netlist):
    """The netlist with the PEs' flag of a zero tied to 0, beside it; psums are the same.

    Raises
    ------
    FlowError
        There is no such flag.
    """
    text, ties = re.subn(r"(ifmap_spad \([^;]*\.zero\()(\w+)(\)[^;]*;)", r"\1\3\n  assign \2 = 1'b0;",
                         netlist.read_text())
    if ties != 1:
        raise FlowError(f"{netlist} must have one ifmap spad with an output `zero`, not {ties}")
    target = netlist.with_stem("ungated")
    target.write_text(text)
    return target


def pe_part(cells, library):
    """From a PE's Cell to its part: the ALU, or that of the instance it is in.

    The ALU is what makes product, shifted product and sum of registers or of a spad's output, and the registers of
    operands and product.
    """
    registers = {kind for kind, _ in library.clock_pins}
    alu = set()
    for place, nets in ALU_ENDS:
        inside = [cell for cell in cells if cell.place == place]
        driven = {net: cell for cell in inside for net in (cell.pins[pin] for pin in cell.outputs)}
        ends = {net for cell in cells for net in cell.pins.values() if re.fullmatch(nets, net)}
        if not ends:
            raise FlowError(f"the PE's netlist must have nets {nets}")
        held = [driven[net] for net in ends if net in driven and driven[net].kind in registers]
        alu |= {cell.path for cell in held}
        data = {net for cell in held for net in cell.pins.values()} - {"clk"}
        alu |= cone(inside, ends | data, registers)
    operands = re.compile(r"(?:value|factor|weight)\[\d+\]")
    alu |= {cell.path for cell in cells if cell.place == "" and cell.kind in registers
            and any(operands.fullmatch(cell.pins[pin]) for pin in cell.outputs)}
    return lambda cell: "ALU" if cell.path in alu else PE_PARTS[
        next((name for name in PE_PARTS if name and cell.path.startswith(f"{name}/")), "")]
