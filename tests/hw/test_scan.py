"""ScanChain, the configuration's way in."""

import pytest

from hw.scan import ScanChain


def test_scan_chain(bench, tiny):
    bench(ScanChain(tiny), "scan")


@pytest.mark.parametrize("signal, expression, message", [
    ("chain", "{} | 1'h1", "pe__p_last"),
    ("scan_out", "scan_in", "scan_out"),
])
def test_broken_scan_chain(bench, tiny, signal, expression, message):
    bench.fails(ScanChain(tiny), "scan", f"scan_chain.{signal}", expression, message)
