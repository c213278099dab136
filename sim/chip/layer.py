"""One layer on the simulated chip, from its tensors to the comparison with the golden model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compiler.image.program import Program, Shard, compile_layer
from compiler.mapping.density import Density, density_of
from compiler.mapping.mapping import Mapping
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import Tensors
from host.result import LayerResult
from hw.config import ChipConfig

from .programs import simulate_programs
from .simulate import Settings

__all__ = ["simulate_layer"]


def simulate_layer(
    shape: LayerShape, mapping: Mapping, chip: ChipConfig, tensors: Tensors, settings: Settings | None = None, *,
    shift: int = 0, relu: bool = False, compress: bool | None = None, ofmap: str = "auto",
    shards: list[Shard] | None = None, expected: NDArray[np.int16] | None = None,
    corrupt: Callable[[Program], Program] | None = None, verilog: list[Path] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LayerResult:
    """Run a layer through the chip's RTL and compare every output with golden.

    Parameters
    ----------
    compress, shards : as in `compile_layer`.
    ofmap : str
        How ofmaps lie in DRAM where `compress` does not say it, as `Density.form`; "auto" goes by the golden one.
    expected : ndarray of int16 (N, M, E, F), optional
        The golden ofmap, where it is known.
    corrupt : callable, optional
        Gets the Program, returns another: for tests that break the configuration.
    settings, verilog, progress : as in `simulate_programs`.

    Raises
    ------
    MappingError, ValueError, TypeError
        Bad input.
    SimulatorError
    """
    if expected is None:
        expected = conv_layer(*tensors, shape, shift=shift, relu=relu)
    coded = Density(ofmap=density_of(expected), form=ofmap).ofmap_coded(chip) if compress is None else compress
    program = compile_layer(shape, mapping, chip, *tensors, shift=shift, relu=relu, compress=compress,
                            ofmap_coded=coded, shards=shards)
    return simulate_programs([corrupt(program) if corrupt else program], [expected], chip, settings,
                             verilog=verilog, progress=progress)[0]
