"""ScanChain: the bits of `pack_scan` arrive in their fields; what was there comes out."""

import random

import cocotb
from cocotb.triggers import RisingEdge
from layer_model import setting_ports

from hw.config import ChipConfig, pack_scan, scan_fields
from sim.bench.run import setting
from sim.bench.streams import start


@cocotb.test()
@cocotb.parametrize(("gaps", [0.0, 0.5]))
async def loads_fields(dut, gaps):
    chip, chance = ChipConfig(**setting("chip")), random.Random(7)
    clk = await start(dut, enable=0, scan_in=0)
    before = None
    for _ in range(3):
        values = {
            field.name: [chance.getrandbits(field.width) for _ in range(field.count)]
            for field in scan_fields(chip)
        }
        bits = pack_scan(chip, {
            name: value if len(value) > 1 else value[0] for name, value in values.items()
        })
        out = [bit async for bit in shift(dut, clk, bits, gaps, chance)]
        expected = {field.name: sum(value << i * field.width for i, value in enumerate(values[field.name]))
                    for field in scan_fields(chip)}
        fields = setting_ports(dut, expected)
        assert len(fields) == len(expected), "fields without a port"
        for port, value in fields.items():
            assert int(getattr(dut, port).value) == value, port
        assert before is None or out == before, "scan_out"
        before = bits


async def shift(dut, clk, bits, gaps, chance):
    """Shift `bits` in; what leaves at the other end."""
    for bit in bits:
        while chance.random() < gaps:
            dut.enable.value, dut.scan_in.value = 0, chance.getrandbits(1)
            await RisingEdge(clk)
        dut.enable.value, dut.scan_in.value = 1, bit
        await RisingEdge(clk)
        yield int(dut.scan_out.value)
    dut.enable.value = 0
    await RisingEdge(clk)
