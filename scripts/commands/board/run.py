"""`eyeriss fpga run`: a layer on a board."""

from pathlib import Path

from host.jobs import complete
from host.program import run_program
from host.serial_line import PATIENCE, SerialDriver, WrongBoard
from hw.config import ChipConfig
from scripts.commands.one_layer import LayerInputs, compile_chosen, deliver
from scripts.commands.shared import NamedLayer
from scripts.terminal.console import BadInput, bad_input, check_targets, steps_bar

__all__ = ["run"]


def run(layer: NamedLayer, inputs: LayerInputs, *, port: str, baud: int, chip: ChipConfig, mapping: str, ofmap: str,
        save: Path | None = None, json_target: str | None = None) -> int:
    """Run a layer on a board and report as for a simulation; the exit status."""
    check_targets(json=json_target, folders={"save": save})
    with bad_input():
        compiled = compile_chosen(layer.shape, inputs, chip, mapping=mapping, ofmap=ofmap)
    with _opened(port, baud) as board:
        board.synchronise()
        try:
            memory_words = board.check(chip)
        except WrongBoard as error:
            raise BadInput(f"--chip must be what the board holds: {error}") from None
        needed = len(compiled.program.dram)
        if needed > memory_words:
            raise BadInput(f"{layer.name} needs {needed} words of memory, the board has {memory_words}")
        with steps_bar() as progress:
            result = complete(run_program(board, compiled.program, compiled.expected, patience=PATIENCE,
                                          simulator="board", progress=progress))
    return deliver(layer, inputs, result, save=save, json_target=json_target)


def _opened(port: str, baud: int) -> SerialDriver:
    try:
        return SerialDriver(port, baud=baud)
    except (OSError, ValueError) as error:
        raise BadInput(f"--port must be a serial device that can be opened: {error}") from None
