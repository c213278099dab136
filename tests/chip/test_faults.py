"""What the chip is given may be wrong: it says so, says why, and takes the next layer after a reset."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.image.program import compile_layer
from compiler.mapping.mapping import Mapping
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.rlc import LAST
from golden.tensors import random_tensors
from hw.config import PRESETS, pack_scan
from hw.config.counters import FAULTS as CAUSES
from sim.chip.programs import simulate_programs
from sim.chip.simulate import Settings

CHIP = PRESETS["mini"]
SHAPE = LayerShape.parse("M=8,C=5,H=7,W=6,R=3")
MAPPING = Mapping(m=8, n=1, e=3, p=4, q=1, r=2, t=1)
# kind of layer -> shape, mapping, whether fmaps are coded in DRAM
LAYERS = {
    "raw": (SHAPE, MAPPING, False), "coded": (SHAPE, MAPPING, True),
    "coded in the GLB": (SHAPE, replace(MAPPING, coded=1), True),
    # more than the spads and the filter banks hold
    "many filters": (LayerShape.parse("M=128,C=5,H=5,W=6,R=3"), replace(MAPPING, m=128), False),
}


def program(base, kind):
    shape, mapping, compress = LAYERS[kind]
    return compile_layer(shape, mapping, CHIP, *tensors(shape), relu=True, compress=compress, base=base)


def tensors(shape):
    return random_tensors(shape, seed=3, zeros=0.6)


def expected(whole):
    return conv_layer(*tensors(whole.shape), whole.shape, relu=True)


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


# the kind of ifmaps, what is done to the program, the causes that must be reported, and no other
SPOILED = {
    "a stream ends too early": (
        "coded", lambda whole: with_word(whole, 1, lambda word: word | np.uint64(LAST)), "malformed_ifmaps"),
    "a stream does not end": (
        "coded", lambda whole: with_word(whole, first_end(whole), lambda word: word & ~np.uint64(LAST)),
        "malformed_ifmaps"),
    "a run is too long": (
        "coded", lambda whole: with_word(whole, 2, lambda word: word | np.uint64(31)), "malformed_ifmaps"),
    "a run is too short": (
        "coded", lambda whole: with_word(whole, first_end(whole) - 1, lambda word: word & ~np.uint64(31 << 21 | 31)),
        "malformed_ifmaps"),
    "ifmaps in DRAM are a word short": (
        "raw", lambda whole: with_field(whole, "ifmap_last", lambda count: count - 1), "stuck_ifmaps"),
    "ifmaps in DRAM are a burst too long": (
        "raw", lambda whole: with_field(whole, "ifmap_last", lambda count: count + 40), "malformed_ifmaps"),
    "coded ifmaps in DRAM are more than the GLB holds": (
        "coded in the GLB",
        lambda whole: with_field(whole, "ifmap_last", lambda count: count + 400), "surplus_ifmaps"),
    "filters in DRAM are a word short": (
        "raw", lambda whole: with_field(whole, "filter_ragged", lambda count: count - 1), "stuck_filters"),
    "filters in DRAM are a word too long": (
        "raw", lambda whole: with_field(whole, "filter_ragged", lambda count: count + 1), "surplus_filters"),
    "a bias too many": (
        "raw", lambda whole: with_field(whole, "bias_ragged", lambda count: count + 1), "surplus_biases"),
    "more biases too many than wait in the queue": (
        "raw", lambda whole: with_field(whole, "bias_ragged", lambda count: count + 200), "surplus_biases"),
    "a bias too few": (
        "raw", lambda whole: with_field(whole, "bias_ragged", lambda count: count - 1), "stuck_ofmaps"),
    "a PE that hears no filters": (
        "many filters", lambda whole: with_field(whole, "filter_col_id", lambda ids: [15, *ids[1:]]), "stuck_array"),
    "an X-bus of the ifmaps with another row ID": (
        "coded", lambda whole: with_field(whole, "ifmap_row_id", lambda ids: [9, *ids[1:]]), "unclaimed_ifmaps"),
    "an X-bus of the filters with another row ID": (
        "coded", lambda whole: with_field(whole, "filter_row_id", lambda ids: [9, *ids[1:]]), "unclaimed_filters"),
    "an X-bus of the psums with another row ID": (
        "coded", lambda whole: with_field(whole, "psum_row_id", lambda ids: [9] * len(ids)), "unclaimed_psums"),
    "an X-bus of the GON with another row ID": (
        "coded", lambda whole: with_field(whole, "gon_row_id", lambda ids: [9] * len(ids)), "unclaimed_requests"),
    "ofmaps beyond the end of DRAM": (
        "raw", lambda whole: with_field(whole, "ofmap_base", lambda base: (1 << 28) - 64), None),
}


def test_every_fault_has_its_cause_and_the_next_layer_is_right(need, top):
    """Wrong programs and right ones in turn, in one simulation of one build."""
    need("verilator")
    programs, base = [], 0
    for kind, change, _ in SPOILED.values():
        for spoil in (change, lambda whole: whole):
            programs.append(spoil(program(base, kind)))
            base += len(programs[-1].dram)
    results = simulate_programs(programs, [expected(whole) for whole in programs], CHIP, Settings(
        keep_going=True, max_cycles=100_000, top=top, stall_seed=9 if top == "axi" else 0))
    for name, wrong, right in zip(SPOILED, results[::2], results[1::2], strict=True):
        cause = SPOILED[name][2]
        assert wrong.status == "fault", (name, wrong.status)
        assert [found for found in CAUSES if wrong.counters[found]] == [cause] * (cause is not None), name
        assert wrong.faults == (CAUSES[cause] if cause else "a burst was addressed outside of DRAM",), name
        assert right.match and not right.faults, (name, right.status, right.difference)
        assert not any(right.counters[found] for found in CAUSES)


@pytest.mark.parametrize("kind", ["raw", "coded", "coded in the GLB"])
def test_layer_is_right_to_begin_with(need, kind):
    need("icarus")
    whole = program(0, kind)
    result, = simulate_programs([whole], [expected(whole)], CHIP, Settings(simulator="icarus"))
    assert result.match
