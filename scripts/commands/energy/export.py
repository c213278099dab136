"""`eyeriss export`: a layer as files for Accelergy and Timeloop."""

import json

from compiler.energy.accelergy import accelergy_energy, accelergy_files
from compiler.energy.actions import Layout, count_actions, planned_counters
from compiler.energy.timeloop import timeloop_files
from compiler.mapping.density import Density
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import load_mapping
from compiler.mapping.placement import Placement
from compiler.mapping.search import find_mapping, timed_costs
from golden.tensors import random_tensors
from hw.config import VERSION, load_chip
from scripts.commands.one_layer import LayerInputs, compile_chosen
from scripts.commands.shared import choose_energy, fixed_point_chip
from scripts.terminal.console import BadInput, bad_input, check_targets, console, passes_bar, place, require_simulator
from sim.chip.programs import simulate_programs
from sim.tools.files import BUILD, write_file

__all__ = ["export_accelergy", "export_timeloop"]


def export_accelergy(layer, *, chip, mapping, zeros, seed, energy_table, planned, simulator, output) -> int:
    """Count by RTL, or by the model where `planned`; write the files and `energy.json`; the exit status."""
    check_targets(folders={"output": output, "build": BUILD})
    _check_zeros(zeros)
    with bad_input():
        chip = fixed_point_chip(chip)
        table, _ = choose_energy(energy_table, chip)
        if planned:
            actions = _planned(layer, chip, mapping, zeros)
        else:
            require_simulator(simulator)
            result = _run(layer, chip, mapping, zeros, seed)
            if not result.match:
                console().print(result.verdict(layer.name), style="bold red")
                return 1
            actions = count_actions(Layout.of(result.program.jobs[0].placement), result.counters)
    energy = {"version": VERSION, "layer": layer.name, "shape": str(layer.shape), "chip": chip.name,
              "table": table.name, "counts": "model" if planned else "rtl",
              **accelergy_energy(table, actions, chip.core_mhz)}
    _write(output, accelergy_files(chip, table, actions) | {"energy.json": json.dumps(energy, indent=1) + "\n"})
    console().print(f"{energy['total_pj'] / 1e9:.4g} mJ in all, {energy['dram_pj'] / 1e9:.4g} of it DRAM")
    return 0


def export_timeloop(layer, *, chip, mapping, zeros, output):
    """Write the files of one of the layer's groups, which are alike."""
    check_targets(folders={"output": output})
    _check_zeros(zeros)
    with bad_input():
        chip = load_chip(chip)
        placement, _ = _place(layer, chip, mapping, zeros)
    _write(output, timeloop_files(placement))


def _check_zeros(zeros):
    if not 0 <= zeros <= 1:
        raise BadInput(f"--zeros must be between 0 and 1, not {zeros!r}")


def _place(layer, chip, mapping, zeros):
    native, density = lower(layer.shape, chip), Density(1 - zeros)
    chosen = find_mapping(native, chip, density=density, coded=True) if mapping == "auto" else load_mapping(mapping)
    return Placement(native, chosen, chip), density


def _planned(layer, chip, mapping, zeros):
    placement, density = _place(layer, chip, mapping, zeros)
    costs = timed_costs(placement.layer, chip, placement.mapping, density)
    counters = planned_counters(placement, costs, density)
    return count_actions(Layout.of(placement), counters)


def _run(layer, chip, mapping, zeros, seed):
    with passes_bar(layer.name) as progress:
        inputs = LayerInputs(random_tensors(layer.shape, seed=seed, zeros=zeros))
        compiled = compile_chosen(layer.shape, inputs, chip, mapping=mapping, ofmap="auto")
        result, = simulate_programs([compiled.program], [compiled.expected], chip, progress=progress)
    return result


def _write(folder, files):
    for name, text in files.items():
        write_file(folder / name, text)
    console().print(f"{', '.join(files)} in {place(folder)}")
