"""Tasks on a Dask cluster: the same results, also when a worker dies on the way."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from compiler.mapping.mapping import Mapping
from compiler.paper.networks import BenchmarkLayer
from golden.layer import LayerShape
from hw.config import PRESETS
from sim.jobs.benchmark import layer_tasks, run_task, run_tasks
from sim.jobs.workers import ClusterError, executor, parse_workers
from sim.tools.files import ROOT
from sim.tools.find import available

LAYER = BenchmarkLayer("small", LayerShape.parse("N=4,M=12,C=8,H=21,W=19,R=3,P=1"), 0.4, 0.6)
MAPPING = Mapping(m=8, n=2, e=4, f=5, p=4, q=2, r=1, t=1)


def tasks():
    return layer_tasks(LAYER, MAPPING, PRESETS["mini"], seed=7, simulator="verilator", shards=4)


def timeless(results):
    """Results without what differs from run to run."""
    return {task: {name: value for name, value in result.items()
                   if name not in ("wall_seconds", "simulated_cycles_per_second")}
            for task, result in results.items()}


def kill_a_busy_worker(address, killed):
    """Wait until the workers have begun a task, then kill one of them."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        processes = client.run(os.getpid)
        for _ in range(600):
            before = client.processing()
            time.sleep(0.2)
            busy = [worker for worker, keys in client.processing().items() if set(keys) & set(before.get(worker, ()))]
            if busy:  # still at the same task
                os.kill(processes[busy[0]], signal.SIGKILL)
                killed.append(processes[busy[0]])
                return


@pytest.mark.simulation
@pytest.mark.skipif(not available("verilator"), reason="no verilator")
def test_a_killed_worker_changes_nothing(cluster, tmp_path):
    expected = timeless(run_tasks(tasks(), workers=1))
    killed = []
    killer = threading.Thread(target=kill_a_busy_worker, args=(cluster.scheduler_address, killed))
    killer.start()
    results = run_tasks(tasks(), workers=cluster.scheduler_address, fresh=True)
    killer.join()
    assert killed
    with pytest.raises(OSError):
        os.kill(killed[0], 0)
    assert timeless(results) == expected
    assert all(result["match"] for result in results.values())


@pytest.mark.slow
def test_no_cluster():
    with pytest.raises(ClusterError, match="^no Dask scheduler at tcp://127.0.0.1:9: "), executor("tcp://127.0.0.1:9"):
        pass


def test_workers_with_other_code_are_refused():
    with pytest.raises(ValueError, match="runs other code than the client: bring its tree up to date$"):
        run_task(tasks()[0], "0" * 24)


@pytest.mark.parametrize("text", ["0", "-1", "two", "", "1.5"])
def test_not_workers(text):
    with pytest.raises(ValueError, match="^--workers must be at least 1, or the address of a Dask scheduler "):
        parse_workers(text)


def test_workers():
    assert parse_workers("3") == 3
    assert parse_workers("tcp://host:8786") == "tcp://host:8786"


def test_without_the_package():
    """One line that says how to get it."""
    code = ("import sys; sys.modules['distributed'] = None\n"
            "from sim.jobs.workers import ClusterError, executor\n"
            "try:\n    executor('tcp://x:1').__enter__()\nexcept ClusterError as error:\n    print(error)")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == ("--workers with an address needs the package distributed: "
                    "pip install 'eyeriss-generator[cluster]'\n")


def test_ctrl_c_ends_all_processes_and_they_say_nothing(tmp_path):
    """A terminal sends it to the whole group; no task that waits is begun, folders of those at work are removed."""
    code = ("import sys, time; from concurrent.futures import as_completed; from sim.jobs.workers import executor\n"
            "from tests.sim.test_workers import wait_in_a_folder\n"
            "if __name__ == '__main__':\n"
            "    with executor(2) as pool:\n"
            "        list(as_completed([pool.submit(wait_in_a_folder, sys.argv[1]) for _ in range(6)]))\n")
    script = tmp_path / "script.py"
    script.write_text(code)
    folders = tmp_path / "folders"
    folders.mkdir()
    parent = subprocess.Popen([sys.executable, script, folders], stderr=subprocess.PIPE, text=True, cwd=ROOT,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        for _ in range(1200):
            if len(list(folders.iterdir())) == 2:
                break
            time.sleep(0.05)
        os.killpg(parent.pid, signal.SIGINT)
        _, said = parent.communicate(timeout=30)
    finally:
        parent.kill()
    assert [line for line in said.splitlines() if "Process" in line or line.startswith("KeyboardInterrupt")] \
        == ["KeyboardInterrupt"], said  # the parent's own, which the command line turns into a word
    assert not list(folders.iterdir())


def wait_in_a_folder(directory):
    with tempfile.TemporaryDirectory(dir=directory):
        time.sleep(60)
