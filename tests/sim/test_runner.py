"""Finding simulators, caching builds, and leaving nothing behind."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sim.tools import find as tools
from sim.tools import process, runner
from sim.tools.runner import BuildFailed, SimulationFailed, SimulatorMissing, build, run

HERE = Path(__file__).parent
BROKEN = [HERE / "broken.sv"]
BENCH = HERE / "bench_streams.py"


@pytest.fixture
def no_cache():
    tools.require.cache_clear()
    yield
    tools.require.cache_clear()


def test_unknown_simulator_is_refused():
    with pytest.raises(ValueError, match="^Simulator must be one of verilator, icarus, not 'vcs'$"):
        tools.require("vcs")


@pytest.mark.parametrize("simulator, message", [
    ("icarus", r"^Icarus Verilog >= 11 is missing: apt-get install iverilog$"),
    ("verilator", r"^g\+\+ is missing, which Verilator needs: apt-get install g\+\+ make perl$"),
])
def test_missing_simulator_says_what_to_install(simulator, message, monkeypatch, no_cache):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not tools.available(simulator)
    with pytest.raises(SimulatorMissing, match=message):
        tools.require(simulator)


def fake(directory, name, printed):
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{printed}'\n")
    path.chmod(0o755)


@pytest.mark.parametrize("version, system", [("5.006", False), ("5.036", True), ("6.002", True)])
def test_system_verilator_is_used_if_new_enough(version, system, tmp_path, monkeypatch, no_cache):
    fake(tmp_path, "verilator", f"Verilator {version} 2025-01-01 rev v{version}")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    try:
        tool = tools.require("verilator")
    except SimulatorMissing:
        assert not system
    else:
        assert (tool.program == str(tmp_path / "verilator")) is system


def test_old_icarus_is_refused(tmp_path, monkeypatch, no_cache):
    for name in ("iverilog", "vvp"):
        fake(tmp_path, name, "Icarus Verilog version 10.3 (stable) ()")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SimulatorMissing, match=r"is missing: .* \(found 10\.003\)$"):
        tools.require("icarus")


@pytest.mark.simulation
def test_build_is_cached_by_content(tmp_path):
    source = tmp_path / "broken.sv"
    source.write_text(BROKEN[0].read_text())

    def made(**options):
        result = build([source], "broken", simulator="icarus", build_root=tmp_path / "b", **options)
        return result, result.executable.stat().st_mtime_ns

    first = made()
    assert made() == first
    other = made(probes={"broken": ["waited"]})
    assert other[0].key != first[0].key
    source.write_text(source.read_text() + "// changed\n")
    assert made()[0].key not in (first[0].key, other[0].key)
    assert not list((tmp_path / "b").glob("tmp-*"))


@pytest.mark.simulation
def test_one_build_for_all_who_ask_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from sim.tools import runner; "
        "make = runner._compile_icarus\n"
        "def counted(*arguments):\n"
        "    with open(sys.argv[1] + '/made', 'a') as file: file.write('x')\n"
        "    make(*arguments)\n"
        "runner._compile_icarus = counted\n"
        "runner.build([sys.argv[2]], 'broken', simulator='icarus', build_root=sys.argv[1])\n"
    )
    root = tmp_path / "b"
    root.mkdir()
    command = [sys.executable, "-c", code, str(root), str(BROKEN[0])]
    children = [subprocess.Popen(command, cwd=runner.ROOT) for _ in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    assert (root / "made").read_text() == "x"


def test_runs_at_once(simulator, tmp_path):
    made = build(BROKEN, "broken", simulator=simulator)

    def one(number):
        return run(
            made, test_module=BENCH, testcase="broken_stream", seed=number,
            env={"BENCH_SETTINGS": '{"fault": 0}'}, log=tmp_path / f"{number}.log",
        )

    with ThreadPoolExecutor(4) as pool:
        assert [[each.passed for each in results] for results in pool.map(one, range(4))] == [[True]] * 4
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}.log" for n in range(4)]


def test_the_users_environment_does_not_matter(simulator, tmp_path, monkeypatch):
    """Variables by which cocotb chooses tests and plug-ins, and Python its ways."""
    made = build(BROKEN, "broken", simulator=simulator)
    for name in ("COCOTB_TESTCASE", "COCOTB_TEST_FILTER", "COCOTB_TEST_MODULES", "GPI_EXTRA", "PYTHONHOME"):
        monkeypatch.setenv(name, "other")
    run(made, test_module=BENCH, testcase="broken_stream", seed=1, env={"BENCH_SETTINGS": '{"fault": 0}'},
        log=tmp_path / "log")


def test_make_is_not_sent_where_it_cannot_work(monkeypatch, no_cache):
    monkeypatch.setattr(tools, "BUILD", Path("/home/some one/build"))
    with pytest.raises(SimulatorMissing, match="^Verilator builds with make, which cannot work in "
                       "/home/some one/build, a path with ' ' in it: move the checkout, or take --sim icarus$"):
        tools.require("verilator")


def test_syntax_error_is_shown(simulator, tmp_path):
    source = tmp_path / "bad.sv"
    source.write_text("module bad (input logic clk); this is not Verilog; endmodule\n")
    with pytest.raises(BuildFailed, match=r"bad\.sv:1"):
        build([source], "bad", simulator=simulator, build_root=tmp_path / "b")
    assert not [path for path in (tmp_path / "b").iterdir() if path.name != "locks"]


def test_no_test_is_a_failure(simulator, tmp_path):
    made = build(BROKEN, "broken", simulator=simulator)
    with pytest.raises(SimulationFailed, match="broken under "):
        run(made, test_module=BENCH, testcase="no_such_test", seed=1, log=tmp_path / "log")


def test_time_limit(simulator, tmp_path):
    made = build(BROKEN, "broken", simulator=simulator)
    with pytest.raises(SimulationFailed, match=r"no result within 2 s"):
        run(
            made, test_module=HERE / "bench_endless.py", seed=1, log=tmp_path / "log",
            timeout_seconds=2,
        )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupt_leaves_no_process(simulator, sent, tmp_path):
    build(BROKEN, "broken", simulator=simulator)
    code = (
        "import signal, sys; from pathlib import Path; from sim.tools import runner\n"
        # A shell that put the tests into the background made them deaf to it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"made = runner.build([Path({str(BROKEN[0])!r})], 'broken', simulator={simulator!r})\n"
        f"runner.run(made, test_module=Path({str(HERE / 'bench_endless.py')!r}), seed=1, "
        f"log=Path(sys.argv[1]) / 'log', env=dict(PID_FILE=sys.argv[1] + '/pid'))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=runner.ROOT, stderr=subprocess.DEVNULL
    )
    simulation = None
    try:
        wait_for((tmp_path / "pid").exists)
        simulation = int((tmp_path / "pid").read_text())
        parent.send_signal(sent)
        assert parent.wait(10) != 0
        wait_for(lambda: not running(simulation))
    finally:  # a failure must not leave it running either
        parent.kill()
        if simulation and running(simulation):
            os.kill(simulation, signal.SIGKILL)


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_exception_in_poll_kills_the_child(tmp_path):
    def poll():
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        process.call(["sleep", "60"], log=tmp_path / "log", poll=poll)
    assert time.monotonic() - started < 5
