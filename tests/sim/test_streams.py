"""The bench kit: proved on a FIFO that is right and on streams that are wrong."""

import itertools
import re
from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block
from hw.verilog.generate import write
from sim.bench import patterns
from sim.bench.run import run_bench
from sim.tools.runner import SimulationFailed

HERE = Path(__file__).parent
BENCH = HERE / "bench_streams.py"


class SmallFifo(Block):
    """`lib.fifo` between two streams."""

    module_name = "small_fifo"
    i: In(stream.Signature(8))
    o: Out(stream.Signature(8))

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = fifo.SyncFIFO(width=8, depth=4)
        wiring.connect(m, wiring.flipped(self.i), words.w_stream)
        wiring.connect(m, words.r_stream, wiring.flipped(self.o))
        return m


class Crossing(Block):
    """A FIFO from the link's clock to the core's."""

    module_name = "crossing"
    domains = ("sync", "link")
    i: In(stream.Signature(8))
    o: Out(stream.Signature(8))

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = fifo.AsyncFIFO(
            width=8, depth=8, r_domain="sync", w_domain="link"
        )
        wiring.connect(m, wiring.flipped(self.i), words.w_stream)
        wiring.connect(m, words.r_stream, wiring.flipped(self.o))
        return m


def test_two_clocks(simulator, tmp_path):
    results = run_bench(
        write(Crossing(), tmp_path), "crossing", BENCH, simulator=simulator, testcase="crossing_",
    )
    assert len(results) == 12


def test_fifo(simulator, tmp_path):
    results = run_bench(
        write(SmallFifo(), tmp_path), "small_fifo", BENCH, simulator=simulator,
        testcase="fifo_|sink_",
    )
    assert len(results) == len(patterns.cross()[1]) + 2
    assert all(result.sim_time_ns > 0 for result in results)


def broken(simulator, fault):
    run_bench(
        [HERE / "broken.sv"], "broken", BENCH, simulator=simulator, testcase="broken_stream",
        settings={"fault": fault},
    )


def test_unbroken_stream_passes(simulator):
    broken(simulator, 0)


@pytest.mark.parametrize("fault, message", [
    (1, r"o: word 20 is 0x16, not 0x15, at \d+ ns"),
    (2, r"o: payload changed from \['00000011'\] to \['00000100'\] before its transfer at \d+ ns"),
    (3, r"o: valid withdrawn before its transfer at \d+ ns"),
])
def test_broken_stream_fails(simulator, fault, message):
    with pytest.raises(SimulationFailed) as failure:
        broken(simulator, fault)
    assert re.search(message, str(failure.value)), failure.value


@pytest.mark.simulation
def test_unknown_valid_fails():
    with pytest.raises(SimulationFailed, match="o: o__valid is X at"):
        broken("icarus", 4)


def test_fields_and_signs(simulator):
    run_bench(
        [HERE / "struct.sv"], "struct_ports", BENCH, simulator=simulator, testcase="fields_",
    )


def test_patterns():
    def first(name):
        return list(itertools.islice(patterns.pattern(name, 1), 1000))

    assert sum(first("never")) == 0
    assert 150 < sum(first("some")) < 250 < 750 < sum(first("mostly")) < 850
    assert first("burst")[:13] == [False] * 5 + [True] * 7 + [False]
    with pytest.raises(ValueError, match=r"^p must be at least 0 and below 1, not 1$"):
        next(patterns.random_idle(0, 1))
