"""Psums: GLB -> psum GIN, and GON -> GLB.

At each position of a tile the psums of all columns of the array pass, first their quad 0 (filters 0-3
of each set), then quad 1, ...: the same order on the way in and on the way out, and in the GLB. So all
addresses are sequential, and tokens that count words tell who may pass whom.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from .array import Tagged
from .fetch import Prefetch
from .glb import PsumPointer
from .layouts import QUAD, psum_tag
from .place import Block, place
from .settings import attach, setting_ports
from .stream import Queue, join, signals
from .tokens import Tokens
from .walker import WALK_SETTINGS, LayerWalker, next_tile_case

__all__ = ["PsumCollector", "PsumReader", "PsumSender"]

ARRAY_SETTINGS = "e_last e_ragged f_last f_ragged quads_last lanes_last columns_last"


class PsumWalk(Block):
    """The psum words of a tile: for each position, for each quad, for each column of the array.

    Members
    -------
    step : the word is done.
    tag : where it enters or leaves the array.
    stored : it belongs to a row of the ofmap; a column beyond a ragged strip has none.
    tile_ends : it is the tile's last.
    """

    module_name = "psum_walk"

    def __init__(self, chip):
        super().__init__(setting_ports(chip, ARRAY_SETTINGS) | {
            "ragged_strip": In(1), "ragged_span": In(1), "step": In(1),
            "tag": Out(psum_tag), "stored": Out(1), "tile_ends": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        x = Signal.like(self.f_last)
        quad = Signal.like(self.quads_last)
        lane = Signal.like(self.lanes_last)
        j = Signal.like(self.e_last)
        row, column = signals("row column", 4)
        last_lane, last_quad, last_j, last_column = signals("last_lane last_quad last_j last_column")
        m.d.comb += [
            last_lane.eq(lane == self.lanes_last), last_quad.eq(last_lane & (quad == self.quads_last)),
            last_j.eq(j == self.e_last), last_column.eq(column == self.columns_last),
            self.tile_ends.eq(last_quad & (x == Mux(self.ragged_span, self.f_ragged, self.f_last))),
            self.stored.eq(j <= Mux(self.ragged_strip, self.e_ragged, self.e_last)),
            self.tag.row.eq(row), self.tag.col.eq(column),
        ]
        with m.If(self.step):
            m.d.sync += [
                lane.eq(Mux(last_lane, 0, lane + 1)),
                j.eq(Mux(last_lane | last_j, 0, j + 1)),
                column.eq(Mux(last_lane | last_column, 0, column + 1)),
                row.eq(Mux(last_lane, 0, row + last_column)),
            ]
            with m.If(last_lane):
                m.d.sync += quad.eq(Mux(last_quad, 0, quad + 1))
            with m.If(last_quad):
                m.d.sync += x.eq(Mux(self.tile_ends, 0, x + 1))
        return m


class PsumReader(Block):
    """Reads the psums of earlier channel groups, sweep after sweep over a block's psums.

    Members
    -------
    written : a psum that will be read again was written: a token. Reading takes one for each word, so
        that no word is read before the pass that makes it has written it.
    """

    module_name = "psum_reader"
    SETTINGS = WALK_SETTINGS + " psum_words ifmap_banks"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "written": In(1), "o": Out(stream.Signature(QUAD)),
            "read_valid": Out(1), "read_ready": In(1), "read_bank": Out(range(chip.glb_banks)),
            "read_row": Out(range(chip.glb_bank_words)), "read_data": In(QUAD),
        })

    def elaborate(self, platform):
        m = Module()
        walker = place(m, LayerWalker(self._chip), "walker")
        pointer = place(m, PsumPointer(self._chip), "pointer")
        prefetch = place(m, Prefetch(), "prefetch")
        attach(m, walker, self, WALK_SETTINGS)
        attach(m, pointer, self, "ifmap_banks")
        join(m, prefetch.o, self.o)
        left = Signal(16)  # words of the tile
        tokens = place(m, Tokens(self._chip.glb_words), "tokens")
        reading, tile_ends = signals("reading tile_ends")
        m.d.comb += [
            self.read_valid.eq(walker.running & ~walker.first_channels & tokens.any & prefetch.room),
            tokens.restart.eq(self.start), tokens.add.eq(self.written), tokens.take.eq(reading),
            self.read_bank.eq(pointer.bank), self.read_row.eq(pointer.row),
            reading.eq(self.read_valid & self.read_ready),
            prefetch.requested.eq(reading), prefetch.data.eq(self.read_data),
            tile_ends.eq(reading & (left == 1)),
            walker.start.eq(self.start),
            walker.step.eq(walker.running & (walker.first_channels | tile_ends)),
            pointer.restart.eq(self.start), pointer.step.eq(reading),
            pointer.mark.eq(walker.step & walker.block_ends),
            pointer.rewind.eq(walker.step & walker.sweep_ends & ~walker.block_ends),
        ]
        with m.If(walker.start | walker.step):
            m.d.sync += left.eq(next_tile_case(self.psum_words, walker))
        with m.Elif(reading):
            m.d.sync += left.eq(left - 1)
        return m


class PsumSender(Block):
    """Sends psums to the bottom PEs of the sets: zeros for the first channel group, else GLB words."""

    module_name = "psum_sender"
    SETTINGS = WALK_SETTINGS + " " + ARRAY_SETTINGS

    def __init__(self, chip):
        self._chip = chip
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "i": In(stream.Signature(QUAD)), "o": Out(Tagged(chip, "psum")),
        })

    def elaborate(self, platform):
        m = Module()
        walker = place(m, LayerWalker(self._chip), "walker")
        walk = place(m, PsumWalk(self._chip), "walk")
        attach(m, walker, self, WALK_SETTINGS)
        attach(m, walk, self, ARRAY_SETTINGS)
        out = place(m, Queue(QUAD + len(walk.tag.as_value()), 2), "out")
        join(m, out.o, self.o)
        produce, stored = signals("produce stored")
        m.d.comb += [
            walk.ragged_strip.eq(walker.ragged_strip), walk.ragged_span.eq(walker.ragged_span),
            stored.eq(walk.stored & ~walker.first_channels),
            produce.eq(walker.running & (self.i.valid | ~stored) & out.i.ready),
            out.i.valid.eq(produce),
            out.i.payload.eq(Cat(Mux(stored, self.i.payload, 0), walk.tag)),
            self.i.ready.eq(produce & stored),
            walk.step.eq(produce),
            walker.start.eq(self.start), walker.step.eq(produce & walk.tile_ends),
        ]
        return m


_Note = data.StructLayout({"stored": 1, "first": 1, "last": 1, "mark": 1, "rewind": 1})


class PsumCollector(Block):
    """Fetches psum words from the array through the GON and writes them to the GLB.

    Members
    -------
    drained : a finished word has left the GLB; its place may be written again.
    written, finished : a word was written that will be read again; that is an ofmap.
    blocked : a word waits for the place of an ofmap that has not left.
    running : words are still to come.
    """

    module_name = "psum_collector"
    SETTINGS = WALK_SETTINGS + " " + ARRAY_SETTINGS + " ifmap_banks"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "requests": Out(stream.Signature(psum_tag)), "i": In(stream.Signature(QUAD)),
            "drained": In(1), "written": Out(1), "finished": Out(1), "blocked": Out(1), "running": Out(1),
            "write_valid": Out(1), "write_ready": In(1), "write_bank": Out(range(chip.glb_banks)),
            "write_row": Out(range(chip.glb_bank_words)), "write_data": Out(QUAD),
        })

    def elaborate(self, platform):
        m = Module()
        notes = place(m, Queue(_Note, 4), "notes")
        self._request(m, notes)
        pointer = place(m, PsumPointer(self._chip), "pointer")
        attach(m, pointer, self, "ifmap_banks")
        free = place(m, Tokens(self._chip.glb_words), "free")
        note = Signal(_Note)
        word = Signal()
        wrote = Signal()
        m.d.comb += [
            note.eq(notes.o.payload), word.eq(self.i.valid & notes.o.valid),
            self.blocked.eq(word & note.stored & note.first & ~free.any),
            free.restart.eq(self.start),
            free.words.eq((self._chip.glb_banks - self.ifmap_banks) * self._chip.glb_bank_words),
            free.add.eq(self.drained), free.take.eq(wrote & note.first),
            self.write_valid.eq(word & note.stored & ~self.blocked),
            self.write_bank.eq(pointer.bank), self.write_row.eq(pointer.row),
            self.write_data.eq(self.i.payload),
            wrote.eq(self.write_valid & self.write_ready),
            self.i.ready.eq(word & (wrote | ~note.stored)), notes.o.ready.eq(self.i.ready),
            pointer.restart.eq(self.start), pointer.step.eq(wrote),
            pointer.mark.eq(self.i.ready & note.mark), pointer.rewind.eq(self.i.ready & note.rewind),
            self.written.eq(wrote & ~note.last), self.finished.eq(wrote & note.last),
        ]
        return m

    def _request(self, m, notes):
        """Ask the GON for one word after another, and note what each is."""
        walker = place(m, LayerWalker(self._chip), "walker")
        walk = place(m, PsumWalk(self._chip), "walk")
        attach(m, walker, self, WALK_SETTINGS)
        attach(m, walk, self, ARRAY_SETTINGS)
        out = place(m, Queue(len(walk.tag.as_value()), 2), "out")
        join(m, out.o, self.requests)
        note = Signal(_Note)
        ends = Signal()
        m.d.comb += [
            walk.ragged_strip.eq(walker.ragged_strip), walk.ragged_span.eq(walker.ragged_span),
            out.i.valid.eq(walk.step), out.i.payload.eq(walk.tag),
            walk.step.eq(walker.running & notes.i.ready & out.i.ready),
            walker.start.eq(self.start), walker.step.eq(walk.step & walk.tile_ends),
            ends.eq(walk.tile_ends & walker.sweep_ends),
            note.stored.eq(walk.stored), note.first.eq(walker.first_channels),
            note.last.eq(walker.last_channels),
            note.mark.eq(ends & walker.block_ends), note.rewind.eq(ends & ~walker.block_ends),
            notes.i.valid.eq(walk.step), notes.i.payload.eq(note),
            self.running.eq(walker.running | notes.o.valid),
        ]
