"""Tables of energy: what each action costs, by technology; three come along, and users bring their own."""

import math
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compiler.mapping.energy import Prices
from hw.config import ChipConfig

from .actions import ACTIONS

__all__ = ["DEFAULT", "TABLES", "EnergyTable", "load_table", "table_text"]

FOLDER = Path(__file__).with_name("tables")

#: Names of the tables that come along.
TABLES: tuple[str, ...] = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))

DEFAULT = "65nm"

#: pJ of a 16-bit multiplication and addition at 45 nm, four times and twice those of 8 bits (Horowitz, ISSCC 2014).
MULTIPLICATION, ADDITION = 4 * 0.2, 2 * 0.03

LEAKAGE_EXPONENT = 3.0  # of the voltage; leakage is 1 % of the chip's power, so little depends on it
_FIELDS = {"description": str, "volts": (int, float), "leakage_mw": (int, float), "pj": dict}


@dataclass(frozen=True)
class EnergyTable:
    """Energy of each action.

    Attributes
    ----------
    name, description : str
    volts : float
        At which the figures hold.
    leakage_mw : float
    pj : dict of str to float
        Picojoules of each action in `compiler.energy.actions`.
    """

    name: str
    description: str
    volts: float
    leakage_mw: float
    pj: dict[str, float]

    def at(self, volts: float) -> "EnergyTable":
        """The table at another voltage: what switches goes by its square, leakage by its cube.

        DRAM has a supply of its own and stays.

        Raises
        ------
        ValueError
            Not a positive number.
        """
        if not (math.isfinite(volts) and volts > 0):
            raise ValueError(f"volts must be a number greater than 0, not {volts!r}")
        factor = volts / self.volts
        pj = {name: price if ACTIONS[name].part == "dram" else price * factor**2 for name, price in self.pj.items()}
        return replace(self, volts=volts, leakage_mw=self.leakage_mw * factor**LEAKAGE_EXPONENT, pj=pj)

    def of(self, chip: ChipConfig) -> "EnergyTable":
        """The table for a chip's widths, whose name says so; of 16 bits it is this one.

        Multiplications go by the square of the width of data, additions and psums from PE to PE by the width of
        psums, accesses of a spad by that of its values. Words of 64 bits, and bits over networks, are the same; so
        are cycles, and gated MACs.
        """
        if chip.data_width == chip.psum_width == 16:
            return self
        data, psum = chip.data_width / 16, chip.psum_width / 16
        mac = (MULTIPLICATION * data**2 + ADDITION * psum) / (MULTIPLICATION + ADDITION)
        by = {"mac": mac, "psum_hop": psum} | {
            f"{name}_spad_{access}": width for name, width in (("ifmap", data), ("filter", data), ("psum", psum))
            for access in ("read", "write")}
        return replace(self, name=f"{self.name}, {chip.data_width}-bit data, {chip.psum_width}-bit psums",
                       pj={action: price * by.get(action, 1) for action, price in self.pj.items()})

    def prices(self, chip: ChipConfig) -> Prices:
        """What the search of mappings goes by: the same in pJ, for a chip; reads and writes of a level for one."""
        pj = self.of(chip).pj

        def mean(*names: str) -> float:
            return sum(pj[name] for name in names) / len(names)

        glb = mean("glb_ifmap_read", "glb_ifmap_write", "glb_psum_read", "glb_psum_write")
        dram = mean("dram_ifmap", "dram_filter", "dram_psum") + mean("link_ifmap", "link_filter", "link_psum")
        return Prices(
            dram=dram / 4, glb=glb / 4, noc=mean("noc_ifmap", "noc_filter", "noc_psum"),
            spad=mean("ifmap_spad_read", "filter_spad_read", "psum_spad_read", "psum_spad_write"), mac=pj["mac"],
            gated_mac=pj["mac_gated"], cycle=pj["core_cycle"] + 1e3 * self.leakage_mw / chip.core_mhz,
            pe_cycle=pj["pe_cycle"], idle_pe_cycle=pj["idle_pe_cycle"])


def load_table(source: str) -> EnergyTable:
    """A table by its name, or from a TOML file; `NAME@VOLTS` or `FILE@VOLTS` at another voltage than its own.

    A file has `description`, `volts`, `leakage_mw`, and in `[pj]` the price of every action.

    Raises
    ------
    ValueError
        Neither, or an entry is missing, unknown, or no number of at least 0; names the entry.
    """
    source, at, volts = source.rpartition("@") if "@" in source else (source, "", "")
    if at:
        try:
            return load_table(source).at(float(volts))
        except ValueError as error:
            if str(error).startswith("could not convert"):
                raise ValueError(f"volts behind @ must be a number greater than 0, not {volts!r}") from None
            raise
    path = FOLDER / f"{source}.toml" if source in TABLES else Path(source)
    if not path.is_file():
        raise ValueError(f"energy table must be one of {', '.join(TABLES)} or a TOML file, not {source!r}")
    try:
        entries = tomllib.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"energy table {path} must be readable: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"energy table {path} must be a TOML file: {error}") from None
    return _checked(path.stem, f"energy table {path.stem if source in TABLES else path}", entries)


def _checked(name: str, what: str, entries: dict[str, Any]) -> EnergyTable:
    for field, kind in _FIELDS.items():
        if field not in entries:
            raise ValueError(f"{what} lacks {field}")
        if not isinstance(entries[field], kind) or isinstance(entries[field], bool):  # type: ignore[arg-type]
            words = {str: "a text", dict: "a table of actions"}.get(kind, "a number")  # type: ignore[call-overload]
            raise ValueError(f"{what}: {field} must be {words}, not {entries[field]!r}")
    if unknown := sorted(set(entries) - set(_FIELDS)):
        raise ValueError(f"{what}: unknown entry {unknown[0]!r}; known are {', '.join(_FIELDS)}")
    pj = entries["pj"]
    if missing := [action for action in ACTIONS if action not in pj]:
        raise ValueError(f"{what} prices no {missing[0]}" + (f", nor {', '.join(missing[1:])}" if missing[1:] else "")
                         + ": [pj] must have every action")
    if unknown := [action for action in pj if action not in ACTIONS]:
        raise ValueError(f"{what}: unknown action {unknown[0]!r}; known are {', '.join(ACTIONS)}")
    for action, price in [*pj.items(), ("leakage_mw", entries["leakage_mw"])]:
        if isinstance(price, bool) or not isinstance(price, (int, float)) or not math.isfinite(price) or price < 0:
            raise ValueError(f"{what}: {action} must be a number of at least 0, not {price!r}")
    if not (math.isfinite(entries["volts"]) and entries["volts"] > 0):
        raise ValueError(f"{what}: volts must be a number greater than 0, not {entries['volts']!r}")
    return EnergyTable(name, entries["description"], float(entries["volts"]), float(entries["leakage_mw"]),
                       {action: float(pj[action]) for action in ACTIONS})


def table_text(table: EnergyTable) -> str:
    """A table as the text of its TOML file."""
    def line(name: str, price: float) -> str:
        return f"{name} = {price:g}  # {ACTIONS[name].meaning}" if name in ACTIONS else f"{name} = {price:g}"

    prices = "\n".join(line(name, price) for name, price in table.pj.items())
    return (f'description = "{table.description}"\n{line("volts", table.volts)}\n'
            f'{line("leakage_mw", table.leakage_mw)}\n\n[pj]\n{prices}\n')
