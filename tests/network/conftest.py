"""Networks on the small chip, in simulation."""

import functools

import pytest

from compiler.onnx.file import load_model
from compiler.onnx.graph import import_graph
from hw.config import load_chip
from scripts.commands.network import plan as network_planning
from scripts.commands.network import shared
from sim.jobs.cache import Cache
from sim.jobs.layers import RtlLayers
from sim.tools.files import BUILD
from sim.tools.find import available


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run_model` on `mini`, calibrated with the input itself.

    Layers and mappings are kept in tmp_path only.
    """
    for name in ("sim", "verilog"):  # compiled simulators are shared with the other tests
        (BUILD / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to((BUILD / name).resolve())
    monkeypatch.setattr(shared, "RtlLayers", functools.partial(RtlLayers, build=tmp_path))
    monkeypatch.setattr(shared, "Cache", functools.partial(Cache, build=tmp_path))

    def run(model, feeds, backend, **options):
        if backend != "model" and not available("verilator"):
            pytest.skip("no verilator")
        network = import_graph(model)
        return shared.run_model(model, network, feeds, [feeds], name="test", backend=backend,
                                     chip=load_chip("mini"), **options)
    return run


@pytest.fixture
def run_and_plan(tmp_path, monkeypatch):
    """Run, on the numpy model, and plan a file as the commands do: the outputs, and the two reports.

    Both have the same layers of the same shapes, and the same nodes on the host.
    """
    for module in (shared, network_planning):
        monkeypatch.setattr(module, "Cache", functools.partial(Cache, build=tmp_path))

    def run_and_plan(path, feeds):
        chip, sizes = load_chip("mini"), {name: value.shape for name, value in feeds.items()}
        planned = network_planning.plan_model(load_model(path, weights=False), sizes, name="test", chip=chip)
        model = load_model(path)
        ran, outputs = shared.run_model(model, import_graph(model, sizes), feeds, [feeds], name="test",
                                             backend="model", chip=chip)
        left = {entry["node"] for entry in planned["totals"]["unplanned"]}
        for key in ("layer", "node", "folded", "shape"):
            assert [entry[key] for entry in ran["layers"] if entry["node"] not in left] == [
                entry[key] for entry in planned["layers"]]
        for key in ("host_nodes", "host_macs"):
            assert ran["totals"][key] == planned["totals"][key]
        return outputs, ran, planned
    return run_and_plan
