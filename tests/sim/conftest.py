"""The simulators, each test under all that are installed."""

import pytest

from sim.bench.run import SIMULATORS
from sim.tools.find import available


@pytest.fixture(params=SIMULATORS)
def simulator(request):
    if not available(request.param):
        pytest.skip(f"no {request.param}")
    return request.param
