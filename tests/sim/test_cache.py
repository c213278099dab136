"""What is kept is named by all that it depends on."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from compiler.mapping.mapping import Mapping
from compiler.paper.networks import BenchmarkLayer
from golden.layer import LayerShape
from hw.config import PRESETS
from sim.jobs import cache
from sim.jobs.benchmark import layer_tasks
from sim.tools.files import ROOT
from sim.tools.find import available

LAYER = BenchmarkLayer("small", LayerShape.parse("M=4,C=2,H=6,W=6,R=3"), 0.4, 0.6)
MAPPING = Mapping(m=4, n=1, e=4, f=4, p=4, q=2, r=1, t=1)


@pytest.fixture
def tree(tmp_path):
    for package in cache.SOURCES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("file", [
    "sim/chip/hdl/dram.sv", "sim/chip/hdl/harness.sv", "sim/chip/job.py", "sim/jobs/benchmark.py", "golden/conv.py",
    "golden/layer.py", "host/jobs.py", "compiler/mapping/search.py", "compiler/image/program.py", "hw/paths/glb.py",
    "hw/config/fields.py"])
@pytest.mark.simulation
@pytest.mark.skipif(not available("verilator"), reason="no verilator")
def test_a_change_of_the_code_is_another_result(tree, file, monkeypatch):
    """For one, a change of the memory model's latency; two trees that are alike share theirs."""
    task = layer_tasks(LAYER, MAPPING, PRESETS["mini"], seed=1, simulator="verilator")[0]
    digest = cache.code_digest
    before = task.key()
    monkeypatch.setattr(cache, "code_digest", lambda: digest(tree))
    assert task.key() == before
    changed = tree / file
    changed.write_text(changed.read_text().replace("LATENCY", "LATENESS") + "\n")
    digest.cache_clear()
    assert task.key() != before


def test_the_subject_is_in_the_key():
    chip, x = PRESETS["mini"], np.arange(6, dtype=np.int16)
    subjects = [(chip,), (replace(chip, rows=5),), (chip, x), (chip, x[::-1]), (chip, x.reshape(2, 3)),
                (chip, x.astype(np.uint16)), (chip, 1), (chip, "1")]
    assert len({cache.key(*subject) for subject in subjects}) == len(subjects)
    assert cache.key(chip, x) == cache.key(chip, x.copy())


def test_kept_results(tmp_path):
    kept = cache.Cache("kind", tmp_path)
    assert kept.get("a") is None
    kept.put("a", {"x": 1}, ofmap=np.arange(3))
    table, arrays = kept.get("a")
    assert table == {"x": 1} and np.array_equal(arrays["ofmap"], np.arange(3))
    file, = (tmp_path / "kept/kind").iterdir()
    file.write_bytes(file.read_bytes()[:100])  # of a full disk, say
    assert kept.get("a") is None
