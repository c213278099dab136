"""What the search of mappings goes by: energy of an access at each level."""

from dataclasses import dataclass

__all__ = ["Prices"]


@dataclass(frozen=True)
class Prices:
    """Energy of one 16-bit access at each level, of MACs, and of cycles; in any unit.

    The defaults are relative to a MAC, those of the row-stationary dataflow's evaluation (ISCA 2016, and Section
    III-A): DRAM 200, GLB 6, array (NoC and inter-PE) 2, spad 1, MAC 1, and time costs nothing. A MAC takes four
    accesses of spads besides; a gated one only reads ifmap and psum, which is in `gated_mac`. In pJ they come from a
    table, `compiler.energy.table`.

    Attributes
    ----------
    cycle, pe_cycle, idle_pe_cycle : float
        Of a core cycle of the chip without its PEs, of a PE that a mapping uses, and of one that it does not.
    """

    dram: float = 200.0
    glb: float = 6.0
    noc: float = 2.0
    spad: float = 1.0
    mac: float = 1.0
    gated_mac: float = 2.05
    cycle: float = 0.0
    pe_cycle: float = 0.0
    idle_pe_cycle: float = 0.0
