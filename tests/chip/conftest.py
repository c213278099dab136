"""The simulators; a test asks for one by name and is skipped where it is missing."""

import pytest

from sim.tools.find import available


@pytest.fixture(params=["chip", "axi"])
def top(request):
    """The bare chip, and the chip behind AXI."""
    return request.param


@pytest.fixture
def need():
    """Skip the test where a simulator is missing."""
    def need(simulator):
        if not available(simulator):
            pytest.skip(f"no {simulator}")
    return need
