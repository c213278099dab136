"""From a module's Verilog to its passed cocotb tests in one call.

A module's pytest file is then::

    BENCH = Path(__file__).with_name("bench_queue.py")

    @pytest.mark.parametrize("simulator", SIMULATORS)
    def test_queue(simulator, tmp_path):
        queue = Queue(8, 4)
        run_bench(write(queue, tmp_path), queue.module_name, BENCH, simulator=simulator)

and the cocotb tests in ``bench_queue.py`` can read their parameters with `setting`.
"""

import json
import os
import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.tools import runner
from sim.tools.find import SIMULATORS

__all__ = ["SIMULATORS", "run_bench", "setting"]

_SETTINGS = "BENCH_SETTINGS"

#: No module's bench takes a tenth of this; a hung one must not stop the tests.
TIMEOUT_SECONDS = 300


def run_bench(sources: Sequence[Path], top: str, test_module: str | Path, *, simulator: str,
              parameters: Mapping[str, int] | None = None, probes: Mapping[str, Sequence[str]] | None = None,
              testcase: str | None = None, seed: int = 1, settings: Mapping[str, Any] | None = None,
              build_root: Path = runner.BUILD_ROOT,
              timeout_seconds: float | None = TIMEOUT_SECONDS) -> list[runner.TestResult]:
    """Build Verilog (or find it built) and run a cocotb test module on it.

    Parameters
    ----------
    sources : list of Path
    top : str
        The top module.
    test_module : str or Path
        Dotted name or file of the cocotb tests.
    simulator : str
    parameters, probes : see `runner.build`
    testcase, seed : see `runner.run`
    settings : dict, optional
        What the test module gets from `setting`; JSON's types.
    build_root : Path
    timeout_seconds : float

    Returns
    -------
    list of runner.TestResult

    Raises
    ------
    SimulatorError
        See `runner.build` and `runner.run`.
    """
    build = runner.build(
        sources, top, simulator=simulator, parameters=parameters, probes=probes,
        build_root=build_root,
    )
    name = re.sub(r"\W+", "_", Path(str(test_module)).stem)
    log = Path(build_root) / "logs" / f"{name}-{top}-{simulator}-{uuid.uuid4().hex[:8]}.log"
    results = runner.run(
        build, test_module=test_module, testcase=testcase, seed=seed, log=log,
        env={_SETTINGS: json.dumps(settings or {})}, timeout_seconds=timeout_seconds,
    )
    # Only a failure's log is worth keeping.
    log.unlink()
    return results


def setting(name: str, default: Any = None) -> Any:
    """In a cocotb test: what `run_bench` was given under `name`."""
    return json.loads(os.environ.get(_SETTINGS, "{}")).get(name, default)
