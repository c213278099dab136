"""The chip's harness, DRAM and simulate(), with a DMA copier in the chip's place."""

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.bench.run import SIMULATORS
from sim.chip.simulate import Settings, simulate
from sim.tools import runner, verilate
from sim.tools.find import available

STANDIN = Path(__file__).with_name("standin.sv")
COUNTERS = {
    "core_cycles": 0, "mac_cycles": 1, "passes": 2, "link_cycles": 3, "scanned": 4, "sum": 5,
    "state": 6, "unknown": 7,
}
COPY, READ, STOP, FAULT = range(4)
LATENCY = 8


def job(source, target, words, burst, mode=COPY):
    """The stand-in's configuration as scan bits."""
    fields = [(source, 28), (target, 28), (words, 16), (burst, 9), (mode, 3)]
    return [value >> bit & 1 for value, width in fields for bit in range(width)]


def image(words=4096):
    return np.random.default_rng(1).integers(0, 1 << 64, words, dtype=np.uint64)


def run(simulator, jobs, dram=None, *, link_mhz=60, watch=None, **settings):
    dram = image() if dram is None else dram
    return simulate([STANDIN], dram, jobs, COUNTERS, Settings(simulator=simulator, **settings), link_mhz=link_mhz,
                    watch=watch)


def test_copies_job_after_job(simulator):
    dram = image()
    result = run(simulator, [job(0, 1000, 777, 256), job(1000, 2000, 70, 1)], dram, stall_seed=0)
    assert [each.status for each in result.jobs] == ["done", "done"]
    expected = dram.copy()
    expected[1000:1777] = expected[0:777]
    expected[2000:2070] = expected[1000:1070]
    np.testing.assert_array_equal(result.dram, expected)
    first, second = result.jobs
    assert first.counters["mac_cycles"] == first.dram_words_read == 777
    assert second.dram_words_written == 70 and second.counters["passes"] == 70
    assert all(each.counters["scanned"] == 84 for each in result.jobs)
    # 4 cycles of the link's 60 MHz in reset, 4 to get over it, a cycle to begin, and the bits
    assert [each.configuration_cycles for each in result.jobs] == [14 + 14 + 1 + 84] * 2
    # From the start pulse to done as the harness counts and as the chip does.
    assert all(each.cycles - each.counters["core_cycles"] in (1, 2) for each in result.jobs)
    assert result.cycles_per_second > 0


@pytest.mark.simulation
@pytest.mark.parametrize("link_mhz", [50, 60, 100, 213.7])
def test_simulators_agree_to_the_cycle(link_mhz):
    if not all(map(available, SIMULATORS)):
        pytest.skip("needs both simulators")
    jobs = [job(0, 2048, 500, 20), job(1, 0, 500, 33, READ)]
    results = [run(simulator, jobs, stall_seed=5, link_mhz=link_mhz).jobs for simulator in SIMULATORS]
    for first, second in zip(*results, strict=True):
        known = {**first.counters, "unknown": None}  # what Verilator makes of it is chance
        assert replace(first, wall_seconds=0, counters=known) == replace(
            second, wall_seconds=0, counters={**second.counters, "unknown": None})


def test_random_stalls_lose_nothing(simulator):
    dram = image()
    jobs = [job(0, 2048, 2000, 100)]
    quiet = run(simulator, jobs, dram)
    stalled = run(simulator, jobs, dram, stall_seed=77)
    np.testing.assert_array_equal(stalled.dram, quiet.dram)
    assert (stalled.dram[2048:4048] == dram[:2000]).all()
    slower = stalled.jobs[0].cycles / quiet.jobs[0].cycles
    assert 1.08 < slower < 1.25


@pytest.mark.parametrize("burst", [256, 16])
def test_reads_use_the_whole_bandwidth(simulator, burst):
    dram = image()
    result = run(simulator, [job(0, 0, 4000, burst, READ)], dram)
    counters = result.jobs[0].counters
    assert counters["sum"] == int(dram[:4000].sum())
    # The first command's cycle and the latency; no gap between the bursts.
    assert counters["link_cycles"] == 4000 + LATENCY
    # 200 MHz against 60; start and done cross the domains.
    assert abs(result.jobs[0].cycles - 4008 * 200 / 60) < 25


def test_latency_is_a_parameter(simulator):
    result = run(simulator, [job(0, 0, 64, 64, READ)], parameters={"DRAM_LATENCY": 30})
    assert result.jobs[0].counters["link_cycles"] == 64 + 30


def test_hang_is_a_result(simulator):
    dram, seen = image(), []
    result = run(
        simulator, [job(0, 2048, 400, 50, STOP), job(0, 0, 1, 1)], dram,
        hang_cycles=5_000, poll_cycles=2_000, watch=seen.append,
    )
    assert [each.status for each in result.jobs] == ["hang"]
    assert result.status == "hang"
    hung = result.jobs[0]
    assert hung.counters["mac_cycles"] == 200 and hung.counters["state"] == 2
    assert hung.busy == "1"
    # 400 words there and back at 60 MHz, the hang limit in cycles of these, and two polls' grace.
    assert hung.cycles < 400 * 4 + 5_000 * 200 / 60 + 2 * 2_000
    assert (result.dram[2048:2248] == dram[:200]).all()
    assert (result.dram[2248:] == dram[2248:]).all()
    assert seen[-1].job == 0 and seen[-1].mac_cycles == 200 and seen[-1].passes == 4
    assert [moment.elapsed for moment in seen] == sorted(moment.elapsed for moment in seen)


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """A folder of builds that nobody else has, so that all is compiled, Verilator's library once."""
    return tmp_path_factory.mktemp("builds")


