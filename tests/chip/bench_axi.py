"""The chip behind AXI, driven and served by cocotbext-axi's models."""

from dataclasses import replace

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer
from cocotbext.axi import AxiResp

from compiler.image.program import compile_layer
from compiler.mapping.mapping import Mapping
from golden.conv import conv_layer
from golden.layer import LayerShape
from golden.tensors import random_tensors
from host.axi import mask
from host.driver import Status
from host.program import run_program
from hw.config import PRESETS, pack_scan
from hw.config.counters import FAULTS
from hw.config.registers import OFFSETS, constants
from sim.chip.axi import PATIENCE, AxiDriver

CHIP = PRESETS["mini"]
BASE = 0x1_2345_6FB8  # beyond 4 GB, no multiple of 4 KB
LAYERS = {
    "two strips": ("M=8,C=5,H=5,W=6,R=3", dict(m=8, n=1, e=2, p=4, q=1, r=2, t=2)),
    "two tiles": ("M=5,C=3,H=7,W=7,R=3", dict(m=5, n=2, e=3, f=3, p=5, q=2, r=1, t=1)),
    "segments": ("M=5,C=2,H=9,W=5,R=3", dict(m=5, n=1, e=7, p=5, q=2, r=1, t=1)),
}


class Layer:
    """A compiled layer with random tensors."""

    def __init__(self, name="two strips", *, seed=1, relu=False):
        shape, mapping = LAYERS[name]
        shape, self.seed = LayerShape.parse(shape), seed
        tensors = random_tensors(shape, seed=seed, zeros=0.3, full_range=True)
        self.program = compile_layer(shape, Mapping(**mapping), CHIP, *tensors, relu=relu)
        self.job, = self.program.jobs
        self.expected = conv_layer(*tensors, shape, relu=relu)

    def address(self, name, base=BASE):
        return base + 8 * self.job.fields[f"{name}_base"]

    async def load(self, host, base=BASE):
        """Memory and configuration."""
        host.base = base
        await host.write_memory(0, self.program.dram)
        await host.configure(self.job.bits)

    async def check(self, host):
        """Every output is right, and no word but the ofmap's was touched."""
        after = await host.read_memory(0, len(self.program.dram))
        assert np.array_equal(self.program.ofmap(after), self.expected)
        before = self.program.dram.copy()
        ofmap = slice(self.job.ofmap_base, self.job.ofmap_base + self.job.ofmap_count)
        before[ofmap] = after[ofmap]
        assert np.array_equal(before, after)

    async def run(self, host, base=BASE):
        """From memory and configuration to the interrupt, and all is well."""
        await self.load(host, base)
        await host.start()
        await self.ends_well(host)

    async def ends_well(self, host, errors=0):
        pending = await host.end()
        while pending == mask("INTERRUPT_PENDING.ERROR"):  # of what was refused in the meantime
            pending = await host.end()
        assert pending & mask("INTERRUPT_PENDING.DONE"), "done"
        assert await host.read("STATUS") == mask("STATUS.DONE"), "status"
        assert await host.read("ERROR") == errors, "error"
        legal(host)
        await self.check(host)


def legal(host):
    """No rule was broken, and nothing is under way."""
    dut = host.dut
    assert not int(dut.violation.value), "a rule of AXI was broken"
    assert int(dut.open_reads.value) == int(dut.open_writes.value) == 0, "bursts are outstanding"


async def begun(dut, **options):
    host = AxiDriver(dut, BASE, **options)
    await host.begin()
    return host


async def refused(host, cause):
    """A write was refused: the cause is there, raises the interrupt, and is cleared."""
    assert await host.read("ERROR") == mask(f"ERROR.{cause}"), cause
    await host.write("ERROR", mask(f"ERROR.{cause}"))
    assert await host.read("ERROR") == 0
    assert await host.end() == mask("INTERRUPT_PENDING.ERROR")


async def halted(host, cause):
    """A layer ended with an error: the bus is at rest, and it says why."""
    assert await host.end() == mask("INTERRUPT_PENDING.ERROR")
    while (status := await host.read("STATUS")) & mask("STATUS.BUSY"):
        pass
    assert status == mask("STATUS.HALTED")
    assert await host.read("ERROR") & mask(f"ERROR.{cause}"), cause
    legal(host)
    await host.write("ERROR", await host.read("ERROR"))


async def recovers(host, layer):
    """No start until the reset, then the next layer is right."""
    await host.start()
    await refused(host, "BUSY_START")
    assert await host.read("STATUS") == mask("STATUS.HALTED")
    await host.reset()
    assert await host.read("STATUS") == 0
    await layer.run(host)


