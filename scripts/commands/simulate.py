"""`eyeriss simulate`."""

from pathlib import Path

from golden.tensors import Tensors
from scripts.terminal.console import bad_input, check_targets, passes_bar, require_simulator
from sim.chip.programs import simulate_programs
from sim.chip.recording import Recording
from sim.chip.simulate import Settings
from sim.tools.files import BUILD

from .shared import (
    NamedLayer,
    choose_energy,
    compile_chosen,
    deliver,
    fixed_point_chip,
    prepare_recording,
    show_recording,
)

__all__ = ["simulate"]


def simulate(layer: NamedLayer, tensors: Tensors, *, chip: str, mapping: str, shift: int, relu: bool, ofmap: str,
             simulator: str, recording: Recording, energy_table: str | None = None, save: Path | None = None,
             json_target: str | None = None) -> int:
    """Run a layer and report; the exit status."""
    check_targets(json=json_target, folders={"save": save, "build": BUILD})
    with bad_input():
        config = fixed_point_chip(chip)
        energy, _ = choose_energy(energy_table, config)
        require_simulator(simulator)
        prepare_recording(recording, config, simulator)
        with passes_bar(layer.name) as progress:
            compiled = compile_chosen(layer.shape, tensors, config, mapping=mapping, shift=shift, relu=relu,
                                      ofmap=ofmap)
            result, = simulate_programs([compiled.program], [compiled.expected], config,
                                        Settings(simulator=simulator, record=recording), progress=progress)
    status = deliver(layer, tensors, result, energy, save=save, json_target=json_target)
    show_recording(recording, stderr=json_target == "-")
    return status
