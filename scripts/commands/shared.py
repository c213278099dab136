"""What several commands do: choose a layer and a chip, search and run with progress bars, say energy, record."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from compiler.energy.table import DEFAULT, EnergyTable, load_table
from compiler.mapping.energy import Prices
from compiler.paper.layers import lookup
from compiler.paper.networks import BenchmarkLayer
from golden.layer import LayerShape
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
)
from sim.chip.recording import Recording, check_scopes
from sim.chip.timeline import KINDS, TENSORS, read_trace, waits
from sim.chip.verilog import chip_verilog
from sim.jobs.benchmark import Table, Task, run_tasks
from sim.jobs.workers import ClusterError
from sim.tools.find import SimulatorError, require

__all__ = ["NamedLayer", "choose_chip", "choose_energy", "choose_layer", "choose_recording", "fixed_point_chip",
           "power_line", "prepare_recording", "run_with_bar", "search_with_bar", "show_recording"]

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


def choose_chip(source: str) -> ChipConfig:
    """The chip of --chip."""
    with bad_input():
        return load_chip(source)


def fixed_point_chip(source: str) -> ChipConfig:
    """The chip of --chip where a command computes layers of 16 bits.

    Raises
    ------
    ValueError
        As `load_chip`, or a chip of 8-bit values.
    """
    chip = load_chip(source)
    if chip.data_width != 16:
        raise BadInput(f"--chip must have data_width 16, not {chip.data_width} as {chip.name}: 8-bit layers go to "
                       "eyeriss simulate, 8-bit networks to eyeriss run")
    return chip


def choose_energy(source: str | None, chip: ChipConfig) -> tuple[EnergyTable, Prices]:
    """The table of --energy-table for reports, and what a search goes by: the table if one is given, else ratios."""
    table = load_table(source or DEFAULT)
    return table, table.prices(chip) if source else Prices()


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
