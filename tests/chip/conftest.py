"""The tops of the chip."""

import pytest


@pytest.fixture(params=["chip", "axi"])
def top(request):
    """The bare chip, and the chip behind AXI."""
    return request.param
