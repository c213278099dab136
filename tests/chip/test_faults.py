"""What the chip is given may be wrong: it says so, says why, and takes the next layer after a reset."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.mapping import Mapping
from compiler.program import compile_layer
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.rlc import LAST
from golden.tensors import random_tensors
from hw.config import PRESETS, pack_scan
from sim.layer import simulate_programs

CHIP = PRESETS["mini"]
SHAPE = LayerShape.parse("M=8,C=5,H=7,W=6,R=3")
MAPPING = Mapping(m=8, n=1, e=3, p=4, q=1, r=2, t=1)
CAUSES = ("unclaimed_words", "malformed_streams", "stuck", "surplus")
TENSORS = random_tensors(SHAPE, seed=3, zeros=0.6)


def program(base, compress):
    return compile_layer(SHAPE, MAPPING, CHIP, *TENSORS, relu=True, compress=compress, base=base)


def with_field(whole, field, change):
    job = whole.jobs[0]
    fields = job.fields | {field: change(job.fields[field])}
    return replace(whole, jobs=[replace(job, fields=fields, bits=pack_scan(CHIP, fields))])


def with_word(whole, index, change):
    words = whole.dram.copy()
    words[index] = change(words[index])
    return replace(whole, dram=words)


def first_end(whole):
    """Index of the last word of the first ifmap stream."""
    return int(np.flatnonzero(whole.dram >> np.uint64(63))[0])


# whether coded, what is done to the program, the cause that must be reported
FAULTS = {
    "a stream ends too early": (
        True, lambda whole: with_word(whole, 1, lambda word: word | np.uint64(LAST)), "malformed_streams"),
    "a stream does not end": (
        True, lambda whole: with_word(whole, first_end(whole), lambda word: word & ~np.uint64(LAST)),
        "malformed_streams"),
    "a run is too long": (
        True, lambda whole: with_word(whole, 2, lambda word: word | np.uint64(31)), "malformed_streams"),
    "a run is too short": (
        True, lambda whole: with_word(whole, first_end(whole) - 1, lambda word: word & ~np.uint64(31 << 21 | 31)),
        "malformed_streams"),
    "ifmaps in DRAM are a word short": (
        False, lambda whole: with_field(whole, "ifmap_last", lambda count: count - 1), "stuck"),
    "ifmaps in DRAM are a burst too long": (
        False, lambda whole: with_field(whole, "ifmap_last", lambda count: count + 40), "malformed_streams"),
    "filters in DRAM are a word short": (
        False, lambda whole: with_field(whole, "filter_ragged", lambda count: count - 1), "stuck"),
    "filters in DRAM are a word too long": (
        False, lambda whole: with_field(whole, "filter_ragged", lambda count: count + 1), "surplus"),
    "a bias too many": (
        False, lambda whole: with_field(whole, "bias_ragged", lambda count: count + 1), "surplus"),
    "an X-bus with another row ID": (
        True, lambda whole: with_field(whole, "ifmap_row_id", lambda ids: [9, *ids[1:]]), "unclaimed_words"),
}


def test_every_fault_has_its_cause_and_the_next_layer_is_right(need, top):
    """Wrong programs and right ones in turn, in one simulation of one build."""
    need("verilator")
    programs, base = [], 0
    for compress, change, _ in FAULTS.values():
        for spoil in (change, lambda whole: whole):
            programs.append(spoil(program(base, compress)))
            base += len(programs[-1].dram)
    expected = [conv_layer(*TENSORS, SHAPE, relu=True)] * len(programs)
    results = simulate_programs(programs, expected, CHIP, keep_going=True, max_cycles=60_000, top=top,
                                stall_seed=9 if top == "axi" else 0)
    for name, wrong, right in zip(FAULTS, results[::2], results[1::2], strict=True):
        cause = FAULTS[name][2]
        assert wrong.status == "fault", (name, wrong.status)
        assert wrong.counters[cause], (name, {cause: wrong.counters[cause] for cause in CAUSES})
        assert right.match, (name, right.status, right.difference)
        assert not any(right.counters[cause] for cause in CAUSES)


@pytest.mark.parametrize("compress", [False, True])
def test_layer_is_right_to_begin_with(need, compress):
    need("icarus")
    result, = simulate_programs([program(0, compress)], [conv_layer(*TENSORS, SHAPE, relu=True)], CHIP,
                                simulator="icarus")
    assert result.match
