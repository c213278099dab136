"""The rooms of the command line: no command imports another one, and no folder is crowded."""

import ast

import pytest

from sim.tools.files import ROOT

COMMANDS = ROOT / "scripts" / "commands"
SHARED = {"asic_power", "shared", "inputs", "int8", "one_layer", "options", "quality", "quantizer"}  # no commands
FILES_MAX = 12


def commands():
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in COMMANDS.rglob("*.py")
            if path.stem not in SHARED | {"__init__"}}


def imported(path):
    """Modules that a file imports, in full."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[:len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (module, *(f"{module}.{name.name}" for name in node.names))


def test_no_command_imports_another():
    names = commands()
    assert len(names) == 20
    crossing = {name: sorted(set(imported(path)) & set(names)) for name, path in names.items()}
    assert not {name: others for name, others in crossing.items() if others}


def test_an_import_of_a_command_is_seen(tmp_path, monkeypatch):
    for text in ("from .run import run", "from scripts.commands.network import run",
                 "import scripts.commands.network.run", "from scripts.commands.network.run import run"):
        path = COMMANDS / "network" / "other.py"
        monkeypatch.setattr(type(path), "read_text", lambda self, text=text: text)
        assert "scripts.commands.network.run" in imported(path)


@pytest.mark.parametrize("package", ["compiler", "flow", "golden", "host", "hw", "scripts", "sim"])
def test_no_folder_is_crowded(package):
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    crowded = {str(folder.relative_to(ROOT)): count for folder in folders
               if (count := sum(path.is_file() for path in folder.iterdir())) > FILES_MAX}
    assert not crowded
