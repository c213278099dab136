"""What the commands share: errors, tables, the progress bar, files that are whole or not there."""

import json
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

__all__ = ["BadInput", "bad_input", "console", "counts_table", "layer_table", "passes_bar", "time_line",
           "write_json", "write_whole"]


class BadInput(Exception):
    """The user's mistake, in one line."""


@contextmanager
def bad_input():
    """Turn the errors of checked input into BadInput."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise BadInput(str(error)) from None


def console(stderr=False) -> Console:
    return Console(stderr=stderr, width=None if sys.stdout.isatty() else 110)


def layer_table(catalogue) -> Table:
    """Names and shapes."""
    table = Table(title="Layers")
    for column in ("layer", *"MCHWRSUPGEF", "MMACs"):
        table.add_column(column, justify="left" if column == "layer" else "right")
    for name, shape in catalogue.items():
        table.add_row(name, *(str(getattr(shape, letter)) for letter in "MCHWRSUPGEF"),
                      f"{shape.macs / 1e6:.1f}")
    return table


def counts_table(title, columns, rows) -> Table:
    """A table of figures: the first column names them."""
    table = Table(title=title)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    return table


def time_line(totals, core_mhz) -> str:
    """Time of a network, with the configuration as a part of its own; `totals` has the keys of `plan --json`'s."""
    if not totals["layers"]:
        return "no time on the chip"
    configuration = totals["configuration_cycles"] / core_mhz / 1e3
    return (f"{totals['milliseconds']:.2f} ms, {configuration:.2f} of them configuration, "
            f"{totals['frames_per_second']:.2f} frames/s")


@contextmanager
def passes_bar(title, unit="passes"):
    """A progress bar on standard error, if that is a terminal; yields a callable (done, all)."""
    with Progress(TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(unit),
                  TimeElapsedColumn(), console=Console(stderr=True), transient=True,
                  disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def write_whole(path, text):
    """Write a file so that it is there whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(scratch).chmod(0o644)
    Path(scratch).rename(path)


def write_json(target, value):
    """Write a value as JSON to a file, or print it where the target is "-"; nothing without a target."""
    if target == "-":
        print(json.dumps(value, indent=1))
    elif target:
        write_whole(target, json.dumps(value, indent=1) + "\n")
