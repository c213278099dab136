"""Order, tags, flags and zeros of what IfmapSender and WideIfmapSender send."""

import cocotb
from glb_model import Watch, pulse, words
from layer_model import CHIP, LAYERS, Layer, pack

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

VALUES, BITS = CHIP.ifmap_bus_values, CHIP.data_width
ROW_ENDS = BITS * VALUES  # of a bus word; the number of values, less one, follows the flags, and the tag follows it
TAG = ROW_ENDS + 2 + (VALUES - 1).bit_length()
# more channels than a bus word holds, not a multiple of them, and every last turn is ragged
CASES = LAYERS | {"channels": Layer(images=2, strips=2, spans=2, n=3, channels=2, groups=2, e=2, f=2, S=2, R=2, q=7,
                                    r=2, seed=9),
                   # the last window begins in the last column that the scan chain can name, and ends behind it
                   "wide": Layer(images=2, f=1024, f_ragged=1024, S=5, seed=10)}


def model(layer, supply):
    """(words taken, expected payloads, passes)."""
    supply, taken, sent, passes = iter(supply), [], [], 0
    for tile in layer.walk():
        own = [next(supply) for _ in range(layer.tile_ifmap(tile))]
        taken += own
        values = iter([word >> BITS * lane & (1 << BITS) - 1 for word in own for lane in range(CHIP.word_values)])
        for column in range(layer.ifmap_columns(tile.columns)):
            for k in range(layer.ifmap_rows(layer.e)):
                for channel in range(layer.r):
                    for q in range(layer.q):
                        value = next(values) if k < layer.ifmap_rows(tile.rows) else 0
                        row_ends = q == 0 and column == (tile.columns - 1) * layer.V
                        tag = channel * layer.U + k % layer.U, k // layer.U
                        if q % VALUES == 0:
                            last = min(VALUES, layer.q - q) - 1
                            sent.append(row_ends << ROW_ENDS | (row_ends and tile.last_tile) << ROW_ENDS + 1
                                        | last << ROW_ENDS + 2 | tag[0] << TAG | tag[1] << TAG + 4)
                        sent[-1] |= pack([value], BITS) << q % VALUES * BITS
        passes += tile.last_tile
    return taken, sent, passes


async def run(dut, *layers, idle="never", pressure="never"):
    clk = await start(dut, start=0, i__valid=0, o__ready=0, **layers[0].ports(dut))
    for name in "io":
        ProtocolChecker(dut, name, clk, dut.rst)
    ends = Watch(clk, dut.pass_ends)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    sink = Sink(dut, "o", clk, pressure=pressure, seed=2)
    for layer in layers:
        for name, value in layer.ports(dut).items():
            getattr(dut, name).value = value
        taken, sent, passes = model(layer, words(2000, layer.seed))
        source.transfers.clear()
        sink.received.clear()
        ends.count = 0
        source.send(taken)
        await pulse(clk, dut.start)
        await sink.wait(len(sent))
        await cycles(clk, 20)
        assert sink.received == sent, "values"
        assert len(source.transfers) == len(taken), "words taken"
        assert ends.count == passes, "passes"
    return sink


@cocotb.test()
@cocotb.parametrize(cross())
async def stalls(dut, idle, pressure):
    await run(dut, LAYERS["full"], idle=idle, pressure=pressure)


@cocotb.test()
async def one_after_another(dut):
    await run(dut, LAYERS["full"], LAYERS["random0"], LAYERS["full"])


@cocotb.test()
@cocotb.parametrize(("layer", list(CASES)))
async def full_rate(dut, layer):
    sink = await run(dut, CASES[layer])
    assert sink.transfers[-1] - sink.transfers[0] == len(sink.transfers) - 1, "one bus word a cycle"
