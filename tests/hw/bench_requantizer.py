"""The requantizer against the golden model: sums, biases and factors of all sizes, ties of both roundings."""

import cocotb
import numpy as np
from layer_model import pack

from golden.int8 import Format, requantize
from sim.bench.run import setting
from sim.bench.streams import cross, run_io_check

LANES = setting("lanes")


def factor(value):
    """The 31 bits of a positive float32."""
    return int(np.float32(value).view(np.uint32))


def sums(chance, count):
    """Sums of 1 to 32 bits, each size alike."""
    bits = chance.integers(1, 33, count)
    return (chance.integers(0, 1 << 32, count) >> (32 - bits)).astype(np.int64) * chance.choice([-1, 1], count)


def cases(seed, count):
    """(sum, factor) pairs."""
    chance = np.random.default_rng(seed)
    total = sums(chance, count).astype(np.int32)
    size = np.abs(total.astype(float)).clip(1)
    near = chance.uniform(0, 300, count) / size  # products within the range and a little beyond it
    ties = 2.0 ** np.rint(np.log2(near.clip(2.0 ** -60)))  # many a product is an integer and a half
    halves = (np.rint(near * size) + 0.5) / size  # or nearly so: the product's rounding makes it a tie, or not
    wild = 2.0 ** chance.uniform(-100, 100, count)
    chosen = np.choose(chance.integers(0, 4, count), [near, ties, halves, wild]).astype(np.float32)
    chosen[chance.random(count) < 0.02] = 0
    return total, chosen


def expected(total, chosen, zero):
    return requantize(total.reshape(1, -1, 1, 1), chosen, Format(np.float32(1), zero)).reshape(-1)


async def compare(dut, zero, seed, count, idle="never", pressure="never"):
    total, chosen = cases(seed, count * LANES)
    bias = sums(np.random.default_rng(seed + 1), count * LANES).astype(np.int32)
    with np.errstate(over="ignore"):
        psum = total - bias
    right = expected(total, chosen, zero)
    words, out = [], []
    for at in range(0, count * LANES, LANES):
        part, last = slice(at, at + LANES), int(at % 7 == 0)
        fields = [pack((int(value) & 0xFFFF_FFFF for value in values), 32) for values in (psum[part], bias[part])]
        fields.append(pack(map(factor, chosen[part]), 31))
        words.append(fields[0] | fields[1] << 32 * LANES | fields[2] << 64 * LANES | last << 95 * LANES)
        out.append(pack(map(int, right[part]), 8) | last << 8 * LANES)
    _, sinks = await run_io_check(dut, {"i": words}, {"o": out}, idle=idle, pressure=pressure, ports={"zero": zero})
    assert not int(dut.running.value), "running after the end"
    return sinks["o"].transfers


@cocotb.test()
@cocotb.parametrize(cross(["never", "some", "burst"], ["never", "some", "burst"]))
async def stalls(dut, idle, pressure):
    await compare(dut, 7, 1, 150, idle, pressure)


@cocotb.test()
@cocotb.parametrize(("zero", [0, 1, 128, 255]))
async def all_zero_points(dut, zero):
    times = await compare(dut, zero, 2 + zero, 2000)
    assert times[-1] - times[0] == 1999, "a word a cycle"
