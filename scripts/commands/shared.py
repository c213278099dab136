"""What several commands do: choose a layer, compile it, search and run with progress bars, report a layer, record."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from compiler.energy.report import counted_power
from compiler.energy.table import DEFAULT, EnergyTable, load_table
from compiler.image.program import Program, compile_layer
from compiler.mapping.density import Density, density_of
from compiler.mapping.energy import Prices
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import CodeTooLong, Mapping, load_mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping
from compiler.paper.layers import lookup
from compiler.paper.networks import BenchmarkLayer
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import Tensors, check_tensors, random_tensors
from host.result import LayerResult
from hw.config import ChipConfig, load_chip
from scripts.pages.timeline_picture import draw_timeline
from scripts.terminal.console import (
    BadInput,
    bad_input,
    bars,
    check_targets,
    console,
    counts_table,
    place,
    write_json,
)
from sim.chip.recording import Recording, check_scopes
from sim.chip.timeline import KINDS, TENSORS, read_trace, waits
from sim.chip.verilog import chip_verilog
from sim.jobs.benchmark import Table, Task, run_tasks
from sim.jobs.workers import ClusterError
from sim.tools.files import write_file
from sim.tools.find import SimulatorError, require

__all__ = ["CompiledLayer", "NamedLayer", "choose_energy", "choose_layer", "choose_recording", "compile_chosen",
           "deliver", "fixed_point_chip", "load_tensors", "power_line", "prepare_recording", "run_with_bar",
           "search_with_bar", "show_recording"]

T = TypeVar("T")


@dataclass(frozen=True)
class NamedLayer:
    """A layer and what it is called."""

    name: str
    shape: LayerShape


def choose_layer(name: str | None, shape: str | None, batch: int | None) -> NamedLayer:
    """The layer of --layer or --shape, with --batch ifmaps."""
    if (name is None) == (shape is None):
        raise BadInput("one of --layer and --shape must be given, and only one")
    with bad_input():
        chosen = NamedLayer(name, lookup(name)) if name else NamedLayer("custom", LayerShape.parse(shape or ""))
        if batch is not None:
            chosen = NamedLayer(chosen.name, chosen.shape.with_batch(batch))
    return chosen


def fixed_point_chip(source: str) -> ChipConfig:
    """The chip of --chip where a command computes layers of 16 bits.

    Raises
    ------
    ValueError
        As `load_chip`, or a chip of 8-bit values.
    """
    chip = load_chip(source)
    if chip.data_width != 16:
        raise BadInput(f"--chip must have data_width 16, not {chip.data_width} as {chip.name}: 8-bit networks go to "
                       "eyeriss run")
    return chip


def choose_energy(source: str | None, chip: ChipConfig) -> tuple[EnergyTable, Prices]:
    """The table of --energy-table for reports, and what a search goes by: the table if one is given, else ratios."""
    table = load_table(source or DEFAULT)
    return table, table.prices(chip.core_mhz) if source else Prices()


def power_line(power: dict[str, Any]) -> str:
    """The object `power` of a JSON in two lines: figures, and shares of the parts and data."""
    known = [f"{power[key]:,.{digits}f} {unit}" for key, digits, unit in (
        ("milliwatts", 1, "mW"), ("pj_per_mac", 2, "pJ a MAC"), ("frames_per_joule", 1, "frames a joule"),
        ("gmacs_per_watt", 1, "GMACS/W")) if power[key] is not None]
    total = power["millijoules"] or 1.0

    def shares(kinds: dict[str, float]) -> str:
        return ", ".join(f"{kind} {mj / total:.0%}" for kind, mj in kinds.items() if mj and kind != "none")

    return (f"{power['table']} at {power['volts']:g} V: {power['millijoules']:.3g} mJ, {', '.join(known)}; DRAM "
            f"{power['dram_millijoules']:.3g} mJ besides\n"
            f"parts: {shares(power['parts_mj'])}; moving data: {shares(power['data_mj'])}")


def _load(path: Path, option: str) -> NDArray[Any]:
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{option} {path} must be a readable .npy file: {error}") from None


def load_tensors(shape: LayerShape, ifmap: Path | None, weights: Path | None, bias: Path | None, *, zeros: float,
                 seed: int, shift: int) -> Tensors:
    """Tensors from .npy files where given, random elsewhere; a bias of 0 goes with given weights."""
    if not 0 <= zeros <= 1:
        raise BadInput(f"--zeros must be between 0 and 1, not {zeros!r}")
    if not 0 <= shift <= 16:
        raise BadInput(f"--shift must be 0 to 16, not {shift!r}")
    if seed < 0:
        raise BadInput(f"--seed must be 0 or more, not {seed!r}")
    with bad_input():
        tensors = random_tensors(shape, seed=seed, zeros=zeros, shift=shift)
        if weights is not None:
            tensors = tensors._replace(bias=np.zeros(shape.M, np.int16))
        for name, path in (("ifmap", ifmap), ("weights", weights), ("bias", bias)):
            if path is not None:
                tensors = tensors._replace(**{name: _load(path, f"--{name}")})
        check_tensors(*tensors, shape)
    return tensors


@dataclass(frozen=True)
class CompiledLayer:
    """A program, and the golden ofmap that it should leave: int16 (N, M, E, F)."""

    program: Program
    expected: NDArray[np.int16]


def compile_chosen(shape: LayerShape, tensors: Tensors, chip: ChipConfig, *, mapping: str, shift: int, relu: bool,
                   ofmap: str) -> CompiledLayer:
    """Compile a layer with the mapping of a file, or for "auto" with that of least latency.

    With coded ifmaps in the GLB, unless these are too long for it.

    Raises
    ------
    ValueError, TypeError
    """
    expected = conv_layer(*tensors, shape, shift=shift, relu=relu)
    density = Density(density_of(tensors.ifmap), density_of(expected), ofmap)
    native = lower(shape, chip)

    def compiled(chosen: Mapping) -> CompiledLayer:
        return CompiledLayer(compile_layer(shape, chosen, chip, *tensors, shift=shift, relu=relu,
                                           ofmap_coded=density.ofmap_coded(chip)), expected)

    if mapping != "auto":
        given = load_mapping(mapping)
        Placement(native, given, chip)  # refuses what does not fit
        return compiled(given)
    try:
        return compiled(find_mapping(native, chip, density=density, coded=True))
    except CodeTooLong:
        return compiled(find_mapping(native, chip, density=density))


def deliver(layer: NamedLayer, tensors: Tensors, result: LayerResult, energy: EnergyTable | None = None, *,
            save: Path | None, json_target: str | None) -> int:
    """Save and print a result, its energy by the default table unless one is given; the exit status."""
    if save is not None:
        _save(save, tensors, result.ofmap)
    table = {"layer": layer.name} | result.as_dict()
    # of this layer alone, an ifmap a frame
    table["frames_per_second"] = table["milliseconds"] and 1e3 * layer.shape.N / table["milliseconds"]
    # an unfinished layer has counted some of its actions only
    table["power"] = counted_power(energy or load_table(DEFAULT), result.program.jobs[0].placement, result.counters,
                                   layer.shape.N if result.match else None)
    write_json(json_target, table)
    _report(layer, result, table["power"], stderr=json_target == "-")
    return 0 if result.match else 1


def _save(directory: Path, tensors: Tensors, ofmap: NDArray[np.int16]) -> None:
    for name, array in {**tensors._asdict(), "ofmap": ofmap}.items():
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


def search_with_bar(layers: Sequence[BenchmarkLayer], find: Callable[[BenchmarkLayer], T]) -> list[T]:
    """What `find` finds of each layer, with a progress bar."""
    with bars() as progress:
        return list(progress.track(map(find, layers), len(layers), description="mappings"))


def run_with_bar(tasks: Sequence[Task], workers: int | str, fresh: bool) -> dict[Task, Table]:
    """`run_tasks` with a progress bar and a line for each task that ends."""
    with bars(transient=False) as progress:
        bar = progress.add_task("tasks", total=len(tasks))

        def report(task: Task, result: Table, kept: bool) -> None:
            progress.advance(bar)
            state = "kept" if kept else f"{result['wall_seconds']:.0f} s"
            why = "; ".join(result["faults"]) or result["difference"]
            verdict = "match" if result["match"] else f"{result['status']}, {why}"
            progress.console.print(f"{task.layer.name}: {verdict} ({state})")

        try:
            return run_tasks(tasks, workers=workers, fresh=fresh, report=report)
        except ClusterError as error:
            raise BadInput(str(error)) from None


def choose_recording(waves: Path | None, first: int, last: int | None, depth: int, scopes: list[str] | None,
                     trace: Path | None) -> Recording:
    """The recording of the options --waves, --waves-from, --waves-to, --waves-depth, --waves-scope, --trace."""
    if waves is None and (first, last, depth, scopes or None) != (0, None, 0, None):
        raise BadInput("--waves-from, --waves-to, --waves-depth and --waves-scope need --waves FILE.fst")
    if waves is not None and waves.suffix != ".fst":
        raise BadInput(f"--waves must end in .fst, not {waves}")
    if trace is not None and trace.suffix != ".json":
        raise BadInput(f"--trace must end in .json, not {trace}")
    if first < 0 or last is not None and last <= first:
        raise BadInput(f"--waves-from must be 0 or more and less than --waves-to, not {first} and {last}")
    if depth < 0:
        raise BadInput(f"--waves-depth must be 0 or more, not {depth}")
    return Recording(waves, first, last, tuple(scopes or ()), depth, trace)


def prepare_recording(recording: Recording, chip: ChipConfig, simulator: str) -> None:
    """Refuse before any work what cannot be recorded."""
    check_targets(waves=recording.waves, trace=recording.trace)
    if recording.waves is None:
        return
    try:
        require(simulator, fst=True)
    except SimulatorError as error:
        raise BadInput(str(error)) from None
    with bad_input():
        check_scopes(recording, chip_verilog(chip))


def show_recording(recording: Recording, *, stderr: bool) -> None:
    """Draw the timeline, print who waited for whom, and what was written."""
    out = console(stderr)
    if recording.trace is not None:
        timeline = read_trace(json.loads(recording.trace.read_text()))
        picture = recording.trace.with_suffix(".png")
        draw_timeline(timeline, picture)
        headings = ("the array", "in all", *(f"link: {tensor}" for tensor in TENSORS), "link: idle")
        rows = [(kind, f"{count:,}", *(f"{held:,.0f}" for held in waits(timeline)[kind].values()))
                for kind, count in timeline.cycles().items() if kind in KINDS[:5]]
        out.print(counts_table("who waited for whom, core cycles", headings, rows))
        out.print(f"trace: {place(recording.trace)} (open it in ui.perfetto.dev), {place(picture)}", soft_wrap=True)
    if recording.waves is not None:
        out.print(f"waves: {place(recording.waves)}, {place(recording.waves.with_suffix('.gtkw'))}", soft_wrap=True)
