"""`eyeriss generate`."""

import json
import shutil
import time
from pathlib import Path

from hw.config import load_chip
from scripts.console import BadInput, bad_input, console, write_whole
from sim.layer import chip_verilog

__all__ = ["generate"]


def generate(chip_source, output):
    """Write Verilog and description of a chip into a directory."""
    from hw.describe import describe

    started = time.monotonic()
    with bad_input():
        chip = load_chip(chip_source)
    output = Path(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"output must be a directory that can be written, not {output}: {error.strerror}") from None
    files = chip_verilog(chip)
    for stale in output.glob("*.sv"):
        stale.unlink()
    for file in files:
        shutil.copyfile(file, output / file.name)
    names = [file.name for file in files]
    write_whole(output / f"{chip.name}.json", json.dumps(describe(chip, names), indent=1) + "\n")
    write_whole(output / f"{chip.name}.f", "".join(f"{name}\n" for name in names))
    lines = sum(len(file.read_text().splitlines()) for file in files)
    console().print(f"{chip.name}: {len(files)} modules, {lines} lines in {output} "
                    f"({time.monotonic() - started:.1f} s)", highlight=False)
