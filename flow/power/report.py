"""Power of a replayed module: each cell's energies times how often its pins moved, by parts."""

from dataclasses import dataclass

__all__ = ["Part", "chip_parts", "power"]


@dataclass(frozen=True)
class Part:
    """Milliwatts: clock pins and gates of the clock, all that data move, leakage."""

    clock: float = 0.0
    data: float = 0.0
    leakage: float = 0.0

    @property
    def total(self):
        return self.clock + self.data + self.leakage

    def __add__(self, other):
        return Part(self.clock + other.clock, self.data + other.data, self.leakage + other.leakage)


def power(cells, found, activity, library, part_of, *, mhz):
    """Power of a module's parts.

    Parameters
    ----------
    cells : list of flow.power.cells.Cell
    found : dict of str to flow.power.energy.Energy
    activity : flow.power.replay.Activity
    library : flow.library.Library
    part_of : callable
        From a Cell to the name of its part.
    mhz : float

    Returns
    -------
    dict of str to Part
    """
    clock_pin = dict(library.clock_pins)
    milliwatts = mhz / activity.cycles * 1e-3  # of a picojoule in the window
    parts = {}
    for cell in cells:
        energy = found.get(cell.path)
        if energy is None:
            continue  # a macro
        moved = {pin: activity.nets[net][0] for pin, net in cell.pins.items()}
        hears = clock_pin.get(cell.kind)
        output = sum(moved[pin] for pin in cell.outputs)
        clock = energy.clock * (moved.get(hears, 0) if hears else output) + energy.root * activity.nets["clk"][0]
        data = energy.output * output + energy.data * sum(
            moved[pin] for pin in moved if pin != hears and pin not in cell.outputs)
        part = Part(clock * milliwatts, data * milliwatts, energy.leakage * 1e-6)
        parts[part_of(cell)] = parts.get(part_of(cell), Part()) + part
    return parts


#: Part of a PE, or module -> where Fig. 16 has it.
SHARES = {"ALU": "alu", "ifmap spad": "spads", "filter spad": "spads", "psum spad": "spads", "control": "control",
          "filter GIN": "networks", "ifmap GIN": "networks", "psum GIN": "networks", "GLB control": "glb"}


def chip_parts(rows, layer, *, gating=True):
    """Milliwatts of all that was measured, PEs times those that are active, by Fig. 16's parts.

    Parameters
    ----------
    rows : list of dict
        `power` in the JSON of `eyeriss asic --power`.
    layer : str
    gating : bool
        Of the PEs.

    Returns
    -------
    dict of str to float
    """
    found = dict.fromkeys(("clock", "leakage", *SHARES.values()), 0.0)
    for row in rows:
        if row["layer"] == layer and (row["module"] != "PE" or row["gating"] == gating):
            part = SHARES[row["part"] if row["module"] == "PE" else row["module"]]
            for name, key in (("clock", "clock_mw"), ("leakage", "leakage_mw"), (part, "data_mw")):
                found[name] += row["instances"] * row[key]
    return found
