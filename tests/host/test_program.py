"""A whole layer on a driver whose chip is the golden model."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.image.program import compile_layer
from compiler.mapping.mapping import Mapping
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from host.driver import End, Patience, Status
from host.jobs import complete
from host.program import run_program
from hw.config import PRESETS
from hw.config.counters import COUNTERS

SHAPE = LayerShape.parse("M=16,C=6,H=5,W=6,R=3,G=2")  # two jobs, as m is half of a group's filters
TENSORS = random_tensors(SHAPE, seed=1, full_range=True)
EXPECTED = conv_layer(*TENSORS, SHAPE)


def program(**options):
    return compile_layer(SHAPE, Mapping(m=4, n=1, e=3, p=4, q=1, r=2, t=1), PRESETS["mini"], *TENSORS,
                         compress=False, **options)


class Model:
    """The chip of one program: at a job's end its ofmap lies in memory, by the golden model, `spoil` behind it."""

    def __init__(self, whole, *, ends=("done", "done"), spoil=None):
        self._whole, self._ends, self._spoil = whole, list(ends), spoil
        self.memory = np.zeros(4096, np.uint64)

    async def write_memory(self, address, words):
        assert len(words) <= 64
        self.memory[address:address + len(words)] = words

    async def read_memory(self, address, count):
        return self.memory[address:address + count].copy()

    async def reset(self):
        pass

    async def configure(self, bits):
        self._job = next(job for job in self._whole.jobs if job.bits == bits)

    async def start(self):
        first, job = self._job.ofmap_base, self._job
        one = replace(self._whole, jobs=[job])
        assert (one.ofmap(self.memory)[one.covered()] != EXPECTED[one.covered()]).any(), "it is there already"
        values = EXPECTED[one.covered()].reshape(2, 4, 3, 4)  # m groups, p filters, E, F
        words = values.transpose(0, 3, 2, 1).reshape(-1).copy().view(np.uint64)  # of four filters, by column and row
        self.memory[first:first + job.ofmap_count] = words
        if self._spoil is not None:
            self.memory[first + self._spoil] ^= np.uint64(1)

    async def wait(self, most):
        status = Status(self._ends.pop(0))
        return End(status, status == Status.FAULT)

    def elapsed(self):
        return 0.0

    async def counter(self, name):
        return 1 if name == "cycles" else 0


def run(whole, **options):
    return complete(run_program(Model(whole, **options), whole, EXPECTED, patience=Patience(1), simulator="model"))


@pytest.mark.parametrize("base", [0, 700])
def test_match(base):
    steps = []
    whole = program(base=base)
    result = complete(run_program(Model(whole), whole, EXPECTED, patience=Patience(1), simulator="model",
                                  progress=lambda *step: steps.append(step)))
    assert result.match and result.verdict("it") == f"match: all {EXPECTED.size} outputs equal the golden model's"
    assert result.counters == dict.fromkeys(COUNTERS, 0) | {"cycles": 2}
    assert result.configuration_cycles is None and result.as_dict()["milliseconds"] is None
    assert steps[-1] == ("read, words", 48, 48)
    words = len(whole.dram)
    assert [step for step in steps if step[0] == "load, words"][-1] == ("load, words", words, words)


def test_a_wrong_word_is_a_mismatch():
    result = run(program(), spoil=3)
    assert result.status == "done" and not result.match
    assert result.verdict("it").startswith("MISMATCH in it: 2 of 192 outputs differ, the first at (0, 0, 0, 1)")


def test_a_fault_names_its_job():
    result = run(program(), ends=("done", "fault"))
    assert result.status == "fault" and result.job == 2
    assert result.verdict("it") == "FAULT in it, job 2 of 2: a burst was addressed outside of DRAM"
    stopped = run(program(), ends=("fault",))
    assert (stopped.status, stopped.job, stopped.match) == ("fault", 1, False)