@pytest.mark.simulation
@pytest.mark.parametrize("latency, compiler, counts, expected", [  # the latency makes it another build
    (9, "g++", True, ["-fprofile-generate", "-fprofile-use"]), (10, "g++", False, ["-fprofile-generate"]),
    (11, "clang", True, []),
])
def test_long_simulations_are_compiled_by_what_is_often_run(latency, compiler, counts, expected, builds, monkeypatch):
    """Where the training fails, or the compiler wants another way, as without, and quietly."""
    if not available("verilator"):
        pytest.skip("no verilator")
    jobs = [job(0, 1000, 777, 256), job(1000, 2000, 70, 1)]
    trained, run_ = [], runner.run

    def run_job(build, **how):
        trained.append(build.executable.parent.name)
        if build.executable.parent.name.startswith("harness-"):
            return run_(build, **how)
        if not counts:
            raise runner.SimulationFailed("no memory")
        return run_(build, **how)

    monkeypatch.setattr(runner, "run", run_job)
    if compiler == "clang":
        monkeypatch.setattr(verilate, "can_count", lambda *_: False)
    before = set((builds / "sim").glob("harness-*"))
    how = {"build": builds, "parameters": {"DRAM_LATENCY": latency}}
    result = run("verilator", jobs, optimize=True, train=True, **how)
    assert len(trained) == (2 if expected else 1)
    assert [each.status for each in result.jobs] == ["done", "done"] and result.jobs[0].cycles
    folder, = set((builds / "sim").glob("harness-*")) - before
    compiled = [line for line in (folder / "build.log").read_text().splitlines() if "-o fast.o" in line]
    assert [re.findall(r"-fprofile-(?:generate|use)", line) for line in compiled] == [
        [flag] for flag in expected] + ([] if counts and expected else [[]])
    assert "missing-profile" not in (folder / "build.log").read_text()
    assert b".gcda" not in (folder / "simulation").read_bytes()


@pytest.mark.parametrize("known, counts", [
    ("-fprofile-generate -fprofile-use -fprofile-partial-training", True),
    ("-fprofile-generate -fprofile-use", False),  # an old gcc, or clang
    ("", False),
])
def test_compilers_that_count(known, counts, tmp_path):
    """Known by what they take: these refuse every other option of profiles."""
    compiler = tmp_path / "c++"
    compiler.write_text(f'#!/bin/sh\nfor each; do case "$each" in -fprofile-*)\n'
                        f'case " {known} " in *" $each "*) ;; *) exit 1;; esac;; esac; done\n')
    compiler.chmod(0o755)
    (tmp_path / f"{verilate.PREFIX}_classes.mk").write_text("".join(
        f"VM_{kind} += \n" for kind in ("CLASSES_FAST", "CLASSES_SLOW", "SUPPORT_FAST", "SUPPORT_SLOW",
                                        "GLOBAL_FAST", "GLOBAL_SLOW")))
    (tmp_path / f"{verilate.PREFIX}.mk").write_text(f"CXX = {compiler}\n")
    make = verilate.make_command(tmp_path, tmp_path / "main.cpp", optimize=True, jobs=1)
    assert verilate.can_count(make, tmp_path, dict(os.environ)) is counts


def test_max_cycles_is_a_hang(simulator):
    result = run(simulator, [job(0, 2048, 2000, 1)], max_cycles=3_000)
    assert result.status == "hang" and 3_000 <= result.jobs[0].cycles < 3_200


@pytest.mark.parametrize("source, target", [(4000, 0), (0, 4000)])
def test_address_out_of_range_is_a_fault(simulator, source, target, tmp_path):
    log = tmp_path / "log"
    result = run(simulator, [job(source, target, 200, 64)], log=log)
    assert result.status == "fault"
    assert (result.jobs[0].out_of_range, result.jobs[0].chip_fault) == (True, "0")
    kind = "write" if target else "read"
    assert log.read_text().count(f"dram: {kind} of word 4096, but there are only 4096") == 1


def test_chip_fault_is_reported(simulator):
    result = run(simulator, [job(0, 0, 2000, 1, FAULT)])
    assert result.status == "fault" and result.jobs[0].chip_fault == "1"


@pytest.mark.simulation
def test_unknown_counter_is_none():
    assert run("icarus", [job(0, 0, 1, 1)]).jobs[0].counters["unknown"] is None


@pytest.mark.parametrize("arguments, message", [
    ({"jobs": []}, "^jobs must not be empty$"),
    ({"jobs": [[]]}, "^a job must have 1 to 16384 scan bits, not 0$"),
    ({"dram_depth": 5}, "^dram_depth must be 10 to 268435456, not 5$"),
    ({"counters": {}}, "^counters must have 'mac_cycles' where max_cycles is not given$"),
])
def test_bad_arguments_are_refused(arguments, message):
    arguments = {"jobs": [[0]], "counters": COUNTERS, **arguments}
    settings = Settings("icarus", dram_depth=arguments.pop("dram_depth", None))
    with pytest.raises(ValueError, match=message):
        simulate([STANDIN], image(10), settings=settings, **arguments)
