"""`eyeriss fpga build`: a bitstream, what it uses and how fast it is."""

import json
from dataclasses import asdict
from pathlib import Path

from flow.fpga import BOARDS, build, check_clock, fpga_chip
from hw.config import load_chip
from hw.shell.serial.board import BoardMemory
from scripts.terminal.console import bad_input, check_targets, console, counts_table, working, write_json
from sim.tools.files import write_file

__all__ = ["build_board"]

#: What nextpnr calls the kinds of cells, and what people do.
KINDS = {"TRELLIS_COMB": "LUT4", "TRELLIS_FF": "flip-flops", "MULT18X18D": "DSPs", "DP16KD": "block RAMs"}


def build_board(board, chip_source, *, rows, columns, mhz, memory_words, baud, output, json_target):
    """Build, print a table, keep a JSON."""
    with bad_input():
        if board not in BOARDS:
            raise ValueError(f"board must be one of {', '.join(BOARDS)}, not {board!r}")
        if baud < 1 or mhz * 1_000_000 < 4 * baud:
            raise ValueError(f"baud must be 1 to a quarter of the clock, {mhz * 250_000}, not {baud!r}")
        check_clock(mhz)
        chip = load_chip(chip_source)
        chip = fpga_chip(chip, chip.rows if rows is None else rows, chip.columns if columns is None else columns)
        BoardMemory(memory_words)
    directory = Path(output) / f"{board}-{chip.name}"
    check_targets(json=json_target, folders={"output": directory})
    directory.mkdir(parents=True, exist_ok=True)
    with working("synthesis, placement and routing"):
        made = build(board, chip, directory, mhz=mhz, memory_words=memory_words, baud=baud)
    table = [(title, f"{made.used[kind]:,}", f"{made.available[kind]:,}") for kind, title in KINDS.items()]
    console().print(counts_table(f"{chip.rows} x {chip.columns} PEs on {board}", ("", "used", "of"), table))
    console().print(f"{made.fmax:.1f} MHz by nextpnr's report, {mhz} wanted; {made.minutes:.1f} minutes; {made.path}")
    result = {"board": board, "chip": asdict(chip), "wanted_mhz": mhz, "fmax_mhz": made.fmax, "minutes": made.minutes,
              "used": made.used, "available": made.available}
    # JSON's integers, strings and booleans are TOML's as well
    write_file(directory / "chip.toml", "".join(f"{name} = {json.dumps(value)}\n"
                                                for name, value in asdict(chip).items()))
    console().print(f"to run a layer: eyeriss fpga run --port ... --chip {directory / 'chip.toml'}")
    write_json(directory / "result.json", result)
    write_json(json_target, result)
    return 0 if made.fmax >= mhz else 1
