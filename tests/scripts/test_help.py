"""What the command line says of itself, and what the README says of the chips."""

import re
import shlex
import subprocess
import sys

import pytest
import typer

from hw.config import PRESETS
from hw.config.fields import scan_fields
from scripts import cli
from scripts.terminal.examples import EXAMPLES
from sim.tools.files import ROOT


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_commands(eyeriss, name, monkeypatch):
    """Each is shown by its command's help, and parses."""
    monkeypatch.setenv("COLUMNS", "200")
    status, out, _ = eyeriss(*([name] if name else []), "--help")
    assert status == 0
    for example in EXAMPLES[name]:
        assert example in out
        program, command, *arguments = shlex.split(example)
        assert program == "eyeriss" and (not name or command == name)
        typer.main.get_command(cli.app).commands[command].make_context(command, arguments)


def test_help_names_all_presets(eyeriss, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = eyeriss("simulate", "--help")
    shown = " ".join(re.sub("[│╭╮╰╯─]", " ", out).split())
    assert all(f"{name}," in shown or f"{name})" in shown for name in PRESETS)


def test_a_reader_who_has_read_enough(tmp_path):
    """`eyeriss layers | head -1` ends without a traceback."""
    run = subprocess.run(f"{sys.executable} -m scripts.cli layers | true", shell=True, cwd=ROOT, capture_output=True,
                         text=True)
    assert run.stderr == ""


def test_the_readme_has_the_scan_chains_length():
    row = re.search(r"^\| scan chain, bits \| ([\d,]+) \| ([\d,]+) \|", (ROOT / "README.md").read_text(), re.M)
    bits = [sum(field.width * field.count for field in scan_fields(PRESETS[name])) for name in ("eyeriss", "mini")]
    assert [int(text.replace(",", "")) for text in row.groups()] == bits
