"""`eyeriss generate`."""

import json
import tempfile
import time
from pathlib import Path

from hw.chip import Eyeriss
from hw.config import load_chip
from hw.describe import describe
from hw.generate import write
from scripts.console import BadInput, bad_input, console, write_whole

__all__ = ["generate"]


def generate(chip_source, output):
    """Write Verilog and description of a chip into a directory."""
    started = time.monotonic()
    with bad_input():
        chip = load_chip(chip_source)
    output = Path(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"output must be a directory that can be written, not {output}: {error.strerror}") from None
    listing = output / f"{chip.name}.f"
    with tempfile.TemporaryDirectory(dir=output) as scratch:
        made = write(Eyeriss(chip), scratch)
        if listing.is_file():  # of an earlier run: modules that there are no longer must not stay behind
            for stale in listing.read_text().split():
                (output / stale).unlink(missing_ok=True)
        files = [file.rename(output / file.name) for file in made]
    names = [file.name for file in files]
    write_whole(output / f"{chip.name}.json", json.dumps(describe(chip, names), indent=1) + "\n")
    write_whole(listing, "".join(f"{name}\n" for name in names))
    lines = sum(len(file.read_text().splitlines()) for file in files)
    console().print(f"{chip.name}: {len(files)} modules, {lines} lines in {output} "
                    f"({time.monotonic() - started:.1f} s)", highlight=False)
