"""The shape of a convolution layer, in the paper's letters (Table I)."""

from dataclasses import asdict, dataclass, fields, replace

__all__ = ["LayerShape"]


def _check_int(name: str, value: object, least: int) -> None:
    kind = "a positive integer" if least else "a non-negative integer"
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be {kind}, not {value!r}")


@dataclass(frozen=True)
class LayerShape:
    """Shape of one convolution layer.

    ``E`` and ``F`` follow from the other parameters, rounded down: rows and columns of the ifmap that no
    whole filter window covers are not used. Only contradictions are refused here; the compiler checks whether
    a chip can hold the layer.

    Parameters
    ----------
    N : int
        Batch size, in ifmaps.
    M : int
        Number of filters, which is the number of ofmap channels; a multiple of ``G``.
    C : int
        Number of ifmap channels, of all groups together; a multiple of ``G``.
    H, W : int
        Height and width of an ifmap plane, in pixels, before padding.
    R, S : int
        Height and width of a filter plane, in weights.
    U : int
        Vertical stride, in pixels.
    V : int, optional
        Horizontal stride, in pixels; ``U`` when left out.
    P : int
        Zeros added on each of the four sides of an ifmap plane, in pixels.
    G : int
        Groups: one filter sees ``C / G`` channels.
    D : int
        Dilation: the distance between neighbouring weights, in pixels.

    Raises
    ------
    ValueError
        If a parameter is not an integer in its range, or the parameters contradict each other.
    """

    N: int
    M: int
    C: int
    H: int
    W: int
    R: int
    S: int
    U: int
    V: int = None  # type: ignore[assignment]  # by default V = U, set in __post_init__
    P: int = 0
    G: int = 1
    D: int = 1

    def __post_init__(self) -> None:
        if self.V is None:
            object.__setattr__(self, "V", self.U)
        for field in fields(self):
            _check_int(field.name, getattr(self, field.name), least=0 if field.name == "P" else 1)
        for name in "CM":
            if getattr(self, name) % self.G:
                raise ValueError(f"{name} must be a multiple of G={self.G}, not {getattr(self, name)!r}")
        for filter_name, map_name in ("RH", "SW"):
            size = getattr(self, filter_name)
            span, room = self.D * (size - 1) + 1, getattr(self, map_name) + 2 * self.P
            if span > room:
                raise ValueError(f"{filter_name} must be a filter that spans at most {map_name}+2P={room} "
                                 f"pixels (it spans {span} with D={self.D}), not {size!r}")

    @property
    def E(self) -> int:
        """Height of an ofmap plane, in pixels."""
        return (self.H + 2 * self.P - (self.D * (self.R - 1) + 1)) // self.U + 1

    @property
    def F(self) -> int:
        """Width of an ofmap plane, in pixels."""
        return (self.W + 2 * self.P - (self.D * (self.S - 1) + 1)) // self.V + 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole batch, those on padding included."""
        return self.N * self.M * self.E * self.F * (self.C // self.G) * self.R * self.S

    @property
    def ifmap_shape(self) -> tuple[int, int, int, int]:
        """``(N, C, H, W)``, without padding."""
        return self.N, self.C, self.H, self.W

    @property
    def weights_shape(self) -> tuple[int, int, int, int]:
        """``(M, C/G, R, S)``."""
        return self.M, self.C // self.G, self.R, self.S

    @property
    def bias_shape(self) -> tuple[int]:
        """``(M,)``."""
        return (self.M,)

    @property
    def ofmap_shape(self) -> tuple[int, int, int, int]:
        """``(N, M, E, F)``."""
        return self.N, self.M, self.E, self.F

    def with_batch(self, N: int) -> "LayerShape":
        """The same layer for a batch of ``N`` ifmaps."""
        return replace(self, N=N)

    @classmethod
    def parse(cls, text: str) -> "LayerShape":
        """Read a shape such as ``N=1,M=32,C=16,H=20,W=24,R=3,S=5,U=1,V=2,P=1,G=1``.

        Parameters
        ----------
        text : str
            ``KEY=VALUE`` items in any order, separated by commas. M, C, H, W and R are required; N and U
            are 1, S is R, and the others are the constructor's defaults when left out.

        Raises
        ------
        ValueError
            If a key is unknown, missing or given twice, if a value is no integer, or if the shape is refused
            by the constructor.
        """
        names = [field.name for field in fields(cls)]
        given: dict[str, int] = {}
        for item in text.split(","):
            key, equals, value = (part.strip() for part in item.partition("="))
            if not equals:
                raise ValueError(f"shape item must be KEY=VALUE, not {item.strip()!r}")
            if key not in names:
                raise ValueError(f"shape key must be one of {' '.join(names)}, not {key!r}")
            if key in given:
                raise ValueError(f"{key} must be given once, not again as {value!r}")
            try:
                given[key] = int(value)
            except ValueError:
                raise ValueError(f"{key} must be an integer, not {value!r}") from None
        for key in "MCHWR":
            if key not in given:
                raise ValueError(f"{key} must be given, not left out of {text!r}")
        return cls(**{"N": 1, "U": 1, "S": given["R"], **given})

    def __str__(self) -> str:
        """The text that `parse` reads back; parameters at their defaults are left out."""
        defaults = {"V": self.U, "P": 0, "G": 1, "D": 1}
        return ",".join(f"{name}={value}" for name, value in asdict(self).items()
                        if value != defaults.get(name))
