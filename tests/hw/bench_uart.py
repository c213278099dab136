"""A transmitter's line read by hand, a receiver's line driven by hand: bits of any phase, clocks a little off."""

import cocotb
from cocotb.triggers import FallingEdge, First, Timer
from glb_model import words

from sim.bench.run import setting
from sim.bench.streams import ProtocolChecker, Sink, Source, cycles, start

PERIOD_NS = 10
BIT_NS = PERIOD_NS * setting("clocks_per_bit")
BYTES = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, *words(12, width=8)]


@cocotb.test()
@cocotb.parametrize(("idle", ["never", "some", "mostly"]))
async def transmits(dut, idle):
    clk = await start(dut, i__valid=0)
    ProtocolChecker(dut, "i", clk, dut.rst)
    assert int(dut.tx.value) == 1, "high at rest"
    source = Source(dut, "i", clk, idle=idle)
    source.send(BYTES)
    for expected in BYTES:
        edge = FallingEdge(dut.tx)
        assert await First(edge, Timer(60 * BIT_NS, "ns")) is edge, "no start bit"
        await Timer(BIT_NS // 2, "ns")
        byte = 0
        for place in range(8):
            await Timer(BIT_NS, "ns")
            byte |= int(dut.tx.value) << place
        await Timer(BIT_NS, "ns")
        assert int(dut.tx.value) == 1, "stop bit"
        assert byte == expected, "byte"
    await Timer(3 * BIT_NS, "ns")
    assert int(dut.tx.value) == 1, "high at rest"


@cocotb.test()
@cocotb.parametrize(("percent", [-2, 0, 2]), ("phase_ps", [0, 5000, 9900]), ("gap_bits", [0, 3]))
async def receives(dut, percent, phase_ps, gap_bits):
    clk = await start(dut, rx=1, cycles=8)
    await cycles(clk, 4)
    sink = Sink(dut, "o", clk, expect=BYTES)
    bit_ps = BIT_NS * 10 * (100 + percent)
    await Timer(phase_ps + 100, "ps")
    for byte in BYTES:
        await drive(dut, byte, 1, bit_ps)
        await Timer(1 + gap_bits * bit_ps, "ps")
    await sink.wait()


@cocotb.test()
async def no_stop_bit_no_byte(dut):
    clk = await start(dut, rx=1, cycles=8)
    await cycles(clk, 4)
    sink = Sink(dut, "o", clk, expect=[0x17])
    await drive(dut, 0x99, 0, BIT_NS * 1000)
    dut.rx.value = 1
    await Timer(12 * BIT_NS, "ns")
    await drive(dut, 0x17, 1, BIT_NS * 1000)
    await sink.wait()
    await cycles(clk, 40)


async def drive(dut, byte, stop, bit_ps):
    for bit in (0, *(byte >> place & 1 for place in range(8)), stop):
        dut.rx.value = bit
        await Timer(bit_ps, "ps")
