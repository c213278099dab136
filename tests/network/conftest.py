"""Networks on the small chip, in simulation."""

import functools
from dataclasses import replace

import pytest

from hw.config import load_chip
from scripts import network_run
from sim.cache import Cache
from sim.files import BUILD
from sim.network import RtlLayers
from sim.tools import available


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run_model` on `mini`, or a chip like it of another `data_width`, calibrated with the input itself.

    Layers and mappings are kept in tmp_path only.
    """
    for name in ("sim", "verilog"):  # compiled simulators are shared with the other tests
        (BUILD / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to((BUILD / name).resolve())
    monkeypatch.setattr(network_run, "RtlLayers", functools.partial(RtlLayers, build=tmp_path))
    monkeypatch.setattr(network_run, "Cache", functools.partial(Cache, build=tmp_path))

    def run(model, feeds, backend, data_width=16, **options):
        if backend != "model" and not available("verilator"):
            pytest.skip("no verilator")
        network = network_run.import_graph(model)
        return network_run.run_model(model, network, feeds, [feeds], name="test", backend=backend,
                                     chip=replace(load_chip("mini"), data_width=data_width), **options)
    return run
