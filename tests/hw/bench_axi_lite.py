"""AxiLitePort before registers that read as their address and refuse the upper half of the map."""

import cocotb
from axi_lite_registers import VALUE
from axi_words import lite_write
from glb_model import each_cycle, words

from sim.bench.patterns import pattern
from sim.bench.streams import cross, run_io_check

ADDRESSES = words(60, seed=1, width=12)
DATA = words(60, seed=2, width=32)
STROBES = [0xF if number % 5 else number // 5 for number in range(60)]


@cocotb.test()
@cocotb.parametrize(cross(), ("wait", ["never", "some"]))
async def accesses(dut, idle, pressure, wait):
    written, waits = [], pattern(wait, 7)

    def see():
        if int(dut.write.value) and int(dut.write_ready.value):
            written.append((int(dut.write_address.value), int(dut.write_data.value)))
        dut.write_ready.value = not next(waits)

    dut.write_ready.value = 1
    refused = [2 * (address >> 11) for address in ADDRESSES]
    each_cycle(dut.clk, see)
    await run_io_check(
        dut, {"aw": ADDRESSES, "w": [lite_write(*each) for each in zip(DATA, STROBES, strict=True)], "ar": ADDRESSES},
        {"b": [2 if strobe != 0xF else answer for strobe, answer in zip(STROBES, refused, strict=True)],
         "r": [(address ^ VALUE) | answer << 32 for address, answer in zip(ADDRESSES, refused, strict=True)]},
        idle=idle, pressure=pressure)
    assert written == [(address, data) for address, data, strobe in zip(ADDRESSES, DATA, STROBES, strict=True)
                       if strobe == 0xF], "writes"
