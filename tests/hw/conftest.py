"""What the module benches share: a small chip, and runs of a module as it is or broken on purpose."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from hw.config import ChipConfig
from hw.verilog.generate import write
from sim.bench.run import SIMULATORS, run_bench
from sim.tools.find import available
from sim.tools.runner import SimulationFailed

HERE = Path(__file__).parent

# five banks: not a power of two, so that pointers have to wrap
TINY = ChipConfig(name="tiny", rows=3, columns=4, glb_banks=5, glb_bank_words=16, filter_bank_words=16,
                  bias_words=16, burst_words=4)


@pytest.fixture
def tiny():
    return TINY


@pytest.fixture(params=SIMULATORS)
def simulator(request):
    if not available(request.param):
        pytest.skip(f"no {request.param}")
    return request.param


@pytest.fixture
def bench(tmp_path):
    """Run `bench_<name>.py` on a block."""
    return Bench(tmp_path)


class Bench:
    def __init__(self, directory):
        self._directory = directory

    def __call__(self, block, name, simulator="icarus", *, testcase=None, forced=None, **settings):
        """Run the cocotb tests; `forced` is what `force` takes besides the files."""
        sources = write(block, self._directory)
        if forced is not None:
            force(sources, *forced)
        return run_bench(
            sources, block.module_name, HERE / f"bench_{name}.py", simulator=simulator, testcase=testcase,
            settings={"chip": asdict(TINY)} | settings,
        )

    def fails(self, block, name, signal, expression, message, *, testcase=None, **settings):
        """See the bench fail on a broken block."""
        with pytest.raises(SimulationFailed) as failure:
            self(block, name, testcase=testcase, forced=(signal, expression), **settings)
        assert re.search(message, str(failure.value)), failure.value


def force(sources, signal, expression):
    """Change in Verilog what drives a signal.

    Parameters
    ----------
    signal : str
        ``module.signal``; its reset and default to zero stay.
    expression : str
        The new value, with ``{}`` for the old one.
    """
    module, name = signal.split(".")
    source = next(source for source in sources if source.stem == module)
    before = _next_value_apart(source.read_text(), name)
    pattern = re.compile(rf"^(\s*(?:assign |else )?\\?{name} +(?:<=|=) )(?!\d+'h0+;)([^;]*);$", re.MULTILINE)
    text, count = pattern.subn(
        lambda match: f"{match[1]}{expression.format('(' + match[2] + ')')};", before)
    assert count == 1, f"{signal} is driven in {count} places"
    source.write_text(text)


def _next_value_apart(text, name):
    """Give a register that its process writes in several places a next value of its own: one place to change."""
    target = rf"(?<![\w.]){re.escape(name)} ?(?=(?:\[[\d:]+\] )?<= )"

    def apart(match):
        if not re.search(target, match[2]):
            return match[0]
        width = re.search(rf"^  (?:output )?reg (\[\d+:\d+\] )?\\?{re.escape(name)} ", text, re.MULTILINE)[1] or ""
        body = re.sub(rf"\\?{target}(\[[\d:]+\] )?<= ", lambda found: f"next_{plain}{found[1] or ' '}= ", match[2])
        return (f"  reg {width}next_{plain};\n  always_comb begin\n    next_{plain} = {escaped};\n{body}  end\n"
                f"  always_ff @({match[1]})\n    {escaped} <= next_{plain};\n")

    plain = re.sub(r"\W", "_", name)
    escaped = f"\\{name} " if f"\\{name} " in text else name
    return re.sub(r"^  always_ff @\((\w+ \w+)\) begin\n((?:    .*\n)*?)  end\n", apart, text, flags=re.MULTILINE)