@cocotb.test()
@cocotb.parametrize(("name", list(LAYERS)), ("stall", [0.0, 0.3, 0.7]))
async def whole_layer(dut, name, stall):
    """As a host runs it: all in one call, and every output compared."""
    host, layer = await begun(dut, stall=stall, seed=len(name)), Layer(name, seed=2, relu=name == "segments")
    result = await run_program(host, layer.program, layer.expected, patience=PATIENCE, simulator="axi")
    assert result.match, result.verdict(name)
    legal(host)
    await layer.check(host)
    assert await host.read("STATUS") == mask("STATUS.DONE"), "status"
    assert int(dut.most_reads.value) > 1, "several reads outstanding"
    counters = result.counters
    assert counters["dram_filter"] > 0 and counters["cycles"] == sum(
        counters[f"{kind}_cycles"] for kind in ("mac", "ramp", "wait_ifmap", "wait_filter", "wait_ofmap"))


@cocotb.test()
@cocotb.parametrize(("core_ns", [2, 5, 19]), ("link_ns", [4, 11]))
async def clock_ratio(dut, core_ns, link_ns):
    host = AxiDriver(dut, stall=0.2)
    await host.begin(core_ns=core_ns, link_ns=link_ns)
    for seed in (1, 2):
        await Layer(seed=seed).run(host)


@cocotb.test()
async def boundary_of_4_kb(dut):
    """Images that lie across the boundary at every word of a burst, also with 64-bit carries."""
    host, splits = await begun(dut, stall=0.1), int(dut.splits.value)
    for words in (1, 2, 7, 15, 16, 23):
        base = 0xF_FFFF_F000 - 8 * words
        await Layer(seed=words).run(host, base)
        # the ofmap, too
        base = 0x7_0000_0000 - 8 * (Layer().job.ofmap_base + words)
        await Layer(seed=words).run(host, base)
    assert int(dut.splits.value) - splits >= 12


@cocotb.test()
@cocotb.parametrize(("stream", ["ifmap", "filter", "bias"]), ("stall", [0.0, 0.5]))
async def read_error(dut, stream, stall):
    host, layer = await begun(dut, stall=stall), Layer()
    host.memory.bad_reads = range(layer.address(stream), layer.address(stream) + 1)
    await layer.load(host)
    await host.start()
    await halted(host, "READ_RESPONSE")
    assert await host.counter("dram_ofmap") >= 0
    host.memory.bad_reads = range(0)
    await recovers(host, layer)


@cocotb.test()
@cocotb.parametrize(("word", [0, 3, -1]), ("stall", [0.0, 0.5]))
async def write_error(dut, word, stall):
    host, layer = await begun(dut, stall=stall), Layer()
    address = layer.address("ofmap") + 8 * (word % layer.job.ofmap_count)
    host.memory.bad_writes = range(address, address + 1)
    await layer.load(host)
    await host.start()
    await halted(host, "WRITE_RESPONSE")
    host.memory.bad_writes = range(0)
    await recovers(host, layer)


@cocotb.test()
async def fault(dut):
    """The chip's own finding, with its cause in a counter."""
    host, layer = await begun(dut, stall=0.2), Layer()
    fields = layer.job.fields | {"ifmap_row_id": [9, *layer.job.fields["ifmap_row_id"][1:]]}
    await host.write_memory(0, layer.program.dram)
    await host.configure(pack_scan(CHIP, fields))
    await host.start()
    await halted(host, "FAULT")
    assert await host.counter("unclaimed_ifmaps") == 1
    await recovers(host, layer)


@cocotb.test()
async def fault_of_a_program(dut):
    """The same as a host runs it; the next program is right."""
    host, layer = await begun(dut, stall=0.2), Layer()
    fields = layer.job.fields | {"ifmap_row_id": [9, *layer.job.fields["ifmap_row_id"][1:]]}
    wrong = replace(layer.program, jobs=[replace(layer.job, bits=pack_scan(CHIP, fields))])
    result = await run_program(host, wrong, layer.expected, patience=PATIENCE, simulator="axi")
    assert (result.status, result.faults) == (Status.FAULT, (FAULTS["unclaimed_ifmaps"],)), result
    assert (await run_program(host, layer.program, layer.expected, patience=PATIENCE, simulator="axi")).match


@cocotb.test()
@cocotb.parametrize(("offset", [1, 4, 7]))
async def unaligned_base(dut, offset):
    """Refused, nothing happens on the bus, and a right base is all that is needed."""
    host, layer = await begun(dut), Layer()
    await host.write_memory(0, layer.program.dram)
    host.base = BASE + offset
    await host.configure(layer.job.bits)
    await host.start()
    await refused(host, "UNALIGNED_BASE")
    assert await host.read("STATUS") == 0
    await host.write("BASE_LOW", BASE & 0xFFFF_FFFF)
    host.base = BASE
    await host.start()
    await layer.ends_well(host)


