"""One layer, in fixed point or of 8 bits as the chip computes it: its inputs, its program, the report of its run."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.energy.report import counted_power
from compiler.energy.table import DEFAULT, EnergyTable, load_table
from compiler.image.program import Program
from compiler.mapping.density import Density, density_of
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import CodeTooLong, Mapping, load_mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping
from golden.conv import conv_layer
from golden.int8 import Format, LayerFormats, check_int8, conv_int8, fitting_formats, random_int8
from golden.layer import LayerShape
from golden.tensors import Tensors, check_tensors, random_tensors
from host.result import LayerResult
from hw.config import ChipConfig
from scripts.terminal.console import BadInput, bad_input, check_fractions, console, counts_table, write_json
from sim.jobs.layers import Int8Task, LayerTask
from sim.tools.files import write_file

from .shared import NamedLayer, power_line

__all__ = ["CompiledLayer", "LayerInputs", "compile_chosen", "deliver", "load_inputs"]


@dataclass(frozen=True)
class LayerInputs:
    """What a layer computes with.

    Attributes
    ----------
    tensors : Tensors
    shift : int
        Of a layer of 16 bits.
    relu : bool
    formats : LayerFormats or None
        Of a layer of 8 bits.
    """

    tensors: Tensors
    shift: int = 0
    relu: bool = False
    formats: LayerFormats | None = None

    def golden(self, shape: LayerShape) -> NDArray[Any]:
        """The ofmap (N, M, E, F)."""
        if self.formats:
            return conv_int8(*self.tensors, shape, self.formats)
        return conv_layer(*self.tensors, shape, shift=self.shift, relu=self.relu)

    def task(self, shape: LayerShape, mapping: Mapping, ofmap_coded: bool) -> LayerTask | Int8Task:
        """All that the layer's program is made of."""
        if self.formats:
            return Int8Task(shape, mapping, *self.tensors, self.formats, ofmap_coded)
        return LayerTask(shape, mapping, self.tensors, self.shift, self.relu, ofmap_coded)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The tensors by name; of a layer of 8 bits also the float32 factors of its sums."""
        return self.tensors._asdict() | ({"factors": self.formats.factors} if self.formats else {})


def _load(path: Path, option: str) -> NDArray[Any]:
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{option} {path} must be a readable .npy file: {error}") from None


def load_inputs(shape: LayerShape, chip: ChipConfig, ifmap: Path | None, weights: Path | None, bias: Path | None, *,
                zeros: float, seed: int, shift: int, relu: bool, weight_zeros: float = 0.0) -> LayerInputs:
    """Tensors from .npy files where given, random elsewhere; a bias of 0 goes with given weights.

    On a chip of 8 bits they are uint8, int8 and int32, and the factors are those by which the ofmaps use their range.
    """
    int8 = chip.data_width == 8
    check_fractions({"--zeros": zeros, "--weight-zeros": weight_zeros})
    if int8 and shift:
        raise BadInput(f"--shift must be 0 on {chip.name}, not {shift!r}: sums of 8-bit layers have a factor each")
    if not 0 <= shift <= 16:
        raise BadInput(f"--shift must be 0 to 16, not {shift!r}")
    if seed < 0:
        raise BadInput(f"--seed must be 0 or more, not {seed!r}")
    with bad_input():
        tensors = (random_int8(shape, seed=seed, zeros=zeros, weight_zeros=weight_zeros) if int8
                   else random_tensors(shape, seed=seed, zeros=zeros, shift=shift, weight_zeros=weight_zeros))
        if weights is not None:
            tensors = tensors._replace(bias=np.zeros_like(tensors.bias))
        for name, path in (("ifmap", ifmap), ("weights", weights), ("bias", bias)):
            if path is not None:
                tensors = tensors._replace(**{name: _load(path, f"--{name}")})
        if not int8:
            check_tensors(*tensors, shape)
            return LayerInputs(tensors, shift, relu)
        check_int8(*tensors, shape, Format(np.float32(1)))
        return LayerInputs(tensors, 0, relu, fitting_formats(tensors, shape, relu=relu))


@dataclass(frozen=True)
class CompiledLayer:
    """A program, the golden ofmap (N, M, E, F) that it should leave, and the zeros of fmaps and weights."""

    program: Program
    expected: NDArray[Any]
    density: Density


def compile_chosen(shape: LayerShape, inputs: LayerInputs, chip: ChipConfig, *, mapping: str,
                   ofmap: str) -> CompiledLayer:
    """Compile a layer with the mapping of a file, or for "auto" with that of least latency.

    With coded ifmaps in the GLB, unless these are too long for it.

    Raises
    ------
    ValueError, TypeError
    """
    expected = inputs.golden(shape)
    tensors = inputs.tensors
    density = Density(density_of(tensors.ifmap), density_of(expected), ofmap, density_of(tensors.weights))
    native = lower(shape, chip)

    def compiled(chosen: Mapping) -> CompiledLayer:
        task = inputs.task(shape, chosen, density.ofmap_coded(chip))
        return CompiledLayer(task.program(chip), expected, density)

    if mapping != "auto":
        given = load_mapping(mapping)
        Placement(native, given, chip)  # refuses what does not fit
        return compiled(given)
    try:
        return compiled(find_mapping(native, chip, density=density, coded=True))
    except CodeTooLong:
        return compiled(find_mapping(native, chip, density=density))


def deliver(layer: NamedLayer, inputs: LayerInputs, result: LayerResult, energy: EnergyTable | None = None, *,
            save: Path | None, json_target: str | None) -> int:
    """Save and print a result, its energy by the default table unless one is given; the exit status."""
    if save is not None:
        _save(save, inputs, result.ofmap)
    table = {"layer": layer.name} | result.as_dict()
    # of this layer alone, an ifmap a frame
    table["frames_per_second"] = table["milliseconds"] and 1e3 * layer.shape.N / table["milliseconds"]
    # an unfinished layer has counted some of its actions only
    table["power"] = counted_power(energy or load_table(DEFAULT), result.program.jobs[0].placement, result.counters,
                                   layer.shape.N if result.match else None)
    write_json(json_target, table)
    _report(layer, result, table["power"], stderr=json_target == "-")
    return 0 if result.match else 1


def _save(directory: Path, inputs: LayerInputs, ofmap: NDArray[Any]) -> None:
    for name, array in {**inputs.arrays(), "ofmap": ofmap}.items():
        buffer = io.BytesIO()
        np.save(buffer, array)
        write_file(Path(directory) / f"{name}.npy", buffer.getvalue())


def _time(table: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    if table["configuration_cycles"] is None:
        return ()
    return (("cycles of configuration", f"{table['configuration_cycles']:,}"),
            ("ms, configuration included", f"{table['milliseconds']:,.3f}"))


def _report(layer: NamedLayer, result: LayerResult, power: dict[str, Any], *, stderr: bool = False) -> None:
    """Print figures and verdict."""
    table = result.as_dict()
    rows = [
        ("cycles, total", f"{table['cycles']['total']:,}"),
        ("cycles, processing", f"{table['cycles']['processing']:,}"),
        *_time(table),
        ("MACs (gated)", f"{table['macs']:,} ({table['gated_macs']:,})"),
        ("active PEs", str(table["active_pes"])),
        ("utilization", f"{table['utilization']:.1%}"),
        *((f"GLB bytes, {name}", f"{count:,}") for name, count in table["glb_bytes"].items()),
        *((f"DRAM bytes, {name}", f"{count:,}") for name, count in table["dram_bytes"].items()),
        ("simulated cycles/s", f"{result.cycles_per_second:,.0f}"),
    ]
    mapping = " ".join(f"{name}={value}" for name, value in table["mapping"].items())
    out = console(stderr)
    out.print(counts_table(f"{layer.name} on {table['chip']}: {mapping}", ("", result.simulator), rows))
    out.print(power_line(power))
    out.print(result.verdict(layer.name), style="green" if result.match else "bold red")
