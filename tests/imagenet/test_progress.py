"""The progress bar of pieces of work of any size, as a terminal has it."""

import io
import sys
from types import SimpleNamespace

from scripts.terminal import console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_time_left():
    """By the work that is done, whatever the pieces."""
    def left(completed, elapsed):
        return console._TimeLeft().render(SimpleNamespace(completed=completed, total=100, elapsed=elapsed)).plain

    assert left(0, 5.0) == "-:--:-- left"
    assert left(10, 20.0) == "0:03:00 left"
    assert left(100, 20.0) == "0:00:00 left"


def test_pieces_that_took_no_time(monkeypatch):
    """They are done, and say nothing of the time that the others take."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    terminal, seen = Terminal(), []
    monkeypatch.setattr(sys, "stderr", terminal)
    advance, update = console.Progress.advance, console.Progress.update

    def look(self, call, *arguments, **options):
        call(self, *arguments, **options)
        task, = self.tasks
        seen.append((task.description, task.completed, task.total))

    monkeypatch.setattr(console.Progress, "advance", lambda self, *a, **o: look(self, advance, *a, **o))
    monkeypatch.setattr(console.Progress, "update", lambda self, *a, **o: look(self, update, *a, **o))
    with console.work_bar("layers", {"a": 60, "b": 30, "c": 10}) as done:
        done("b", True)
        done("a", False)
        done("c", False)
    assert seen[1::2] == [("layers: 1 of 3", 0, 70), ("layers: 2 of 3", 60, 70), ("layers: 3 of 3", 70, 70)]
    assert "layers: " in terminal.getvalue() and " left" in terminal.getvalue()
