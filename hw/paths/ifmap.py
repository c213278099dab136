"""Ifmaps: DRAM -> RLC decoder -> GLB -> ifmap GIN, or DRAM -> GLB -> RLC decoder -> ifmap GIN.

The compiler lays the values of a tile out in the order in which they cross the GIN, padded to whole
64-bit words: for each column, for each ifmap row k, for each of r channel sets, q channels. So all
addresses are sequential. Coded ifmaps (`ifmap_coded`) need fewer words of the GLB and fewer reads of it; the
decoder then works anew in each pass. The chip of the paper decodes ahead of the GLB.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.array.array import Tagged
from hw.kit.block import Block, place
from hw.kit.payloads import LANES, QUAD, tag_layout
from hw.kit.ring import Ring
from hw.kit.settings import attach, setting_ports
from hw.kit.stream import Queue, join, signals

from .fetch import Prefetch
from .rlc import LAST_BIT, DecodedWord
from .walker import WALK_SETTINGS, Tiles, tile_case

__all__ = ["IfmapLoader", "IfmapReader", "IfmapSender", "ifmap_route"]

GROUPS = ("groups_last", "groups_ragged")
TILES = ("tiles_last", "tiles_ragged")
STREAMS = 4  # coded streams in the GLB whose lengths are kept


class IfmapLoader(Block):
    """Checks that every stream holds what the layer needs: the tiles of a block's channel group.

    A stream comes once, or, where coded ifmaps are decoded behind the GLB, once a pass.

    Members
    -------
    raw : words come without marks of a stream's end.
    i : from the RLC decoder; o : words for the GLB, or for the sender.
    malformed : a stream is too short, too long, or ends amid a word; a strobe for each.
    running : words are still to come.
    """

    module_name = "ifmap_loader"
    SETTINGS = WALK_SETTINGS + " ifmap_words ifmap_coded"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "raw": In(1), "i": In(stream.Signature(DecodedWord)),
            "o": Out(stream.Signature(QUAD)), "malformed": Out(1), "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        tiles = place(m, Tiles(self._chip), "tiles")
        attach(m, tiles, self, " ".join(name for name in WALK_SETTINGS.split() if name not in GROUPS))
        m.d.comb += [getattr(tiles, name).eq(Mux(self.ifmap_coded, getattr(self, name), 0)) for name in GROUPS]
        word = Signal(16, init=1)  # from 1, as words are counted
        out = place(m, Queue(QUAD, 2), "out")
        join(m, out.o, self.o)
        complete, tile_ends, counted, marked = signals("complete tile_ends counted marked")
        m.d.comb += [
            out.i.payload.eq(self.i.payload.values), out.i.valid.eq(self.i.valid & ~self.i.payload.ends),
            self.i.ready.eq(out.i.ready | self.i.payload.ends),
            counted.eq(out.i.valid & out.i.ready), marked.eq(self.i.valid & self.i.payload.ends),
            tile_ends.eq(counted & tiles.there & (word == tile_case(self.ifmap_words, tiles))),
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
        with m.Elif(tile_ends & tiles.last_tile):
            m.d.sync += complete.eq(~self.raw)
        return m


class IfmapReader(Block):
    """The ifmap banks of the GLB as a ring: fills it from DRAM, reads a channel group once a pass.

    Where words are coded a channel group's tiles are one stream, whose last word says so as it is written.

    Members
    -------
    start : begin the layer.
    i : words from DRAM, in order; o : words for the sender.
    starved : the next word has not come from DRAM.
    read_*, write_* : requests to the GLB.
    """

    module_name = "ifmap_reader"
    SETTINGS = WALK_SETTINGS + " ifmap_words ifmap_banks ifmap_coded"

    def __init__(self, chip):
        self._chip = chip
        bank, row = range(chip.glb_banks), range(chip.glb_bank_words)
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "i": In(stream.Signature(QUAD)), "o": Out(stream.Signature(QUAD)),
            "starved": Out(1),
            "write_valid": Out(1), "write_ready": In(1), "write_bank": Out(bank), "write_row": Out(row),
            "write_data": Out(QUAD),
            "read_valid": Out(1), "read_ready": In(1), "read_bank": Out(bank), "read_row": Out(row),
            "read_data": In(QUAD),
        })

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        tiles = place(m, Tiles(chip), "tiles")
        ring = place(m, Ring(chip.glb_words, variable=True), "ring")
        prefetch = place(m, Prefetch(), "prefetch")
        attach(m, tiles, self, " ".join(name for name in WALK_SETTINGS.split() if name not in TILES))
        m.d.comb += [getattr(tiles, name).eq(Mux(self.ifmap_coded, 0, getattr(self, name))) for name in TILES]
        join(m, prefetch.o, self.o)
        word = Signal(range(chip.glb_words + 1), init=1)  # from 1, as words are counted
        tile_ends, reading = signals("tile_ends reading")
        lengths = self._lengths(m, ring, len(word), tile_ends & reading & tiles.last_group)
        row_bits = (chip.glb_bank_words - 1).bit_length()
        m.d.comb += [
            ring.words.eq(self.ifmap_banks << row_bits), ring.restart.eq(self.start),
            self.write_valid.eq(self.i.valid & ring.ready & lengths.i.ready), self.write_data.eq(self.i.payload),
            Cat(self.write_row, self.write_bank).eq(ring.write_address),
            ring.push.eq(self.write_valid & self.write_ready), self.i.ready.eq(ring.push),
            self.read_valid.eq(tiles.there & ring.available & prefetch.room),
            Cat(self.read_row, self.read_bank).eq(ring.read_address),
            reading.eq(self.read_valid & self.read_ready),
            prefetch.requested.eq(reading), prefetch.data.eq(self.read_data),
            tile_ends.eq((word == Mux(self.ifmap_coded, lengths.o.payload, tile_case(self.ifmap_words, tiles)))
                         & (lengths.o.valid | ~self.ifmap_coded)),
            ring.step.eq(reading), ring.retire.eq(tiles.last_group),
            ring.rewind.eq(tile_ends & tiles.last_tile),
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
            lengths.i.valid.eq(ring.push & self.ifmap_coded & self.i.payload[LAST_BIT]),
            lengths.o.ready.eq(stream_dead),
        ]
        with m.If(self.start | lengths.i.valid):
            m.d.sync += written.eq(1)
        with m.Elif(ring.push):
            m.d.sync += written.eq(written + 1)
        return lengths


class IfmapSender(Block):
    """Cuts words into values and sends each to its diagonal of PEs: row ID k mod U, col ID k div U.

    Rows below the ofmap's last (a ragged strip) go as zeros that no one reads from the GLB: the PEs
    that work on no row of the ofmap keep in step with the others.

    Members
    -------
    i : words of four values; o : tagged values, one a cycle.
    pass_ends : the last value of a pass goes out.
    """

    module_name = "ifmap_sender"
    SETTINGS = WALK_SETTINGS + (" rows_last rows_ragged final_column final_ragged window_last"
                                " r_last q_last stride")

    def __init__(self, chip):
        self._chip = chip
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "i": In(stream.Signature(QUAD)), "o": Out(Tagged(chip, "ifmap")),
            "pass_ends": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        tiles = place(m, Tiles(self._chip), "tiles")
        attach(m, tiles, self, WALK_SETTINGS)
        produce, tile_ends, stored, ends_row = signals("produce tile_ends stored ends_row")
        column, row, tag, q = self._counters(m, tiles, produce, tile_ends)
        out = place(m, Queue(len(self.o.payload.as_value()), 2), "out")
        join(m, out.o, self.o)
        lane = Signal(range(LANES))
        m.d.comb += [
            stored.eq(row <= Mux(tiles.ragged_strip, self.rows_ragged, self.rows_last)),
            ends_row.eq((q == 0) & (column == Mux(tiles.ragged_span, self.final_ragged, self.final_column))),
            produce.eq(tiles.there & (self.i.valid | (~stored & (lane == 0)))
                       & out.i.ready),
            out.i.valid.eq(produce),
            out.i.payload.eq(Cat(Mux(stored, self.i.payload.word_select(lane, 16), 0), ends_row,
                                 ends_row & tiles.last_tile, tag)),
            self.i.ready.eq(produce & ((stored & (lane == LANES - 1))
                                       | (tile_ends & (stored | (lane != 0))))),
            tiles.start.eq(self.start), tiles.step.eq(produce & tile_ends),
            self.pass_ends.eq(produce & tile_ends & tiles.last_tile),
        ]
        with m.If(produce):
            m.d.sync += lane.eq(Mux(tile_ends, 0, lane + stored))
        return m

    def _counters(self, m, tiles, produce, tile_ends, values=1):
        """Column, row, channel set, channel in steps of `values`: (column, row, tag, channel)."""
        column = Signal(len(self.final_column) + 1)  # up to the last window's last
        row = Signal.like(self.rows_last)
        ids = tag_layout(self._chip, "ifmap")
        # of row by U; U times the channel set
        modulo = Signal(ids["row"].width)
        quotient = Signal(ids["col"].width)
        base = Signal.like(modulo)
        r = Signal.like(self.r_last)
        q = Signal.like(self.q_last)
        last_q, last_r, last_row, last_column = signals("last_q last_r last_row last_column")
        final_column = Mux(tiles.ragged_span, self.final_ragged, self.final_column)
        m.d.comb += [
            last_q.eq(q == self.q_last if values == 1 else q + values > self.q_last),
            last_r.eq(last_q & (r == self.r_last)),
            last_row.eq(last_r & (row == self.rows_last)),
            last_column.eq(column == final_column + self.window_last),
            tile_ends.eq(last_row & last_column),
        ]
        with m.If(produce):
            m.d.sync += q.eq(Mux(last_q, 0, q + values))
            with m.If(last_q):
                m.d.sync += [r.eq(Mux(last_r, 0, r + 1)), base.eq(Mux(last_r, 0, base + self.stride))]
            with m.If(last_r):
                wraps = modulo == self.stride - 1
                m.d.sync += [
                    row.eq(Mux(last_row, 0, row + 1)),
                    modulo.eq(Mux(last_row | wraps, 0, modulo + 1)),
                    quotient.eq(Mux(last_row, 0, quotient + wraps)),
                ]
            with m.If(last_row):
                m.d.sync += column.eq(Mux(last_column, 0, column + 1))
        tag = Cat((base + modulo)[:len(base)], quotient)
        return column, row, tag, q


def ifmap_route(m, coded, words, decoder, loader, reader, sender):
    """Wire the way of the ifmaps: the checked decoder ahead of the GLB, or, for `coded` ones, behind it.

    Parameters
    ----------
    words : stream from DRAM.
    decoder, loader, reader, sender : the placed modules.
    """
    join(m, decoder.o, loader.i)
    for sink, ahead, behind in (
        (decoder.i, words, reader.o), (reader.i, loader.o, words), (sender.i, reader.o, loader.o),
    ):
        m.d.comb += [
            sink.valid.eq(Mux(coded, behind.valid, ahead.valid)),
            sink.payload.eq(Mux(coded, behind.payload, ahead.payload)),
        ]
    for source, ahead, behind in (
        (words, decoder.i, reader.i), (reader.o, sender.i, decoder.i), (loader.o, reader.i, sender.i),
    ):
        m.d.comb += source.ready.eq(Mux(coded, behind.ready, ahead.ready))
