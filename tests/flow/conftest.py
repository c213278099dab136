"""What the flow's tests share: parts synthesised once."""

import pytest

from flow.asic import synthesize
from flow.library import DEFAULT, load_library
from hw.array.pe import PE
from hw.config import PRESETS


@pytest.fixture(scope="session")
def library():
    if not DEFAULT.exists():
        pytest.skip(f"no {DEFAULT}: apt-get install qflow-tech-osu018")
    return load_library()


@pytest.fixture(scope="session")
def pe(library, tmp_path_factory):
    """(synthesis, directory) of the paper's PE."""
    directory = tmp_path_factory.mktemp("flow") / "pe"
    return synthesize(PE(PRESETS["eyeriss"]), directory, library), directory
