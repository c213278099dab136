"""ZeroScanner: of each window the values that are not zero, where their weights lie, and where a window ends."""

import random

import cocotb
from layer_model import CHIP, setting_ports

from sim.bench.streams import cross, run_io_check
from tests.hw.passes import Pass, bus_words, window_steps

CASES = {
    "conv1": Pass(p=16, q=1, S=11, V=4, f=5),
    "conv3": Pass(p=16, q=4, S=3, V=1, f=6),
    "disjoint": Pass(p=3, q=2, S=3, V=3, f=4),
    "scalar": Pass(p=1, q=1, S=1, V=1, f=9),
    "one_window": Pass(p=18, q=12, S=1, V=1, f=1, rows=1),
}
ZEROS = (0.0, 0.3, 0.8, 0.98, 1.0)
ROWS = 8  # the addresses of cases that fill the filter spad come round several times


def groups(shape, rows):
    """(number of the step that finds it, group) of all passes."""
    depth, base, some, index, ends_pass = CHIP.filter_spad_words, 0, False, 0, False
    for number, step in enumerate(window_steps(shape, rows)):
        value, zero, _, pass_ends = step.seen
        if step.first:
            index, some, ends_pass = 0, False, pass_ends
        if not zero or step.last:
            yield number, packed(value, zero, (base + index) % depth, index, not some, step.last, zero and some,
                                 ends_pass)
        some |= not zero
        index += shape.p
        if step.last and ends_pass:
            base = (base + shape.p * shape.window) % depth


def packed(*fields):
    """A `hw.array.zero_skip.group_layout` as an integer."""
    address = (CHIP.filter_spad_words - 1).bit_length()
    word = at = 0
    for value, width in zip(fields, (16, 1, address, address, 1, 1, 1, 1), strict=True):
        word |= (int(value) & (1 << width) - 1) << at
        at += width
    return word


@cocotb.test()
@cocotb.parametrize(("case", list(CASES)), ("zeros", ZEROS), cross(["never", "mostly"], ["never", "some", "burst"]))
async def finds(dut, case, zeros, idle, pressure):
    shape, chance = CASES[case], random.Random(f"{case} {zeros}")
    rows = [shape.random_row(chance, zeros) for _ in range(ROWS)]
    numbers, expected = zip(*groups(shape, rows), strict=True)
    _, sinks = await run_io_check(
        dut, {"i": bus_words(shape, rows, CHIP.ifmap_bus_values)}, {"o": expected}, idle=idle, pressure=pressure,
        ports=setting_ports(dut, {"p_last": shape.p - 1, "steps_last": shape.window - 1,
                                  "slide": shape.q * shape.V}))
    if idle == pressure == "never":
        cycles = sinks["o"].transfers
        late = [number for number, cycle in zip(numbers, cycles, strict=True)
                if cycle - cycles[0] != number - numbers[0]]
        assert not late, f"a value a cycle, but not at {late[0]}"
