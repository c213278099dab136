"""What the commands share: errors, tables, progress bars, targets that are tried before any work."""

import json
import os
import sys
import textwrap
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hw.config import VERSION
from sim.tools.files import BUILD, check_file, check_folder, write_file
from sim.tools.find import SimulatorError, require

from .names import on_terminal

__all__ = ["BadInput", "FittedTable", "bad_input", "bars", "check_fractions", "check_targets", "choose_page",
           "console", "counts_table", "layer_table", "passes_bar", "place", "require_simulator", "steps_bar",
           "time_line", "work_bar", "working", "write_json"]

WIDE = 100_000  # columns where there is no terminal: nothing is wrapped or cut
NAME_WIDTH = 14  # what a table leaves of its names before it leaves columns away


class BadInput(Exception):
    """The user's mistake, in one line."""


@contextmanager
def bad_input():
    """Turn the errors of checked input into BadInput."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise BadInput(str(error)) from None


def check_fractions(given):
    """Refuse a number that is no fraction: a dict of option to number."""
    for option, value in given.items():
        if not 0 <= value <= 1:
            raise BadInput(f"{option} must be between 0 and 1, not {value!r}")


def check_targets(*, folders=None, **files):
    """Try, before any work, whether results can be written after it; nothing is left behind.

    Parameters
    ----------
    folders : dict of str to Path, optional
        Option to folder; `build` is the checkout's own.
    files : Path
        Option to file; None and "-" are none.
    """
    seen = {}
    for option, target in files.items():
        if target is None or str(target) == "-":
            continue
        _try(check_file, f"--{option}", "file", target)
        other = seen.setdefault(os.path.realpath(target), option)
        if other != option and (not Path(target).exists() or Path(target).is_file()):
            raise BadInput(f"--{other} and --{option} must be different files, not both {target}")
    for option, target in (folders or {}).items():
        if target is not None:
            _try(check_folder, f"--{option}" if target != BUILD else option, "directory", target)


def _try(check, option, kind, target):
    try:
        check(target)
    except OSError as error:
        raise BadInput(f"{option} must be a {kind} that can be written, not {target}: "
                       f"{error.strerror or error}") from None


def require_simulator(name):
    """Refuse before any work a simulator that is not there."""
    try:
        require(name)
    except SimulatorError as error:
        raise BadInput(str(error)) from None


def choose_page(page, no_page, usual) -> Path | None:
    """Where the page of --page or --no-page goes; the usual file where neither is given."""
    if page and no_page:
        raise BadInput("one of --page and --no-page must be given, not both")
    return None if no_page else page or usual


def place(path) -> str:
    """A file's path as short as it can be said from here."""
    try:
        return str(Path(path).absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def console(stderr=False) -> Console:
    """Standard output or error, for text that is shown as it is."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDE, markup=False, emoji=False, highlight=False)


class FittedTable:
    """A table of figures that fits where it is printed: the first column names them.

    Where it is too wide, first names are cut in the middle, then columns are left away and named below.

    Parameters
    ----------
    title : str
    columns : sequence of str
    rows : list of sequences of str
    optional : sequence of str
        Columns that may be left away, the least important first.
    """

    def __init__(self, title, columns, rows, optional=()):
        self._title, self._columns, self._optional = title, list(columns), list(optional)
        self._rows = [[on_terminal(cell) if cell else "" for cell in row] for row in rows]

    def __rich_console__(self, console, options):
        shown, names, left = self._fit(options.max_width)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        for index in shown:
            table.add_column(self._heading(index), justify="right" if index else "left", no_wrap=True)
        for row in self._rows:
            table.add_row(*(on_terminal(row[index], None if index else names) if row[index] else ""
                            for index in shown))
        yield Text(self._title, style="italic")
        yield table
        if left:
            yield Text(f"{options.max_width} columns have no room for {', '.join(left)}", style="dim")

    def _fit(self, room):
        """(indices of the columns to show, width of names or None, headings left away)."""
        widths = [max([len(row[index]) for row in self._rows] + [len(word) for word in heading.split()], default=0)
                  for index, heading in enumerate(self._columns)]
        shown, left = list(range(len(widths))), []
        for heading in [None, *self._optional]:
            if heading is not None:
                shown.remove(self._columns.index(heading))
                left.append(heading)
            rest = sum(widths[index] + 2 for index in shown[1:]) + 1
            if rest + min(NAME_WIDTH, widths[0]) <= room:
                break
        names = max(NAME_WIDTH, room - rest)
        return shown, None if names >= widths[0] else names, left

    def _heading(self, index):
        """On as many lines as keep it no wider than its column."""
        width = max([len(row[index]) for row in self._rows] + [len(word) for word in self._columns[index].split()],
                    default=1)
        return "\n".join(textwrap.wrap(self._columns[index], max(1, width), break_long_words=False))


def layer_table(catalogue) -> FittedTable:
    """Names and shapes."""
    rows = [(name, *(str(getattr(shape, letter)) for letter in "MCHWRSUPGEF"), f"{shape.macs / 1e6:.1f}")
            for name, shape in catalogue.items()]
    return FittedTable("Layers", ("layer", *"MCHWRSUPGEF", "MMACs"), rows)


def counts_table(title, columns, rows, optional=()) -> FittedTable:
    """A table of figures; see FittedTable."""
    return FittedTable(title, columns, rows, optional)


def bars(transient=True) -> Progress:
    """Progress bars on standard error, if that is a terminal; a description is shown as it is."""
    return Progress(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                    TimeElapsedColumn(), console=console(stderr=True), transient=transient,
                    disable=not sys.stderr.isatty())


def time_line(totals, core_mhz) -> str:
    """Time of a network, with the configuration as a part of its own; `totals` has the keys of `plan --json`'s."""
    if totals["frames_per_second"] is None:
        return "no time on the chip"
    configuration = totals["configuration_cycles"] / core_mhz / 1e3
    return (f"{totals['milliseconds']:.2f} ms, {configuration:.2f} of them configuration, "
            f"{totals['frames_per_second']:.2f} frames/s")


@contextmanager
def passes_bar(title, unit="passes"):
    """A progress bar; yields a callable (done, all)."""
    with bars() as progress:
        task = progress.add_task(f"{on_terminal(title)}, {unit}", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class _TimeLeft(ProgressColumn):
    """By what is done so far: work comes in a few large pieces, so that no shorter time says anything."""

    def render(self, task):
        if not task.completed or not task.elapsed:
            return Text("-:--:-- left", style="progress.remaining")
        seconds = int(task.elapsed * (task.total - task.completed) / task.completed)
        return Text(f"{timedelta(seconds=max(0, seconds))} left", style="progress.remaining")


@contextmanager
def work_bar(title, works):
    """A progress bar of pieces of work of any size, with the time left.

    Parameters
    ----------
    title : str
        What the pieces are.
    works : dict
        The work in each piece, in any unit.

    Yields
    ------
    callable (piece, free)
        To be called with each piece that is done; `free` ones took no time.
    """
    with Progress(TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(), _TimeLeft(),
                  console=console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(f"{title}: 0 of {len(works)}", total=sum(works.values()))
        left = dict(works)

        def done(piece, free):
            work = left.pop(piece)
            if free:
                progress.update(task, total=progress.tasks[0].total - work)
            else:
                progress.advance(task, work)
            progress.update(task, description=f"{title}: {len(works) - len(left)} of {len(works)}")

        yield done


@contextmanager
def steps_bar():
    """A progress bar of several steps; yields a callable (what is done, done, all)."""
    with bars() as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


@contextmanager
def working(what):
    """A spinner on standard error, if that is a terminal."""
    with console(stderr=True).status(f"{what} ..."):
        yield


def write_json(target, value):
    """Write an object, with the version, as JSON to a file; print it where the target is "-"; None is no target."""
    text = json.dumps({"version": VERSION} | value, indent=1)
    if str(target) == "-":
        print(text)
    elif target:
        write_file(target, text + "\n")
