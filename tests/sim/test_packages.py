"""The packages of the tree: all are installed, and those that compute results are in the cache's digest."""

import fnmatch
import tomllib

from sim.jobs.cache import SOURCES
from sim.tools.files import ROOT

#: Packages that no simulated result depends on.
OTHERS = {"flow", "scripts"}


def test_all_packages_are_installed_and_those_of_results_are_in_the_digest():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert not [name for name in packages if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    assert packages - OTHERS == set(SOURCES)
