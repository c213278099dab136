"""The command line in this process."""

import sys

import pytest

from scripts import cli


@pytest.fixture
def eyeriss(tmp_path, monkeypatch, capsys):
    """Run `eyeriss` in tmp_path; exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def eyeriss(*arguments):
        monkeypatch.setattr(sys, "argv", ["eyeriss", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code, *capsys.readouterr()
    return eyeriss
