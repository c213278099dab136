"""Processing in memory: a crossbar in place of the PE array, weight stationary.

Weights are conductances of cells, several a weight; ifmap values come in slices of bits through DACs at the rows,
and ADCs read the sums at the columns. C R S rows of M filters fill a layer's part of the array; larger layers take
several arrays, whose sums are added digitally.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from compiler.paper.layers import CATALOGUE
from golden.layer import LayerShape

__all__ = ["NETWORKS", "SIZES", "Crossbar", "CrossbarCosts", "crossbar_costs", "load_crossbar"]

SIZES = (128, 256, 512, 1024, 2048, 4096)


@dataclass(frozen=True)
class Crossbar:
    """An array and its converters.

    The energies are those of a public Accelergy model (timeloop-accelergy-exercises, 05_pim): an eighth of its 8
    cells, 8 DACs, and 8 columns through an ADC and shift-and-add. They hold for one technology, and for no size
    in particular.

    Attributes
    ----------
    rows, columns : int
        Of cells.
    weight_bits, cell_bits : int
        A weight takes weight_bits / cell_bits columns.
    input_bits, dac_bits : int
        An ifmap value takes input_bits / dac_bits slices, one after another.
    dac_pj, adc_pj, cell_pj : float
        Of a conversion, and of a cell in a slice.
    slice_ns : float
        Time of a slice.
    """

    rows: int = 128
    columns: int = 128
    weight_bits: int = 16
    cell_bits: int = 2
    input_bits: int = 16
    dac_bits: int = 1
    dac_pj: float = 0.048
    adc_pj: float = 17.344
    cell_pj: float = 0.032
    slice_ns: float = 100.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, whole = getattr(self, field.name), field.type in (int, "int")
            least = 1 if whole else 0
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not value >= least:
                kind = "an integer" if whole else "a number"
                raise ValueError(f"{field.name} must be {kind} of at least {least}, not {value!r}")
        for bits, part in (("weight_bits", "cell_bits"), ("input_bits", "dac_bits")):
            if getattr(self, bits) % getattr(self, part):
                raise ValueError(f"{bits} must be a multiple of {part} = {getattr(self, part)}, "
                                 f"not {getattr(self, bits)}")

    @property
    def cells(self) -> int:
        """Of a weight."""
        return self.weight_bits // self.cell_bits

    @property
    def slices(self) -> int:
        """Of an ifmap value."""
        return self.input_bits // self.dac_bits


@dataclass(frozen=True)
class CrossbarCosts:
    """A layer on crossbars, all its weights resident.

    Attributes
    ----------
    arrays : int
    utilization : float
        Cells that hold a weight, of all cells of these arrays.
    dac, adc, cell : int
        Conversions of both kinds, and cells times slices.
    pj : dict of str to float
        By the same.
    milliseconds : float
    """

    arrays: int
    utilization: float
    dac: int
    adc: int
    cell: int
    pj: dict[str, float]
    milliseconds: float


def load_crossbar(path: str | Path) -> Crossbar:
    """From a TOML file of Crossbar's fields; one left out keeps its default.

    Raises
    ------
    ValueError
        Unreadable, an unknown field, or a bad value.
    """
    try:
        table = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise ValueError(f"crossbar {path} must be readable: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"crossbar {path} must be a TOML file: {error}") from None
    known = [field.name for field in fields(Crossbar)]
    for key in table:
        if key not in known:
            raise ValueError(f"crossbar {path}: unknown field {key!r}; known are {', '.join(known)}")
    return Crossbar(**table)


def crossbar_costs(shape: LayerShape, crossbar: Crossbar) -> CrossbarCosts:
    """Costs of a layer; groups share an array along its diagonal, as many as fit."""
    rows = shape.C // shape.G * shape.R * shape.S
    columns = shape.M // shape.G * crossbar.cells
    down, across = -(-rows // crossbar.rows), -(-columns // crossbar.columns)
    together = max(1, min(crossbar.rows // rows, crossbar.columns // columns))
    arrays = -(-shape.G // together) * down * across
    slices = shape.N * shape.E * shape.F * crossbar.slices
    dac = slices * shape.G * rows * across
    adc = slices * shape.G * columns * down
    cell = slices * shape.G * rows * columns
    pj = {"dac": dac * crossbar.dac_pj, "adc": adc * crossbar.adc_pj, "cell": cell * crossbar.cell_pj}
    used = shape.G * rows * columns / (arrays * crossbar.rows * crossbar.columns)
    return CrossbarCosts(arrays, used, dac, adc, cell, pj, slices * crossbar.slice_ns / 1e6)


def _conv(M: int, C: int, size: int, kernel: int, stride: int = 1, G: int = 1) -> LayerShape:
    return LayerShape(N=1, M=M, C=C, H=size, W=size, R=kernel, S=kernel, U=stride, P=kernel // 2, G=G)


def _resnet50() -> list[LayerShape]:
    """Bottlenecks 1 x 1, 3 x 3, 1 x 1 (He et al. 2016), the stride in the 3 x 3."""
    shapes, channels, size = [_conv(64, 3, 224, 7, 2)], 64, 56
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 and width > 64 else 1
            shapes += [_conv(width, channels, size, 1), _conv(width, width, size, 3, stride)]
            if block == 0:
                shapes.append(_conv(4 * width, channels, size, 1, stride))
            size //= stride
            shapes.append(_conv(4 * width, width, size, 1))
            channels = 4 * width
    return shapes


def _mobilenet() -> list[LayerShape]:
    """Depthwise 3 x 3 and pointwise (Howard et al. 2017)."""
    shapes, channels, size = [_conv(32, 3, 224, 3, 2)], 32, 112
    filters = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *5 * ((512, 1),), (1024, 2), (1024, 1))
    for M, stride in filters:
        shapes.append(_conv(channels, channels, size, 3, stride, G=channels))
        size //= stride
        shapes.append(_conv(M, channels, size, 1))
        channels = M
    return shapes


#: Convolutions of one ifmap, by network.
NETWORKS: dict[str, list[LayerShape]] = {
    "AlexNet": [shape for name, shape in CATALOGUE.items() if name.startswith("alexnet/")],
    "VGG-16": [shape for name, shape in CATALOGUE.items() if name.startswith("vgg16/")],
    "ResNet-50": _resnet50(), "MobileNet": _mobilenet(),
}
