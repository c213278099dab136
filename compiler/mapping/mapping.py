"""The mapping parameters of the row-stationary dataflow (Table II): of one mapping, or of many in arrays."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from .lowering import NativeLayer

__all__ = ["PARAMETERS", "CodeTooLong", "Mapping", "MappingError", "MappingOf", "Mappings", "Number",
           "load_mapping"]

Number = TypeVar("Number", int, np.ndarray)
OPTIONAL = {"f": 0, "coded": 0, "g": 1}  # parameters that a mapping file may leave out; by default, and at least


class MappingError(ValueError):
    """A mapping that the chip cannot hold; the message names the resource."""


class CodeTooLong(MappingError):
    """Run-length coded ifmaps are longer than the GLB banks that the mapping has for them."""


@dataclass(frozen=True, kw_only=True)
class MappingOf(Generic[Number]):
    """How a layer is laid over the array (Table II): integers, or arrays of them.

    Parameters
    ----------
    m : Number
        Ofmap channels whose psums the GLB holds.
    n : Number
        Ifmap tiles of a pass: whole ifmaps where a tile is a plane, else strips and spans of them.
    e, f : Number
        Ofmap rows and columns of a tile; `e` is the width of a PE set.
    p, q : Number
        Filters and channels of a PE set.
    r, t : Number
        PE sets for different channels, for different filters.
    coded : Number
        GLB banks for ifmaps that stay run-length coded in them; 0: ifmaps are decoded on their way into
        the GLB, as on the chip of the paper, and take what banks they need.
    """

    m: Number
    n: Number
    e: Number
    f: Number
    p: Number
    q: Number
    r: Number
    t: Number
    coded: Number


@dataclass(frozen=True, kw_only=True)
class Mapping(MappingOf[int]):
    """One mapping. f = 0 means whole rows.

    Parameters
    ----------
    g : int
        Groups of the layer that are computed as one, see `NativeLayer.merge`.

    Raises
    ------
    MappingError
        A parameter that is no integer, or too small.
    """

    f: int = 0
    coded: int = 0
    g: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = OPTIONAL.get(field.name, 1)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise MappingError(f"mapping {field.name} must be an integer of at least {least}, not {value!r}")

    def as_dict(self) -> dict[str, int]:
        """In the order of Table II, with f, coded and g."""
        return asdict(self)

    def cut_to(self, layer: NativeLayer) -> "Mapping":
        """The same with tiles that are no larger than the layer, and no more of them than it has."""
        e, f = min(self.e, layer.E), min(self.f or layer.F, layer.F)
        tiles = layer.N * -(-layer.E // e) * -(-layer.F // f)
        return replace(self, e=e, f=f, n=min(self.n, tiles))


@dataclass(frozen=True, kw_only=True)
class Mappings(MappingOf[np.ndarray]):
    """Many mappings: each parameter an integer array (mappings,)."""

    @classmethod
    def of(cls, **columns: int | np.ndarray) -> "Mappings":
        """From arrays (mappings,), and numbers where all mappings have the same."""
        return cls(**dict(zip(columns, np.broadcast_arrays(*columns.values()), strict=True)))

    @classmethod
    def join(cls, parts: list["Mappings"]) -> "Mappings":
        """One after the other."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in PARAMETERS})

    def __len__(self) -> int:
        return len(self.m)

    def take(self, which: np.ndarray) -> "Mappings":
        """Some of them: by index (int), or by a mask (bool)."""
        return Mappings(**{name: getattr(self, name)[which] for name in PARAMETERS})

    def each(self) -> list[Mapping]:
        """One by one."""
        return [Mapping(**dict(zip(PARAMETERS, row, strict=True)))
                for row in zip(*(getattr(self, name).tolist() for name in PARAMETERS), strict=True)]


PARAMETERS = tuple(field.name for field in fields(MappingOf))


def load_mapping(path: str | Path) -> Mapping:
    """A mapping from a JSON file with the keys m n e p q r t, for column tiles f, and perhaps coded and g.

    Raises
    ------
    MappingError
        Unreadable, or a key is missing or unknown.
    """
    try:
        table = json.loads(Path(path).read_text())
    except OSError as error:
        raise MappingError(f"mapping file {path} must be readable: {error.strerror}") from None
    except ValueError as error:
        raise MappingError(f"mapping file {path} must be JSON: {error}") from None
    if not isinstance(table, dict):
        raise MappingError(f"mapping file {path} must be an object with the keys m n e f p q r t")
    if missing := set(PARAMETERS) - set(OPTIONAL) - set(table):
        raise MappingError(f"mapping file {path} lacks {', '.join(sorted(missing))}")
    if unknown := set(table) - set(PARAMETERS) - set(OPTIONAL):
        raise MappingError(f"mapping file {path} has unknown keys {', '.join(sorted(unknown))}")
    return Mapping(**table)
