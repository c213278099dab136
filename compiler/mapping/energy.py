"""Energy per access, relative to a MAC, by level of the hierarchy (ISCA 2016, and Section III-A)."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

__all__ = ["EnergyTable", "load_energy_table"]


@dataclass(frozen=True)
class EnergyTable:
    """Energy of one 16-bit access at each level, in units of one MAC.

    The defaults are those of the row-stationary dataflow's evaluation (ISCA 2016): DRAM 200, GLB 6,
    array (NoC and inter-PE) 2, spad 1, MAC 1. A gated MAC costs `gated_mac` and reads no filter spad.
    """

    dram: float = 200.0
    glb: float = 6.0
    noc: float = 2.0
    spad: float = 1.0
    mac: float = 1.0
    gated_mac: float = 0.05

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
                raise ValueError(f"energy of {field.name} must be a number of at least 0, not {value!r}")


def load_energy_table(path: str | Path) -> EnergyTable:
    """A table from a TOML file of EnergyTable's fields; a field left out keeps its default.

    Raises
    ------
    ValueError
        Unreadable, an unknown field, or a bad value.
    """
    try:
        table = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise ValueError(f"energy table {path} must be readable: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"energy table {path} must be a TOML file: {error}") from None
    known = [field.name for field in fields(EnergyTable)]
    for key in table:
        if key not in known:
            raise ValueError(f"energy table {path}: unknown field {key!r}; known are {', '.join(known)}")
    return EnergyTable(**table)
