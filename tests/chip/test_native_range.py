"""Random layers over the whole native range, batches of them in one simulation.

The same 300 each time, unless `EYERISS_RANDOM_LAYERS` asks for so many others, `--hypothesis-seed` of a seed; a
failing batch is shrunk and printed with the shape, the data and the seed that give it again. `scripts/nightly`
runs 3,000.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from compiler.image.program import compile_layer
from compiler.mapping.density import Density
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import CodeTooLong
from compiler.mapping.search import find_mapping
from golden.conv import conv_layer
from golden.tensors import random_tensors
from hw.config import PRESETS
from sim.chip.programs import simulate_programs
from sim.chip.simulate import Settings
from tests.chip.native_range import native_layers

LAYERS = int(os.environ.get("EYERISS_RANDOM_LAYERS", "300"))
OTHERS = "EYERISS_RANDOM_LAYERS" in os.environ
BATCH = 20
SHARE = {"mini": 0.8, "eyeriss": 0.2}  # of the layers; the large chip is the slower one to simulate
MOST_MACS = {"mini": 60_000, "eyeriss": 200_000}


@pytest.mark.parametrize("chip, top", [*((chip, "chip") for chip in SHARE), ("mini", "axi")])
def test_random_layers(need, chip, top):
    need("verilator")
    count = max(1, round(LAYERS * SHARE[chip] / BATCH))
    details = st.tuples(native_layers(MOST_MACS[chip]), st.integers(0, 2**32 - 1), st.integers(0, 16), st.booleans(),
                        st.sampled_from((0.0, 0.4, 0.9)), st.sampled_from((None, True, False)))

    @settings(max_examples=count, deadline=None, print_blob=True, database=None, derandomize=not OTHERS,
              phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck))
    @given(st.lists(details, min_size=BATCH, max_size=BATCH), st.integers(0, 3))
    def run(layers, stalls):
        _run_batch(PRESETS[chip], layers, stalls if top == "chip" else stalls + 1, top)

    run()


def _compiled(shape, chip, tensors, density, **options):
    """With ifmaps that stay coded in the GLB where they may, and are not too long for it."""
    native = lower(shape, chip)
    try:
        mapping = find_mapping(native, chip, density=density, coded=options["compress"] is not False)
        return compile_layer(shape, mapping, chip, *tensors, **options)
    except CodeTooLong:
        return compile_layer(shape, find_mapping(native, chip, density=density), chip, *tensors, **options)


def _run_batch(chip, layers, stalls, top):
    programs, expected, base = [], [], 0
    for shape, seed, shift, relu, zeros, compress in layers:
        note(f"{shape} seed={seed} shift={shift} relu={relu} zeros={zeros} compress={compress}")
        tensors = random_tensors(shape, seed=seed, zeros=zeros, full_range=True)
        programs.append(_compiled(shape, chip, tensors, Density(1 - zeros), shift=shift, relu=relu,
                                  compress=compress, base=base))
        base += len(programs[-1].dram)
        expected.append(conv_layer(*tensors, shape, shift=shift, relu=relu))
    results = simulate_programs(programs, expected, chip,
                                Settings(stall_seed=stalls, max_cycles=2_000_000, top=top,
                                         optimize=True))  # one build serves all batches
    for (shape, *_), result in zip(layers, results, strict=True):
        assert result.match, (str(shape), result.status, result.difference, result.program.mapping)
    assert sum(np.prod(result.ofmap.shape) for result in results) > 0
