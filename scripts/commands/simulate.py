"""`eyeriss simulate`."""

from pathlib import Path

from hw.config import ChipConfig
from scripts.terminal.console import bad_input, check_targets, passes_bar, require_simulator
from sim.chip.programs import simulate_programs
from sim.chip.recording import Recording
from sim.chip.simulate import Settings
from sim.tools.files import BUILD

from .one_layer import LayerInputs, compile_chosen, deliver
from .shared import NamedLayer, choose_energy, prepare_recording, show_recording

__all__ = ["simulate"]


def simulate(layer: NamedLayer, inputs: LayerInputs, *, chip: ChipConfig, mapping: str, ofmap: str, simulator: str,
             recording: Recording, energy_table: str | None = None, save: Path | None = None,
             json_target: str | None = None) -> int:
    """Run a layer and report; the exit status."""
    check_targets(json=json_target, folders={"save": save, "build": BUILD})
    with bad_input():
        energy, _ = choose_energy(energy_table, chip)
        require_simulator(simulator)
        prepare_recording(recording, chip, simulator)
        with passes_bar(layer.name) as progress:
            compiled = compile_chosen(layer.shape, inputs, chip, mapping=mapping, ofmap=ofmap)
            result, = simulate_programs([compiled.program], [compiled.expected], chip,
                                        Settings(simulator=simulator, record=recording), progress=progress)
    status = deliver(layer, inputs, result, energy, save=save, json_target=json_target)
    show_recording(recording, stderr=json_target == "-")
    return status
