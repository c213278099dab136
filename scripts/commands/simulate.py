"""`eyeriss simulate`."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.mapping.density import Density, density_of
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import CodeTooLong, load_mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping
from compiler.paper.layers import lookup
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import Tensors, check_tensors, random_tensors
from hw.config import load_chip
from scripts.terminal.console import (
    BadInput,
    bad_input,
    check_targets,
    console,
    counts_table,
    passes_bar,
    require_simulator,
    write_json,
)
from sim.chip.layer import simulate_layer
from sim.tools.files import BUILD, write_file

__all__ = ["NamedLayer", "choose_layer", "deliver", "load_tensors", "report", "simulate",
           "with_mapping"]


@dataclass(frozen=True)
class NamedLayer:
    """A layer and what it is called."""

    name: str
    shape: LayerShape


def choose_layer(name, shape, batch) -> NamedLayer:
    """The layer of --layer or --shape, with --batch ifmaps."""
    if (name is None) == (shape is None):
        raise BadInput("one of --layer and --shape must be given, and only one")
    with bad_input():
        chosen = NamedLayer(name, lookup(name)) if name else NamedLayer("custom", LayerShape.parse(shape))
        if batch is not None:
            chosen = NamedLayer(chosen.name, chosen.shape.with_batch(batch))
    return chosen


def _load(path, option):
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{option} {path} must be a readable .npy file: {error}") from None


def load_tensors(shape, ifmap, weights, bias, *, zeros, seed, shift, chip) -> Tensors:
    """Tensors from .npy files where given, random elsewhere; a bias of 0 goes with given weights."""
    if not 0 <= zeros <= 1:
        raise BadInput(f"--zeros must be between 0 and 1, not {zeros!r}")
    if not 0 <= shift <= 16:
        raise BadInput(f"--shift must be 0 to 16, not {shift!r}")
    if seed < 0:
        raise BadInput(f"--seed must be 0 or more, not {seed!r}")
    with bad_input():
        tensors = random_tensors(shape, seed=seed, zeros=zeros, shift=shift, data_width=load_chip(chip).data_width)
        if weights is not None:
            tensors = tensors._replace(bias=np.zeros(shape.M, np.int16))
        for name, path in (("ifmap", ifmap), ("weights", weights), ("bias", bias)):
            if path is not None:
                tensors = tensors._replace(**{name: _load(path, f"--{name}")})
        check_tensors(*tensors, shape)
    return tensors


def simulate(layer, tensors, *, chip, mapping, shift, relu, ofmap, simulator, save=None, json_target=None) -> int:
    """Run a layer and report; the exit status."""
    check_targets(json=json_target, folders={"save": save, "build": BUILD})
    with bad_input():
        chip = load_chip(chip)
        require_simulator(simulator)
        expected = conv_layer(*tensors, layer.shape, shift=shift, relu=relu)
        density = Density(density_of(tensors.ifmap), density_of(expected), ofmap)
        with passes_bar(layer.name) as progress:
            def run(chosen):
                return simulate_layer(layer.shape, chosen, chip, tensors, shift=shift, relu=relu, ofmap=ofmap,
                                      expected=expected, simulator=simulator, progress=progress)
            result = with_mapping(run, mapping, layer.shape, chip, density)
    return deliver(layer, tensors, result, save=save, json_target=json_target)


def with_mapping(run, mapping, shape, chip, density):
    """Run with the mapping of a file, or for "auto" with that of least latency.

    With coded ifmaps in the GLB, unless these are too long for it.
    """
    native = lower(shape, chip)[0]
    if mapping != "auto":
        given = load_mapping(mapping)
        Placement(native, given, chip)  # refuses what does not fit
        return run(given)
    try:
        return run(find_mapping(native, chip, density=density, coded=True))
    except CodeTooLong:
        return run(find_mapping(native, chip, density=density))


def deliver(layer, tensors, result, *, save, json_target) -> int:
    """Save and print a result; the exit status."""
    if save is not None:
        _save(save, tensors, result.ofmap)
    table = {"layer": layer.name} | result.as_dict()
    # of this layer alone, an ifmap a frame
    table["frames_per_second"] = table["milliseconds"] and 1e3 * layer.shape.N / table["milliseconds"]
    write_json(json_target, table)
    report(layer, result, stderr=json_target == "-")
    return 0 if result.match else 1


def _save(directory, tensors, ofmap):
    for name, array in {**tensors._asdict(), "ofmap": ofmap}.items():
        buffer = io.BytesIO()
        np.save(buffer, array)
        write_file(Path(directory) / f"{name}.npy", buffer.getvalue())


def verdict(name, result) -> str:
    """One line: equal, or the first difference, or in which layer and job the chip stopped and why."""
    where = f"{name}, job {result.job} of {len(result.program.jobs)}" if len(result.program.jobs) > 1 else name
    if result.status == "hang":
        return f"HANG in {where}: no PE does a MAC any more, or the layer takes many times the cycles that it should"
    if result.status == "fault":
        return f"FAULT in {where}: {'; '.join(result.faults)}"
    if result.status == "malformed":
        return f"MALFORMED: what the chip left in DRAM is no run-length coded ofmap of {name}"
    if result.difference:
        first = result.difference
        return (f"MISMATCH in {name}: {first.count} of {result.ofmap.size} outputs differ, the first at "
                f"{tuple(map(int, first.index))}: expected {first.expected}, found {first.found}")
    return f"match: all {result.ofmap.size} outputs equal the golden model's"


def _time(table):
    if table["configuration_cycles"] is None:
        return ()
    return (("cycles of configuration", f"{table['configuration_cycles']:,}"),
            ("ms, configuration included", f"{table['milliseconds']:,.3f}"))


def report(layer, result, *, stderr=False):
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
    out.print(verdict(layer.name, result), style="green" if result.match else "bold red")
