"""PsumSender: tags, zeros for the first channel group and for rows below the ofmap."""

import cocotb
from glb_model import pulse, words
from layer_model import CHIP, LAYERS

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start


def model(layer, supply):
    """(words taken, payloads sent)."""
    supply, taken, sent, values = iter(supply), [], [], CHIP.psum_bus_values
    for tile in layer.walk():
        for (row, column, stored), psums in zip(layer.array_walk(tile), layer.word_psums(tile), strict=True):
            word = 0
            if stored and not tile.first_channels:
                word = next(supply)
                taken.append(word)
            for lane in range(0, psums if values < CHIP.word_psums else CHIP.word_psums, values):
                part = word >> CHIP.psum_width * lane & (1 << CHIP.psum_width * values) - 1
                sent.append(part | (row | column << 4) << CHIP.psum_width * values)
    return taken, sent


async def run(dut, *layers, idle="never", pressure="never"):
    clk = await start(dut, start=0, i__valid=0, o__ready=0, **layers[0].ports(dut))
    for name in "io":
        ProtocolChecker(dut, name, clk, dut.rst)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    sink = Sink(dut, "o", clk, pressure=pressure, seed=2)
    for layer in layers:
        for name, value in layer.ports(dut).items():
            getattr(dut, name).value = value
        taken, sent = model(layer, words(2000, layer.seed))
        sink.received.clear()
        source.send(taken)
        await pulse(clk, dut.start)
        await sink.wait(len(sent))
        await cycles(clk, 20)
        assert sink.received == sent, "words sent"
        await source.drain()
    return sink


@cocotb.test()
@cocotb.parametrize(cross())
async def stalls(dut, idle, pressure):
    await run(dut, LAYERS["full"], idle=idle, pressure=pressure)


@cocotb.test()
@cocotb.parametrize(("layer", list(LAYERS)))
async def full_rate(dut, layer):
    sink = await run(dut, LAYERS[layer])
    assert sink.transfers[-1] - sink.transfers[0] == len(sink.transfers) - 1, "one word a cycle"


@cocotb.test()
async def one_after_another(dut):
    await run(dut, LAYERS["full"], LAYERS["random0"], LAYERS["full"])
