"""The command line in this process; which tests are simulations, and whether their simulator is there."""

import sys

import pytest

import golden.conv
from scripts import cli
from sim.tools import runner
from sim.tools.find import available

SIMULATING = {"need", "simulator", "bench"}  # fixtures of tests that run a simulator


def pytest_collection_modifyitems(items):
    """Mark as `simulation` what takes a fixture of simulations."""
    for item in items:
        if SIMULATING & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.simulation)


@pytest.fixture(autouse=True)
def only_simulations_simulate(request, monkeypatch):
    """Fail a test that starts a simulator and is not marked as `simulation`: ./scripts/check would be slow."""
    def refuse(*_, **__):
        pytest.fail("this test runs a simulator: mark it as `simulation`")

    if request.node.get_closest_marker("simulation") is None:
        for call in ("build", "run"):
            monkeypatch.setattr(runner, call, refuse)


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


@pytest.fixture
def need():
    """Skip the test where a simulator is missing."""
    def need(simulator):
        if not available(simulator):
            pytest.skip(f"no {simulator}")
    return need


@pytest.fixture
def wrong_ofmap(monkeypatch):
    """One value of each ofmap is wrong as the numpy model computes it beside the RTL."""
    def conv_layer(*tensors, **options):
        ofmap = golden.conv.conv_layer(*tensors, **options)
        ofmap.flat[5] ^= 1
        return ofmap

    monkeypatch.setattr("sim.jobs.network.conv_layer", conv_layer)


@pytest.fixture
def cluster():
    """A Dask cluster on this machine: two workers, each a process."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster
