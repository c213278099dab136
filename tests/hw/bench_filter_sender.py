"""FilterSender: the tags of weights."""

import cocotb
from glb_model import words
from layer_model import CHIP, setting_ports

from sim.bench.streams import cross, run_io_check

WORDS = words(120)
WEIGHTS = 10  # of a pass and PE: the last word is half padding, or more


@cocotb.test()
@cocotb.parametrize(cross(), ("rows", [3]), ("columns", [2]))
async def stalls(dut, idle, pressure, rows, columns):
    await run(dut, rows, columns, idle, pressure)


@cocotb.test()
@cocotb.parametrize(("rows", [1, 4, 15]), ("columns", [1, 5]))
async def full_rate(dut, rows, columns):
    sinks = await run(dut, rows, columns)
    given = sinks["o"].transfers
    assert given[-1] - given[0] == len(given) - 1, "one word a cycle"


async def run(dut, rows, columns, idle="never", pressure="never"):
    settings = {"filter_rows_last": rows - 1, "filter_columns_last": columns - 1, "filter_words": WEIGHTS}
    _, sinks = await run_io_check(
        dut, {"i": WORDS}, {"o": list(tagged(rows, columns))}, idle=idle, pressure=pressure,
        ports=setting_ports(dut, settings))
    return sinks


def tagged(rows, columns):
    """Words of the bus: of those of the GLB as they are, or what is no padding of their parts."""
    bits, lanes = CHIP.data_width, CHIP.word_values
    values, word_of_pass = CHIP.filter_bus_values, -(-WEIGHTS // CHIP.word_values)
    for index, word in enumerate(WORDS):
        last = index // (rows * columns) % word_of_pass == word_of_pass - 1
        weights = (WEIGHTS - 1) % lanes + 1 if last and values < lanes else lanes
        for lane in range(0, weights, values):
            part = word >> bits * lane & (1 << bits * values) - 1
            yield part | (index // columns % rows | index % columns << 4) << bits * values
