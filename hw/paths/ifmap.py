"""Ifmaps: DRAM -> RLC decoder -> GLB -> ifmap GIN, or DRAM -> GLB -> RLC decoder -> ifmap GIN.

The compiler lays the values of a tile out in the order in which they cross the GIN, padded to whole
64-bit words: for each column, for each ifmap row k, for each of r channel sets, q channels. So all
addresses are sequential. Coded ifmaps (`ifmap_coded`) need fewer words of the GLB and fewer reads of it; the
decoder then works anew in each pass. The chip of the paper decodes ahead of the GLB.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import Glb, IfmapTile, Loops, TileWords
from hw.kit.block import Block, place
from hw.kit.interfaces import GlbRead, GlbWrite, Tagged
from hw.kit.payloads import QUAD, glb_address, tag_layout, tagged_word
from hw.kit.ring import Ring
from hw.kit.settings import Settings, connect_settings
from hw.kit.stream import Queue, signals

from .fetch import Prefetch
from .rlc import DecodedWord, RlcWord
from .walker import Tiles, tile_case

__all__ = ["IfmapLoader", "IfmapReader", "IfmapSender"]

STREAMS = 4  # coded streams in the GLB whose lengths are kept


class IfmapLoader(Block):
    """Checks that every stream holds what the layer needs: the tiles of a block's channel group.

    A stream comes once, or, where coded ifmaps are decoded behind the GLB, once a pass.
    Latency: a cycle. Throughput: a word a cycle, and a cycle for the mark of a stream's end.

    Members
    -------
    loops, tile_words : In(Settings).
    ifmap_coded, raw : In(1), settings: ifmaps are coded in the GLB; words come without marks of a stream's end.
    start : In(1), begin the layer in this cycle.
    i : In(stream of DecodedWord), from the RLC decoder.
    o : Out(stream of 64 bits), words for the GLB, or for the sender.
    malformed : Out(1), a stream was seen in this cycle to be too short or too long, or to end amid a word.
    running : Out(1), words are still to come.
    """

    module_name = "ifmap_loader"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "loops": In(Settings(Loops, chip)), "tile_words": In(Settings(TileWords, chip)), "ifmap_coded": In(1),
            "start": In(1), "raw": In(1), "i": In(stream.Signature(DecodedWord)),
            "o": Out(stream.Signature(QUAD)), "malformed": Out(1), "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        tiles = place(m, Tiles(self._chip), "tiles")
        connect_settings(m, self.loops, tiles.loops,
                         groups_last=Mux(self.ifmap_coded, self.loops.groups_last, 0),
                         groups_ragged=Mux(self.ifmap_coded, self.loops.groups_ragged, 0))
        word = Signal(16, init=1)  # from 1, as words are counted
        out = place(m, Queue(QUAD, 2), "out")
        connect(m, out.o, flipped(self.o))
        complete, tile_ends, counted, marked = signals("complete tile_ends counted marked")
        m.d.comb += [
            out.i.payload.eq(self.i.payload.values), out.i.valid.eq(self.i.valid & ~self.i.payload.ends),
            self.i.ready.eq(out.i.ready | self.i.payload.ends),
            counted.eq(out.i.valid & out.i.ready), marked.eq(self.i.valid & self.i.payload.ends),
            tile_ends.eq(counted & tiles.there & (word == tile_case(self.tile_words.ifmap_words, tiles.tile))),
            tiles.start.eq(self.start), tiles.step.eq(tile_ends),
            self.running.eq(tiles.running | complete),
            self.malformed.eq((counted & (complete | ~tiles.there))
                              | (marked & (~complete | self.i.payload.bad))),
        ]
        with m.If(self.start | tile_ends):
            m.d.sync += word.eq(1)
        with m.Elif(counted):
            m.d.sync += word.eq(word + 1)
        with m.If(self.start):
            m.d.sync += complete.eq(0)
        with m.Elif(marked):
            m.d.sync += complete.eq(0)
        with m.Elif(tile_ends & tiles.tile.last_tile):
            m.d.sync += complete.eq(~self.raw)
        return m


class IfmapReader(Block):
    """The ifmap banks of the GLB as a ring: fills it from DRAM, reads a channel group once a pass.

    Where ifmaps are coded, a channel group's tiles are one stream, whose last word is marked.
    Latency: a word from DRAM is written as it comes, and is at `o` three cycles later at the earliest.
    Throughput: a word a cycle each way.

    Members
    -------
    loops, tile_words, glb : In(Settings).
    ifmap_coded : In(1), setting: ifmaps are coded in the GLB.
    start : In(1), begin the layer in this cycle.
    i : In(stream of 64 bits), words from DRAM in order.
    o : Out(stream of 64 bits), words for the sender.
    starved : Out(1), the next word has not come from DRAM.
    read : Out(GlbRead), write : Out(GlbWrite).
    """

    module_name = "ifmap_reader"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "loops": In(Settings(Loops, chip)), "tile_words": In(Settings(TileWords, chip)),
            "glb": In(Settings(Glb, chip)), "ifmap_coded": In(1), "start": In(1), "i": In(stream.Signature(QUAD)),
            "o": Out(stream.Signature(QUAD)), "starved": Out(1), "read": Out(GlbRead(chip)),
            "write": Out(GlbWrite(chip)),
        })

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        tiles = place(m, Tiles(chip), "tiles")
        ring = place(m, Ring(chip.glb_words, variable=True), "ring")
        prefetch = place(m, Prefetch(), "prefetch")
        connect_settings(m, self.loops, tiles.loops,
                         tiles_last=Mux(self.ifmap_coded, 0, self.loops.tiles_last),
                         tiles_ragged=Mux(self.ifmap_coded, 0, self.loops.tiles_ragged))
        connect(m, prefetch.o, flipped(self.o))
        word = Signal(range(chip.glb_words + 1), init=1)  # from 1, as words are counted
        tile_ends, reading = signals("tile_ends reading")
        lengths = self._lengths(m, ring, len(word), tile_ends & reading & tiles.tile.last_group)
        row_bits = (chip.glb_bank_words - 1).bit_length()
        m.d.comb += [
            ring.words.eq(self.glb.ifmap_banks << row_bits), ring.restart.eq(self.start),
            self.write.valid.eq(self.i.valid & ring.ready & lengths.i.ready), self.write.data.eq(self.i.payload),
            self.write.address.eq(data.View(glb_address(chip), ring.write_address)),
            ring.push.eq(self.write.valid & self.write.ready), self.i.ready.eq(ring.push),
            self.read.valid.eq(tiles.there & ring.available & prefetch.room),
            self.read.address.eq(data.View(glb_address(chip), ring.read_address)),
            reading.eq(self.read.valid & self.read.ready),
            prefetch.requested.eq(reading), prefetch.data.eq(self.read.data),
            tile_ends.eq((word == Mux(self.ifmap_coded, lengths.o.payload,
                                      tile_case(self.tile_words.ifmap_words, tiles.tile)))
                         & (lengths.o.valid | ~self.ifmap_coded)),
            ring.step.eq(reading), ring.retire.eq(tiles.tile.last_group),
            ring.rewind.eq(tile_ends & tiles.tile.last_tile),
            tiles.start.eq(self.start), tiles.step.eq(reading & tile_ends),
            self.starved.eq(tiles.running & ~ring.available),
        ]
        with m.If(reading):
            m.d.sync += word.eq(Mux(tile_ends, 1, word + 1))
        return m

    def _lengths(self, m, ring, bits, stream_dead):
        """A queue of the lengths of coded streams, noted as they are written."""
        lengths = place(m, Queue(bits, STREAMS), "lengths")
        written = Signal(bits, init=1)  # with the word that comes
        m.d.comb += [
            lengths.i.payload.eq(written),
            lengths.i.valid.eq(ring.push & self.ifmap_coded & data.View(RlcWord(self._chip), self.i.payload).last),
            lengths.o.ready.eq(stream_dead),
        ]
        with m.If(self.start | lengths.i.valid):
            m.d.sync += written.eq(1)
        with m.Elif(ring.push):
            m.d.sync += written.eq(written + 1)
        return lengths


class IfmapSender(Block):
    """Cuts words into values and sends each to its diagonal of PEs: row ID k mod U, col ID k div U.

    Rows below the ofmap's last (a ragged strip) are sent as zeros, which are not read from the GLB: so PEs that
    compute no row of the ofmap keep in step with the others. Latency: a cycle. Throughput: a value a cycle.

    Members
    -------
    loops, ifmap_tile : In(Settings).
    start : In(1), begin the layer in this cycle.
    i : In(stream of 64 bits), words of values.
    o : Out(Tagged), to the ifmap GIN.
    pass_ends : Out(1), the last value of a pass leaves for `o` in this cycle.
    """

    module_name = "ifmap_sender"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "loops": In(Settings(Loops, chip)), "ifmap_tile": In(Settings(IfmapTile, chip)), "start": In(1),
            "i": In(stream.Signature(QUAD)), "o": Out(Tagged(chip, "ifmap")), "pass_ends": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        tiles = place(m, Tiles(self._chip), "tiles")
        connect(m, flipped(self.loops), tiles.loops)
        out = place(m, Queue(tagged_word(self._chip, "ifmap"), 2), "out")
        connect(m, out.o, flipped(self.o))
        word = out.i.payload.data
        produce, tile_ends, stored, ends_row = signals("produce tile_ends stored ends_row")
        column, row, q = self._counters(m, tiles.tile, out.i.payload.tag, produce, tile_ends)
        available = self._source(m, word, q, produce, stored, tile_ends)
        final_column = Mux(tiles.tile.ragged_span, self.ifmap_tile.final_ragged, self.ifmap_tile.final_column)
        m.d.comb += [
            stored.eq(row <= Mux(tiles.tile.ragged_strip, self.ifmap_tile.rows_ragged, self.ifmap_tile.rows_last)),
            ends_row.eq((q == 0) & (column == final_column)),
            produce.eq(tiles.there & available & out.i.ready), out.i.valid.eq(produce),
            word.row_ends.eq(ends_row), word.pass_ends.eq(ends_row & tiles.tile.last_tile),
            tiles.start.eq(self.start), tiles.step.eq(produce & tile_ends),
            self.pass_ends.eq(produce & tile_ends & tiles.tile.last_tile),
        ]
        return m

    def _source(self, m, word, q, produce, stored, tile_ends):
        """Fill `word` with the value at hand, or with zero where it is not `stored`; whether it is there."""
        bits, lanes = self._chip.data_width, self._chip.word_values
        lane = Signal(range(lanes))
        m.d.comb += [
            word.value.eq(Mux(stored, self.i.payload.word_select(lane, bits), 0)),
            self.i.ready.eq(produce & ((stored & (lane == lanes - 1))
                                       | (tile_ends & (stored | (lane != 0))))),
        ]
        with m.If(produce):
            m.d.sync += lane.eq(Mux(tile_ends, 0, lane + stored))
        return self.i.valid | (~stored & (lane == 0))

    def _counters(self, m, tile, tag, produce, tile_ends):
        """Column, row, channel set, channel in steps of a bus word: (column, row, channel); drives `tag`."""
        settings, values = self.ifmap_tile, self._chip.ifmap_bus_values
        column = Signal(len(settings.final_column) + 1)  # up to the last window's last
        row = Signal.like(settings.rows_last)
        ids = tag_layout(self._chip, "ifmap")
        modulo = Signal(ids["row"].width)  # row mod U
        quotient = Signal(ids["col"].width)  # row div U
        base = Signal.like(modulo)  # U times the channel set
        r = Signal.like(settings.r_last)
        q = Signal.like(settings.q_last)
        last_q, last_r, last_row, last_column = signals("last_q last_r last_row last_column")
        final_column = Mux(tile.ragged_span, settings.final_ragged, settings.final_column)
        m.d.comb += [
            last_q.eq(q == settings.q_last if values == 1 else q + values > settings.q_last),
            last_r.eq(last_q & (r == settings.r_last)),
            last_row.eq(last_r & (row == settings.rows_last)),
            last_column.eq(column == final_column + settings.window_last),
            tile_ends.eq(last_row & last_column),
            tag.row.eq(base + modulo), tag.col.eq(quotient),
        ]
        with m.If(produce):
            m.d.sync += q.eq(Mux(last_q, 0, q + values))
            with m.If(last_q):
                m.d.sync += [r.eq(Mux(last_r, 0, r + 1)), base.eq(Mux(last_r, 0, base + settings.stride))]
            with m.If(last_r):
                wraps = modulo == settings.stride - 1
                m.d.sync += [
                    row.eq(Mux(last_row, 0, row + 1)),
                    modulo.eq(Mux(last_row | wraps, 0, modulo + 1)),
                    quotient.eq(Mux(last_row, 0, quotient + wraps)),
                ]
            with m.If(last_row):
                m.d.sync += column.eq(Mux(last_column, 0, column + 1))
        return column, row, q
