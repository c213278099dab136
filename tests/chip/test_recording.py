"""Waveforms and timelines: what they hold is what the chip did, by its own counters."""

import json
import re

import pytest
import pywellen

from hw.config import PRESETS
from sim.chip.recording import Recording, check_scopes, scopes
from sim.chip.simulate import HARNESSES
from sim.chip.timeline import KINDS, TENSORS, read_trace, waits
from sim.chip.verilog import chip_verilog
from sim.tools import verilate
from tests.chip.layers import run

CHIP = "harness.u_chip"
# two groups, each cut in m, so two jobs; the waveform ends in the second
SHAPE, MAPPING, FIRST, LAST = "M=4,C=2,H=6,W=6,R=3,G=2", "m=1 n=1 e=4 p=1 q=1 r=1 t=1", 200, 2_900


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A function: (result, waveform's path, timeline) of the layer under a simulator, run once for each."""
    done = {}

    def recorded(simulator):
        if simulator not in done:
            folder = tmp_path_factory.mktemp(simulator)
            record = Recording(folder / "w.fst", FIRST, LAST, trace=folder / "t.json")
            done[simulator] = run(SHAPE, MAPPING, simulator=simulator, record=record), record
        result, record = done[simulator]
        assert result.match
        return result, record.waves, json.loads(record.trace.read_text())

    return recorded


@pytest.fixture(params=["verilator", "icarus"])
def simulator(request, need):
    need(request.param)
    return request.param


def signals(path):
    """{name: signal}; Icarus escapes names that have dots."""
    return {var.full_name.replace("\\", ""): var.signal for var in pywellen.Waveform(str(path)).all_vars()}


def at(signal, cycle):
    """The value in a core cycle, just before its edge."""
    return signal.value_at(cycle * 5_000 + 2_000)


def test_timeline_adds_up_to_the_counters(recorded, simulator):
    """Each kind of cycle, passes, words of each tensor: not one more and not one less."""
    result, _, trace = recorded(simulator)
    counters = result.counters
    period = trace["otherData"]["core_ps"] / 1e6
    for kind in KINDS[:5]:
        events = [event for event in trace["traceEvents"] if event["name"] == kind]
        assert sum(round(event["dur"] / period) for event in events) == counters[f"{kind}_cycles"], kind
    timeline = read_trace(trace)
    assert {f"{kind}_cycles": timeline.cycles()[kind] for kind in KINDS[:5]} == {
        f"{kind}_cycles": counters[f"{kind}_cycles"] for kind in KINDS[:5]}
    assert len(timeline.passes) == counters["passes"]
    for tensor in TENSORS:
        words = sum(burst.words for burst in timeline.bursts if burst.tensor == tensor)
        assert words == counters[f"dram_{tensor}"], tensor


def test_who_waited_for_whom(recorded, simulator):
    """What the link carried adds up to the cycles of each kind; a link carries one word a cycle at most."""
    timeline = read_trace(recorded(simulator)[2])
    for kind, shares in waits(timeline).items():
        assert sum(shares.values()) == pytest.approx(timeline.cycles()[kind])
        assert all(share >= -1e-6 for share in shares.values()), (kind, shares)
    for before, after in zip(timeline.bursts, timeline.bursts[1:], strict=False):
        assert before.accepted < before.first <= before.last < after.first
        assert before.words <= before.last - before.first + 1


def test_waveform_is_what_the_timeline_says(recorded, simulator):
    """Cycle by cycle, read back from the FST file."""
    _, waves, trace = recorded(simulator)
    found, timeline = signals(waves), read_trace(trace)
    kinds = {cycle: span.kind for span in timeline.spans for cycle in range(span.first, span.last)}
    for cycle in range(FIRST, min(LAST, timeline.spans[-1].last)):
        expected = kinds.get(cycle)
        if expected != "configuration":
            seen = [kind for kind in KINDS[:5] if at(found[f"{CHIP}.counters.{kind}_cycles"], cycle)]
            # a layer's first cycle, in which the counters are cleared, is counted nowhere
            assert seen == [expected] * (expected is not None) or at(found[f"{CHIP}.counters.clear"], cycle), cycle


def test_waveform_has_its_window_and_its_scopes(recorded, simulator):
    waveform = pywellen.Waveform(str(recorded(simulator)[1]))
    names = {var.full_name.replace("\\", "") for var in waveform.all_vars()}
    assert {f"{CHIP}.array.row_0.pe_0.ifmaps__valid", f"{CHIP}.dram_port.arbiter.clk", f"{CHIP}.glb.clk",
            f"{CHIP}.array.clk"} <= names
    others = {name for name in names if re.search(r"\.row_[1-9]|\.pe_[1-9]|\.gon\.", name)}
    assert {name for name in others if "__" not in name.rpartition(".")[2] and ".array." in name} == set()
    clock = next(var.signal for var in waveform.all_vars() if var.full_name == f"{CHIP}.clk")
    times = [time for time, _ in clock]
    assert FIRST * 5_000 <= times[0] < (FIRST + 1) * 5_000
    assert (LAST - 1) * 5_000 <= times[-1] <= LAST * 5_000  # Icarus ends with X


def test_simulators_write_the_same_waveform(recorded, need):
    """Every port in the file for GTKWave, which the FST file has under this very name."""
    need("verilator")
    need("icarus")
    files = [recorded(simulator)[1] for simulator in ("verilator", "icarus")]
    texts = [file.with_suffix(".gtkw").read_text().split("\n", 1)[1] for file in files]
    assert texts[0] == texts[1]
    names = [line.partition("[")[0] for line in texts[0].splitlines() if line.startswith("harness.")]
    assert len(names) > 300
    last = read_trace(recorded("verilator")[2]).spans[-1].last
    ours, theirs = (signals(file) for file in files)
    for name in names:
        for cycle in range(FIRST, min(LAST, last), 37):
            value = at(theirs[name], cycle)
            assert at(ours[name], cycle) == value or "x" in str(value), (name, cycle)


def test_nothing_is_traced_without_waves():
    """So that simulations without waveforms are as fast as ever."""
    sources = [*HARNESSES["chip"], *chip_verilog(PRESETS["mini"])]
    found = verilate.modules(sources)
    assert scopes(Recording(), found, "harness") == []
    assert "tracing" not in verilate.control_file("harness", {}, found)


@pytest.mark.parametrize("name, message", [
    ("array.row_9.pe_0", "array has no row_9, but gin_filter, .*row_5"),
    ("pe_0", "the chip has no pe_0, but array, "),
    ("scan.x", "scan has no x, but no instances"),
])
def test_a_scope_that_is_not_there_is_refused(name, message):
    with pytest.raises(ValueError, match=rf"^--waves-scope must be instances in the chip, .*: {message}"):
        check_scopes(Recording("w.fst", scopes=(name,)), chip_verilog(PRESETS["mini"]))


def test_scopes_of_its_own():
    found = verilate.modules([*HARNESSES["chip"], *chip_verilog(PRESETS["mini"])])
    recording = Recording("w.fst", scopes=("glb", "array.row_1"), depth=2)
    assert scopes(recording, found, "harness") == [
        verilate.Scope(f"{CHIP}.glb", 2), verilate.Scope(f"{CHIP}.array.row_1", 2)]
