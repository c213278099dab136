"""A board in simulation: its serial line is a pseudo-terminal, which any host program can open."""

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from hw.config import ChipConfig
from hw.shell.serial.board import Board
from hw.verilog.generate import write
from sim.tools import runner

__all__ = ["simulated_board"]

#: The environment variable that tells `board_bridge` what to do.
DESCRIPTION = "EYERISS_BOARD"

#: Until the pseudo-terminal is there, once the simulation is built.
START_SECONDS = 60


@contextlib.contextmanager
def simulated_board(chip: ChipConfig, directory: Path | str, *, memory_words: int = 4096, clocks_per_bit: int = 4,
                    simulator: str = "verilator", sources: list[Path] | None = None,
                    build_root: Path = runner.BUILD_ROOT, timeout_seconds: float = 600) -> Iterator[str]:
    """Simulate a board while the context is open.

    Parameters
    ----------
    chip : ChipConfig
    directory : Path
        For the Verilog and the simulation's own files.
    sources : list of Path, optional
        Instead of the board's own Verilog.

    Yields
    ------
    str
        The pseudo-terminal that stands for the board's serial port.

    Raises
    ------
    SimulatorError
        The simulation could not be built, did not start, or failed.
    """
    directory = Path(directory).resolve()
    board = Board(chip, memory_words=memory_words, clocks_per_bit=clocks_per_bit)
    build = runner.build(sources or write(board, directory / "verilog"), board.module_name, simulator=simulator,
                         build_root=build_root)
    port, stop = directory / "port", directory / "stop"
    description = {"clocks_per_bit": clocks_per_bit, "port": str(port), "stop": str(stop)}
    failures = []

    def run() -> None:
        try:
            runner.run(
                build, test_module="sim.chip.board_bridge", seed=1, timeout_seconds=timeout_seconds,
                log=directory / f"board-{uuid.uuid4().hex[:8]}.log", env={DESCRIPTION: json.dumps(description)})
        except runner.SimulatorError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not port.exists() and thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        if port.exists():
            yield port.read_text()
        elif not failures:
            failures.append(runner.SimulationFailed(f"no pseudo-terminal within {START_SECONDS} s"))
    finally:
        stop.touch()
        thread.join()
    if failures:
        raise failures[0]
