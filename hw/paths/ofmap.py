"""Ofmaps: GLB -> bias -> ReLU -> (RLC encoder) -> DRAM.

Sums are modulo 2^16, so their order does not matter: the bias is added to the psum on its way out, where one word of
four biases serves a whole row of the array, and is not sent through the psum GIN. The encoder makes one stream of the
words of a filter group in a block.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import Glb, Loops, OfmapTile, PsumWalk
from hw.kit.block import Block, place
from hw.kit.interfaces import GlbRead
from hw.kit.memory import SinglePortSram
from hw.kit.payloads import QUAD
from hw.kit.settings import Settings, connect_settings
from hw.kit.stream import Queue, lanes, signals
from hw.kit.tokens import Tokens

from .fetch import GlbReader
from .glb import PsumPointer
from .rlc import StreamWord
from .walker import Tiles

__all__ = ["OfmapDrain"]


class OfmapDrain(Block):
    """Takes finished psums out of the GLB in the order in which they were written.

    For each filter group the biases come first, one word for each quad and set, then its tiles.
    Latency: six cycles from `finished` to the word at `o`. Throughput: a word a cycle; a cycle for each bias word.

    Members
    -------
    loops, ofmap_tile, psum_walk, glb : In(Settings).
    relu : In(1), setting: negative sums become 0.
    start : In(1), begin the layer in this cycle.
    biases : In(stream of 64 bits), words of four biases from DRAM.
    o : Out(stream of StreamWord), ofmap words.
    finished : In(1), a word of psums was finished in the GLB in this cycle: a token.
    drained : Out(1), a finished word is read from the GLB in this cycle.
    running : Out(1), ofmaps are still to come.
    read : Out(GlbRead).
    """

    module_name = "ofmap_drain"
    settings = {"relu": In(1)}

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "loops": In(Settings(Loops, chip)), "ofmap_tile": In(Settings(OfmapTile, chip)),
            "psum_walk": In(Settings(PsumWalk, chip)), "glb": In(Settings(Glb, chip)), **self.settings,
            "start": In(1), "biases": In(stream.Signature(QUAD)), "o": Out(stream.Signature(StreamWord(chip))),
            "finished": In(1), "drained": Out(1), "running": Out(1), "read": Out(GlbRead(chip)),
        })

    def elaborate(self, platform):
        m = Module()
        words = self._reader(m)
        loading, load, take, flowing = signals("loading load take flowing")
        tables, writes, loaded = self._tables(m, load)
        tiles = place(m, Tiles(self._chip), "tiles")
        connect_settings(m, self.loops, tiles.loops, channels_last=0)  # ofmaps are those of the last channel group
        index, table_ends, tile_ends = self._counters(m, tiles.tile, loading, loaded, take)
        following, held = self._following(m)
        adding, ending = signals("adding ending")
        psums = Signal(QUAD)
        m.d.comb += [
            tiles.start.eq(self.start), tiles.step.eq(take & tile_ends),
            load.eq(tiles.there & loading & self.biases.valid & ~adding),
            self.biases.ready.eq(load),
            flowing.eq(~adding | following.ready),
            take.eq(tiles.there & ~loading & words.valid & flowing), words.ready.eq(take),
            *(statement for table, write in zip(tables, writes, strict=True) for statement in (
                table.enable.eq(write | take), table.write.eq(write), table.address.eq(index),
                table.write_data.eq(self.biases.payload))),
            self.running.eq(tiles.running | adding | held),
        ]
        with m.If(self.start):
            m.d.sync += loading.eq(1)
        with m.Elif(loaded & table_ends):
            m.d.sync += loading.eq(0)
        with m.Elif(take & tile_ends & tiles.tile.last_tile):
            m.d.sync += loading.eq(1)
        with m.If(take):
            m.d.sync += [psums.eq(words.payload), ending.eq(tile_ends & tiles.tile.last_tile)]
        with m.If(flowing):
            m.d.sync += adding.eq(take)
        m.d.comb += following.valid.eq(adding)
        m.d.comb += self._finish(following.payload, psums, Cat(table.read_data for table in tables), ending)
        return m

    def _tables(self, m, load):
        """Memories of the biases, when each is written, and when the last one of an address is."""
        return [place(m, SinglePortSram(self._chip.bias_words, QUAD), "bias_table")], [load], load

    def _following(self, m):
        """The stream that takes words of psums, on to `o`, and whether one is held from there on."""
        out = place(m, Queue(StreamWord(self._chip), 2), "out")
        connect(m, out.o, flipped(self.o))
        return out.i, self.o.valid

    def _finish(self, word, psums, biases, last):
        """Statements that make `word` of psums, of their biases and of whether it is a stream's last."""
        sums = [(psum + bias)[:16] for psum, bias in zip(lanes(psums), lanes(biases), strict=True)]
        values = [Mux(self.relu & total[15], 0, total) for total in sums]
        return [word.values.eq(Cat(values)), word.last.eq(last), word.nonzero.eq(Cat(value != 0 for value in values))]

    def _reader(self, m):
        """Words of finished psums, in the order of writing."""
        pointer = place(m, PsumPointer(self._chip), "pointer")
        reader = place(m, GlbReader(self._chip), "reader")
        connect(m, reader.read, flipped(self.read))
        connect(m, flipped(self.glb), pointer.glb)
        tokens = place(m, Tokens(self._chip.glb_words), "tokens")
        asking = Signal()
        m.d.comb += [
            tokens.restart.eq(self.start), tokens.add.eq(self.finished), tokens.take.eq(asking),
            reader.i.valid.eq(tokens.any), reader.i.payload.eq(pointer.address),
            asking.eq(reader.i.valid & reader.i.ready), self.drained.eq(reader.granted),
            pointer.restart.eq(self.start), pointer.step.eq(asking),
        ]
        return reader.o

    def _counters(self, m, tile, loading, load, take):
        """(table index, table ends, tile ends) for: position, quad, set, ofmap row."""
        shape, walk = self.ofmap_tile, self.psum_walk
        x = Signal.like(shape.f_last)
        quad = Signal.like(walk.quads_last)
        j = Signal.like(shape.e_last)
        number = Signal.like(walk.sets_last)
        index = Signal(range(self._chip.bias_words))
        last_j, last_set, last_quad, tile_ends = signals("last_j last_set last_quad tile_ends")
        m.d.comb += [
            last_j.eq(loading | (j == Mux(tile.ragged_strip, shape.e_ragged, shape.e_last))),
            last_set.eq(last_j & (number == walk.sets_last)),
            last_quad.eq(last_set & (quad == walk.quads_last)),
            tile_ends.eq(last_quad & (x == Mux(tile.ragged_span, shape.f_ragged, shape.f_last))),
        ]
        with m.If(load | take):
            m.d.sync += j.eq(Mux(last_j, 0, j + 1))
            with m.If(last_j):
                m.d.sync += [number.eq(Mux(last_set, 0, number + 1)), index.eq(Mux(last_quad, 0, index + 1))]
            with m.If(last_set):
                m.d.sync += quad.eq(Mux(last_quad, 0, quad + 1))
        with m.If(take & last_quad):
            m.d.sync += x.eq(Mux(tile_ends, 0, x + 1))
        return index, last_quad, tile_ends