@cocotb.test()
async def start_while_busy(dut):
    """Refused like all that may not be written then, and the layer is right nevertheless."""
    host, layer = await begun(dut, stall=0.3), Layer()
    await layer.load(host)
    await host.start()
    await host.start()
    assert await host.read("STATUS") == mask("STATUS.BUSY")
    await refused(host, "BUSY_START")
    for register in ("CONFIG", "BASE_LOW", "BASE_HIGH"):
        await host.write(register, 0xFFFF_FFFF)
        await refused(host, "BUSY_WRITE")
    assert await host.read("STATUS") == mask("STATUS.BUSY")
    assert await host.read("BASE_LOW") == BASE & 0xFFFF_FFFF
    await layer.ends_well(host)
    await host.start()  # once more, as it is
    await layer.ends_well(host)


@cocotb.test()
@cocotb.parametrize((("channel", "word"), [("r", 0), ("r", 2), ("r", 25), ("r", 90), ("w", 0), ("w", 2), ("w", 14),
                                       ("ar", 0), ("ar", 4), ("aw", 0), ("aw", 1), ("b", 0)]), ("stall", [0.0, 0.6]))
async def reset_in_a_burst(dut, channel, word, stall):
    """What was begun on the bus is finished, writes nothing more, and the next layer is right."""
    host, layer = await begun(dut, stall=stall, seed=word), Layer()
    await layer.load(host)
    await host.start()
    valid, ready = (getattr(dut, f"m_axi_{channel}{pin}") for pin in ("valid", "ready"))
    seen = 0
    while seen <= word:
        await RisingEdge(dut.link_clk)
        assert not int(dut.irq.value), "the layer has ended before"
        seen += int(valid.value) and int(ready.value)
    await host.reset()
    legal(host)
    assert await host.read("STATUS") == await host.read("ERROR") == 0
    assert await host.counter("cycles") == 0, "counters are reset"
    other = Layer("two tiles", seed=word)
    await other.run(host)


@cocotb.test()
async def reset_of_a_standing_bus(dut):
    """The reset waits for a slave that does not answer, and is over once it does."""
    host, layer = await begun(dut), Layer()
    await layer.load(host)
    host._slave.read_if.r_channel.pause = True
    await host.start()
    await ClockCycles(dut.link_clk, 100)
    assert int(dut.open_reads.value) > 1
    await host.write("CONTROL", mask("CONTROL.RESET"))
    await ClockCycles(dut.link_clk, 200)
    assert await host.read("STATUS") == mask("STATUS.BUSY")
    host._slave.read_if.r_channel.pause = False
    await host.reset()
    await layer.run(host)


@cocotb.test()
async def reset_at_rest(dut):
    host = await begun(dut, stall=0.2)
    await host.reset()
    await host.reset()
    await Layer().run(host)
    await host.reset()
    assert await host.read("STATUS") == 0


@cocotb.test()
async def registers(dut):
    """Identity; what is not there or not to be written; interrupts; parts of registers."""
    host = await begun(dut, stall=0.3)
    for name, value in constants(CHIP).items():
        assert await host.read(name) == value, name
        assert await host.try_write(OFFSETS[name], 0) == AxiResp.SLVERR, name
    for offset in (0x04C, 0x800, 0xFFC):
        assert await host.try_write(offset, 1) == await host.try_read(offset) == AxiResp.SLVERR
    for name in ("CONTROL", "CONFIG", "COUNTER_SELECT"):
        assert await host.try_read(OFFSETS[name]) == AxiResp.SLVERR
    for name in ("STATUS", "COUNTER_LOW", "COUNTER_HIGH"):
        assert await host.try_write(OFFSETS[name], 0) == AxiResp.SLVERR
    await host.write("BASE_LOW", 0x89AB_CDEF)
    assert await host.try_write(OFFSETS["BASE_LOW"], 0, octets=2) == AxiResp.SLVERR
    assert await host.read("BASE_LOW") == 0x89AB_CDEF
    await host.write("BASE_HIGH", 0x0123_4567)
    assert await host.read("BASE_HIGH") == 0x0123_4567
    await host.start()  # unaligned
    assert not int(dut.irq.value), "not enabled"
    assert await host.read("INTERRUPT_PENDING") == mask("INTERRUPT_PENDING.ERROR")
    await host.write("INTERRUPT_ENABLE", mask("INTERRUPT_ENABLE.DONE"))
    await ClockCycles(dut.link_clk, 2)
    assert not int(dut.irq.value), "the other one is enabled"
    await host.write("INTERRUPT_ENABLE", mask("INTERRUPT_ENABLE.ERROR"))
    assert await First(RisingEdge(dut.irq), Timer(1, "us")) and int(dut.irq.value), "enabled"
