"""FilterSender: the tags of weights."""

import cocotb
from glb_model import words

from sim.streams import cross, run_io_check

WORDS = words(120)


@cocotb.test()
@cocotb.parametrize(cross(), ("rows", [3]), ("columns", [2]))
async def stalls(dut, idle, pressure, rows, columns):
    await run(dut, rows, columns, idle, pressure)


@cocotb.test()
@cocotb.parametrize(("rows", [1, 4, 15]), ("columns", [1, 5]))
async def full_rate(dut, rows, columns):
    sinks = await run(dut, rows, columns)
    given = sinks["o"].transfers
    assert given[-1] - given[0] == len(WORDS) - 1, "one word a cycle"


async def run(dut, rows, columns, idle="never", pressure="never"):
    tagged = [word | index // columns % rows << 64 | index % columns << 68 for index, word in enumerate(WORDS)]
    _, sinks = await run_io_check(
        dut, {"i": WORDS}, {"o": tagged}, idle=idle, pressure=pressure,
        ports={"filter_rows_last": rows - 1, "filter_columns_last": columns - 1})
    return sinks
