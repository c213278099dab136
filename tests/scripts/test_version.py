"""The version of pyproject.toml is on everything that the commands write."""

import json
import tomllib

import pytest

from scripts.pages.page import write_template
from sim.tools.files import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_command_line(eyeriss):
    assert eyeriss("--version") == (0, f"eyeriss {VERSION}\n", "")


@pytest.mark.slow
def test_all_files_of_a_chip(eyeriss, tmp_path):
    """Each module and header in its first line, the description by a key, the rest somewhere."""
    assert eyeriss("generate", "--chip", "mini", "--top", "axi", "-o", tmp_path)[0] == 0
    for path in tmp_path.glob("*.sv"):
        second = "// A layer of" if path.stem == "mini-axi-bench" else "//\n// "
        assert path.read_text().startswith(f"// Eyeriss generator {VERSION}\n{second}"), path
    assert VERSION in (tmp_path / "mini-axi.h").read_text().splitlines()[0]
    assert f"Eyeriss generator {VERSION}." in (tmp_path / "mini-axi.md").read_text()
    assert f":mini-axi:{VERSION}\"" in (tmp_path / "mini-axi.core").read_text()
    assert json.loads((tmp_path / "mini-axi.json").read_text())["version"] == VERSION


def test_results(eyeriss):
    status, out, _ = eyeriss("map", "--chip", "mini", "--shape", "M=8,C=4,H=12,W=12,R=3", "--json", "-")
    assert status == 0 and json.loads(out)["version"] == VERSION


def test_pages(tmp_path):
    page = write_template("page.html.j2", tmp_path / "page.html")
    assert f"<footer>Eyeriss generator {VERSION}</footer>" in page.read_text()
