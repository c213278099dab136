"""IfmapLoader: words pass, and a stream that is not as long as its tiles is told."""

import cocotb
from glb_model import Watch, pulse, words
from layer_model import LAYERS

from sim.bench.streams import ProtocolChecker, Sink, Source, cross, cycles, start

END, BAD = 1 << 64, 1 << 65


def model(layer, coded):
    """The words of each stream: the tiles of a block's channel group; coded ones come for each filter group."""
    supply, streams = iter(words(9000, layer.seed)), []
    for tile in layer.walk():
        if tile.first_group or coded:
            if tile.first_tile:
                streams.append([])
            streams[-1] += [next(supply) for _ in range(layer.tile_ifmap(tile))]
    return streams


async def run(dut, layer, *, raw=0, coded=0, spoil=None, idle="never", pressure="never"):
    """How many times malformed."""
    clk = await start(dut, start=0, raw=raw, i__valid=0, i__payload=0, o__ready=0,
                      **layer.ports(dut) | {"ifmap_coded": coded})
    for name in "io":
        ProtocolChecker(dut, name, clk, dut.rst)
    streams = [stream + [END] for stream in model(layer, coded)]
    if spoil is not None:
        spoil(streams)
    given = [word for stream in streams for word in stream if not (raw and word == END)]
    plain = [word for word in given if not word & END]
    malformed = Watch(clk, dut.malformed)
    source = Source(dut, "i", clk, idle=idle, seed=1)
    sink = Sink(dut, "o", clk, pressure=pressure, seed=2, expect=plain)
    await pulse(clk, dut.start)
    await cycles(clk, 1)
    source.send(given[:-1])
    await source.drain()
    await cycles(clk, 3)
    assert spoil or int(dut.running.value), "running"
    source.send(given[-1:])
    await source.drain()
    await sink.wait()
    await cycles(clk, 3)
    assert spoil or not int(dut.running.value), "running after the end"
    return malformed.count, sink


@cocotb.test()
@cocotb.parametrize(cross(), ("raw", [0, 1]))
async def stalls(dut, idle, pressure, raw):
    malformed, _ = await run(dut, LAYERS["full"], raw=raw, idle=idle, pressure=pressure)
    assert malformed == 0


@cocotb.test()
@cocotb.parametrize(("layer", list(LAYERS)), (("raw", "coded"), [(0, 0), (1, 0), (0, 1)]))
async def layers(dut, layer, raw, coded):
    malformed, _ = await run(dut, LAYERS[layer], raw=raw, coded=coded)
    assert malformed == 0


def too_short(streams):
    del streams[-1][0]


def too_long(streams):
    streams[-1].insert(0, 5)


def amid_a_word(streams):
    streams[1][-1] = END | BAD


def no_mark(streams):
    del streams[0][-1]


@cocotb.test()
@cocotb.parametrize(("fault", ["too_short", "too_long", "amid_a_word", "no_mark"]))
async def malformed_streams(dut, fault):
    malformed, _ = await run(dut, LAYERS["full"], spoil=globals()[fault])
    assert malformed > 0, "not told"
    assert malformed == 1 or fault in ("too_long", "no_mark")
