"""README and docs against the tree: tables, files, commands, Python names."""

import importlib.util
import json
import re

import pytest
import typer

from hw.kit.ring import Ring
from hw.verilog.generate import sources
from scripts import cli, picture, results
from sim.tools.files import ROOT

PAGES = [*results.pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"build"}
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")


def quoted(text):
    """What stands in backticks or in blocks of commands, each block's line for itself."""
    for block in re.findall(r"^ *```(?:sh|\n)(.*?)^ *```", text, re.M | re.S):
        yield from re.sub(r"\n +", " ", block.replace("\\\n", " ")).splitlines()
    yield from re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S))


def missing_files(text):
    """Paths of the tree that are quoted or linked and do not exist."""
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    paths = [word for words in quoted(text) for word in re.findall(r"[\w./*-]+", words)
             if word.partition("/")[0] in FOLDERS and "/" in word and "NAME" not in word]
    bases = [ROOT, ROOT / "docs"]
    return [path for path in {*links, *(path.rstrip(".") for path in paths)}
            if not any(list(base.glob(path)) if "*" in path else (base / path).exists() for base in bases)]


def wrong_commands(text):
    """`eyeriss` commands and options that do not exist; with all words before the first that is no command's name."""
    wrong = []
    for line in quoted(text):
        match = re.match(r"(?:\.venv/bin/)?eyeriss ([^#]*)", line.strip())
        if not match:
            continue
        command, words = typer.main.get_command(cli.app), match[1].replace("[", " ").replace("]", " ").split()
        if words[:1] == ["COMMAND"]:
            continue
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            command = command.commands.get(words[0])
            if command is None:
                break
            words = words[1:]
        known = {option for parameter in getattr(command, "params", ())
                 for option in [*parameter.opts, *parameter.secondary_opts]} | {"--help"}
        if command is None or set(OPTION.findall(" ".join(words))) - known:
            wrong.append(line)
    return wrong


def missing_modules(text):
    """Modules that `python -m` is told to run and that do not exist."""
    return [name for name in re.findall(r"python -m ([\w.]+)", text)
            if name.partition(".")[0] in FOLDERS and importlib.util.find_spec(name) is None]


def missing_headings(text, page=ROOT / "docs" / "page.md"):
    """Links to headings that do not exist."""
    wrong = []
    for file, heading in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", text):
        target = (page.parent / file).read_text() if file else text
        headings = [re.sub(r"[^\w -]", "", found.lower()).replace(" ", "-")
                    for found in re.findall(r"^#+ (.*)$", target, re.M)]
        wrong += [heading] if heading not in headings else []
    return wrong


def missing_names(text):
    """Dotted Python names of the tree's packages that do not lead to anything."""
    wrong = []
    for name in {word for words in quoted(text) for word in re.findall(r"(?<![\w./])[a-z]\w*(?:\.\w+)+", words)}:
        parts = name.split(".")
        if parts[0] in FOLDERS and not any(_resolves(parts, length) for length in range(len(parts), 0, -1)):
            wrong.append(name)
    return wrong


def _resolves(parts, length):
    """Whether the first `length` parts are a module, and the others attributes of it."""
    try:
        found = importlib.import_module(".".join(parts[:length]))
    except ImportError:
        return False
    for part in parts[length:]:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_named_exists(page):
    text = page.read_text()
    assert not missing_files(text)
    assert not wrong_commands(text)
    assert not missing_modules(text)
    assert not missing_names(text)
    assert not missing_headings(text, page)


@pytest.mark.parametrize("check, text", [
    (missing_files, "see `hw/nothing.py`"), (missing_files, "[page](nothing.md)"),
    (missing_files, "```sh\n./scripts/test tests/nothing\n```"),
    (wrong_commands, "`eyeriss digest`"), (wrong_commands, "```sh\neyeriss map --layers A   # a comment\n```"),
    (wrong_commands, "`eyeriss fpga run --port DEV [--bits 9]`"), (missing_modules, "`python -m scripts.nothing`"),
    (missing_names, "see `hw.config.nothing`"),
    (missing_headings, "[page](model.md#nothing)"),
])
def test_what_is_missing_is_noticed(check, text):
    assert check(text)


@pytest.mark.parametrize("page", results.pages(), ids=lambda page: page.name)
def test_tables_are_those_of_the_results(page):
    """`python -m scripts.results` would change nothing, and no file of results is without a table."""
    text = page.read_text()
    assert results.render(text) == text


def test_a_table_that_was_changed_is_written_anew():
    text = (ROOT / "docs" / "results.md").read_text()
    assert "18,265,944" in text and results.render(text.replace("18,265,944", "17,265,944")) == text


def test_every_file_of_results_is_shown(monkeypatch):
    shown, load = set(), results.load
    monkeypatch.setattr(results, "load", lambda name: shown.add(name) or load(name))
    for page in results.pages():
        results.render(page.read_text())
    assert shown == {path.stem for path in results.RESULTS.glob("*.json")}


def test_a_result_is_taken_over(tmp_path, monkeypatch):
    """From the JSON of a command, with its date and version; a benchmark's and a calibration's."""
    kept = {name: (results.RESULTS / f"{name}.json").read_text() for name in ("alexnet", "calibrate")}
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    for name, text in kept.items():
        (tmp_path / f"{name}.json").write_text(text)
    mapping = {"m": 4, "n": 1}
    layer = {"layer": "alexnet/CONV1", "batch": 4, "mapping": mapping, "cycles": {"total": 7}, "active_pes": 3,
             "glb_bytes": {"filter": 5, "psum_read": 3_000_000}, "dram_bytes": {"ofmap": 1_250_000},
             "model": {"cycles": 8, "glb_bytes": {}, "dram_bytes": {}}}
    random = {"shape": "N=1", "zeros": 0.5, "mapping": mapping, "rtl_cycles": 9, "model_cycles": 10}
    for name, entry in (("alexnet", layer), ("calibrate", random)):
        (tmp_path / "new.json").write_text(json.dumps({"version": "9.9.9", "layers": [entry]}))
        results.take(name, tmp_path / "new.json")
    found = results.load("alexnet")
    assert found["version"] == "9.9.9" and found["command"] == "eyeriss benchmark alexnet"
    assert found["rows"] == [{"layer": "alexnet/CONV1", "batch": 4, "mapping": mapping, "cycles": 7,
                              "active_pes": 3, "glb_MB": 3.0, "dram_MB": 1.25}]
    assert results.load("calibrate")["rows"] == [{"shape": "N=1", "mapping": mapping, "cycles": 9,
                                                  "model_cycles": 10}]


def test_the_picture_is_that_of_the_results():
    """`python -m scripts.picture` would change nothing."""
    assert picture.TARGET.read_text() == picture.picture()


@pytest.mark.parametrize("path", picture.DIAGRAMS, ids=lambda path: path.stem)
def test_timing_diagrams_are_those_of_their_sources(path):
    assert path.with_suffix(".svg").read_text() == picture.diagram(path)
    waves = {len(signal["wave"]) for signal in json.loads(path.read_text())["signal"]}
    assert len(waves) == 1, "signals of different lengths"


def test_the_verilog_that_is_shown_is_written():
    """Line by line, as the page leaves some out."""
    page = (ROOT / "docs" / "commands.md").read_text()
    shown = re.search(r"`ring_12.sv`.*?```systemverilog\n(.*?)```", page, re.S)[1].splitlines()
    written = iter(sources(Ring(12))["ring_12"].splitlines())
    assert [line for line in shown if line not in written] == []
