"""Ofmaps: GLB -> bias -> ReLU -> (RLC encoder) -> DRAM.

Sums are modulo 2^16 and so do not care for order: the bias joins the psum on its way out, where one
word of four biases serves a whole row of the array, instead of passing through the psum GIN first.
The words of a filter group in a block are one stream for the encoder.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.memory import SinglePortSram
from hw.kit.payloads import QUAD
from hw.kit.settings import attach, setting_ports
from hw.kit.stream import Queue, join, lanes, signals
from hw.kit.tokens import Tokens

from .fetch import GlbReader, wire_reader
from .glb import PsumPointer
from .rlc import StreamWord
from .walker import WALK_SETTINGS, Tiles

__all__ = ["OfmapDrain"]

LOOP_SETTINGS = "e_last e_ragged f_last f_ragged quads_last sets_last"
DRAIN_WALK = [name for name in WALK_SETTINGS.split() if name != "channels_last"]  # 0: the last only


class OfmapDrain(Block):
    """Takes finished psums out of the GLB in the order in which they were written.

    For each filter group the biases come first, one word for each quad and set, then its tiles.

    Members
    -------
    biases : words from DRAM; o : ofmap words.
    finished : a psum was finished in the GLB: a token; drained : one has left.
    running : ofmaps are still to come.
    """

    module_name = "ofmap_drain"
    SETTINGS = " ".join(DRAIN_WALK) + " " + LOOP_SETTINGS + " ifmap_banks relu"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "biases": In(stream.Signature(QUAD)), "o": Out(stream.Signature(StreamWord)),
            "finished": In(1), "drained": Out(1), "running": Out(1),
            "read_valid": Out(1), "read_ready": In(1), "read_bank": Out(range(chip.glb_banks)),
            "read_row": Out(range(chip.glb_bank_words)), "read_data": In(QUAD),
        })

    def elaborate(self, platform):
        m = Module()
        words = self._reader(m)
        table = place(m, SinglePortSram(self._chip.bias_words, QUAD), "bias_table")
        tiles = place(m, Tiles(self._chip), "tiles")
        attach(m, tiles, self, " ".join(DRAIN_WALK))
        loading, load, take, flowing = signals("loading load take flowing")
        index, table_ends, tile_ends = self._counters(m, tiles, loading, load, take)
        out = place(m, Queue(StreamWord, 2), "out")
        join(m, out.o, self.o)
        adding, ending = signals("adding ending")
        psums = Signal(QUAD)
        m.d.comb += [
            tiles.start.eq(self.start), tiles.step.eq(take & tile_ends),
            load.eq(tiles.there & loading & self.biases.valid & ~adding),
            self.biases.ready.eq(load),
            flowing.eq(~adding | out.i.ready),
            take.eq(tiles.there & ~loading & words.valid & flowing), words.ready.eq(take),
            table.enable.eq(load | take), table.write.eq(load), table.address.eq(index),
            table.write_data.eq(self.biases.payload),
            self.running.eq(tiles.running | adding | self.o.valid),
        ]
        with m.If(self.start):
            m.d.sync += loading.eq(1)
        with m.Elif(load & table_ends):
            m.d.sync += loading.eq(0)
        with m.Elif(take & tile_ends & tiles.last_tile):
            m.d.sync += loading.eq(1)
        with m.If(take):
            m.d.sync += [psums.eq(words.payload), ending.eq(tile_ends & tiles.last_tile)]
        with m.If(flowing):
            m.d.sync += adding.eq(take)
        sums = [(psum + bias)[:16] for psum, bias in zip(lanes(psums), lanes(table.read_data), strict=True)]
        values = [Mux(self.relu & total[15], 0, total) for total in sums]
        m.d.comb += [
            out.i.valid.eq(adding), out.i.payload.eq(Cat(*values, ending, *(value != 0 for value in values))),
        ]
        return m

    def _reader(self, m):
        """Words of finished psums, in the order of writing."""
        pointer = place(m, PsumPointer(self._chip), "pointer")
        reader = place(m, GlbReader(self._chip), "reader")
        wire_reader(m, reader, self)
        attach(m, pointer, self, "ifmap_banks")
        tokens = place(m, Tokens(self._chip.glb_words), "tokens")
        asking = Signal()
        m.d.comb += [
            tokens.restart.eq(self.start), tokens.add.eq(self.finished), tokens.take.eq(asking),
            reader.i.valid.eq(tokens.any), reader.i.payload.eq(Cat(pointer.bank, pointer.row)),
            asking.eq(reader.i.valid & reader.i.ready), self.drained.eq(reader.granted),
            pointer.restart.eq(self.start), pointer.step.eq(asking),
        ]
        return reader.o

    def _counters(self, m, tiles, loading, load, take):
        """(table index, table ends, tile ends) for: position, quad, set, ofmap row."""
        x = Signal.like(self.f_last)
        quad = Signal.like(self.quads_last)
        j = Signal.like(self.e_last)
        number = Signal.like(self.sets_last)
        index = Signal(range(self._chip.bias_words))
        last_j, last_set, last_quad, tile_ends = signals("last_j last_set last_quad tile_ends")
        m.d.comb += [
            last_j.eq(loading | (j == Mux(tiles.ragged_strip, self.e_ragged, self.e_last))),
            last_set.eq(last_j & (number == self.sets_last)),
            last_quad.eq(last_set & (quad == self.quads_last)),
            tile_ends.eq(last_quad & (x == Mux(tiles.ragged_span, self.f_ragged, self.f_last))),
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
