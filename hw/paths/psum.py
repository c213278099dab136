"""Psums: GLB -> psum GIN, and GON -> GLB.

At each position of a tile the psums of all columns of the array pass, first their quad 0 (filters 0-3
of each set), then quad 1, ...: the same order on the way in and on the way out, and in the GLB. So all
addresses are sequential, and tokens that count words tell who may pass whom.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hw.array.array import Tagged
from hw.kit.block import Block, place
from hw.kit.payloads import LANES, QUAD, bus_width, tag_layout
from hw.kit.settings import attach, setting_ports
from hw.kit.stream import Queue, join, signals
from hw.kit.tokens import Tokens

from .fetch import GlbReader, wire_reader
from .glb import PsumPointer
from .walker import WALK_SETTINGS, Tiles, tile_case

__all__ = ["PsumCollector", "PsumReader", "PsumSender"]

NOTES = 5  # cycles from a request to the GON until its note's place is free again: with fewer, not one word a cycle


def array_settings(chip):
    """Configuration of a PsumWalk."""
    narrow = chip.psum_bus_values < LANES
    return "e_last e_ragged f_last f_ragged quads_last lanes_last columns_last" + (" p_last" if narrow else "")


class PsumWalk(Block):
    """The psum words of a tile: for each position, for each quad, for each column of the array.

    A word of the GLB passes as several over buses of fewer values, as many as there are psums in it.

    Members
    -------
    step : the bus word is done.
    part, part_ends : where words go in parts: which part of a word of the GLB it is; the last one.
    tag : where it enters or leaves the array.
    stored : it belongs to a row of the ofmap; a column beyond a ragged strip has none.
    tile_ends : it is the tile's last.
    """

    module_name = "psum_walk"

    def __init__(self, chip):
        self._values = chip.psum_bus_values
        super().__init__(setting_ports(chip, array_settings(chip)) | {
            "ragged_strip": In(1), "ragged_span": In(1), "step": In(1),
            "tag": Out(tag_layout(chip, "psum")), "stored": Out(1), "tile_ends": Out(1),
        } | ({"part": Out(range(LANES // self._values)), "part_ends": Out(1)} if self._values < LANES else {}))

    def elaborate(self, platform):
        m = Module()
        x = Signal.like(self.f_last)
        quad = Signal.like(self.quads_last)
        lane = Signal.like(self.lanes_last)
        j = Signal.like(self.e_last)
        row, column = Signal.like(self.tag.row, name="row"), Signal.like(self.tag.col, name="column")
        last_lane, last_quad, last_j, last_column = signals("last_lane last_quad last_j last_column")
        part_ends = self._part(m, quad)
        m.d.comb += [
            last_lane.eq(lane == self.lanes_last), last_quad.eq(last_lane & (quad == self.quads_last)),
            last_j.eq(j == self.e_last), last_column.eq(column == self.columns_last),
            self.tile_ends.eq(part_ends & last_quad & (x == Mux(self.ragged_span, self.f_ragged, self.f_last))),
            self.stored.eq(j <= Mux(self.ragged_strip, self.e_ragged, self.e_last)),
            self.tag.row.eq(row), self.tag.col.eq(column),
        ]
        with m.If(self.step & part_ends):
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

    def _part(self, m, quad):
        """Go through the parts of a word; whether this is the last one. A position's last word may have fewer."""
        if self._values == LANES:
            return 1
        last = Mux(quad == self.quads_last, self.p_last[:2] // self._values, LANES // self._values - 1)
        m.d.comb += self.part_ends.eq(self.part == last)
        with m.If(self.step):
            m.d.sync += self.part.eq(Mux(self.part_ends, 0, self.part + 1))
        return self.part_ends


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
        tiles = place(m, Tiles(self._chip), "tiles")
        pointer = place(m, PsumPointer(self._chip), "pointer")
        reader = place(m, GlbReader(self._chip), "reader")
        wire_reader(m, reader, self)
        attach(m, tiles, self, WALK_SETTINGS)
        attach(m, pointer, self, "ifmap_banks")
        join(m, reader.o, self.o)
        word = Signal(16, init=1)  # from 1, as words are counted
        tokens = place(m, Tokens(self._chip.glb_words), "tokens")
        asking, tile_ends = signals("asking tile_ends")
        m.d.comb += [
            reader.i.valid.eq(tiles.there & ~tiles.first_channels & tokens.any),
            reader.i.payload.eq(Cat(pointer.bank, pointer.row)), asking.eq(reader.i.valid & reader.i.ready),
            tokens.restart.eq(self.start), tokens.add.eq(self.written), tokens.take.eq(asking),
            tile_ends.eq(word == tile_case(self.psum_words, tiles)),
            tiles.start.eq(self.start),
            tiles.step.eq((tiles.there & tiles.first_channels) | (asking & tile_ends)),
            pointer.restart.eq(self.start), pointer.step.eq(asking),
            pointer.mark.eq(tiles.step & tiles.block_ends),
            pointer.rewind.eq(tiles.step & tiles.sweep_ends & ~tiles.block_ends),
        ]
        with m.If(asking):
            m.d.sync += word.eq(Mux(tile_ends, 1, word + 1))
        return m


class PsumSender(Block):
    """Sends psums to the bottom PEs of the sets: zeros for the first channel group, else GLB words."""

    module_name = "psum_sender"

    def __init__(self, chip):
        self._chip = chip
        self.SETTINGS = f"{WALK_SETTINGS} {array_settings(chip)}"
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "i": In(stream.Signature(QUAD)), "o": Out(Tagged(chip, "psum")),
        })

    def elaborate(self, platform):
        m = Module()
        tiles = place(m, Tiles(self._chip), "tiles")
        walk = place(m, PsumWalk(self._chip), "walk")
        attach(m, tiles, self, WALK_SETTINGS)
        attach(m, walk, self, array_settings(self._chip))
        width = bus_width(self._chip, "psum")
        narrow = width < QUAD
        part = self.i.payload.word_select(walk.part, width) if narrow else self.i.payload
        out = place(m, Queue(width + len(walk.tag.as_value()), 2), "out")
        join(m, out.o, self.o)
        produce, stored = signals("produce stored")
        m.d.comb += [
            walk.ragged_strip.eq(tiles.ragged_strip), walk.ragged_span.eq(tiles.ragged_span),
            stored.eq(walk.stored & ~tiles.first_channels),
            produce.eq(tiles.there & (self.i.valid | ~stored) & out.i.ready),
            out.i.valid.eq(produce),
            out.i.payload.eq(Cat(Mux(stored, part, 0), walk.tag)),
            self.i.ready.eq(produce & stored & (walk.part_ends if narrow else 1)),
            walk.step.eq(produce),
            tiles.start.eq(self.start), tiles.step.eq(produce & walk.tile_ends),
        ]
        return m


def _note(chip):
    """What PsumCollector keeps of each word it asked for."""
    whole = {"stored": 1, "first": 1, "last": 1, "mark": 1, "rewind": 1}
    return data.StructLayout(whole | ({"part_ends": 1} if chip.psum_bus_values < LANES else {}))


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

    def __init__(self, chip):
        self._chip = chip
        self.SETTINGS = f"{WALK_SETTINGS} {array_settings(chip)} ifmap_banks"
        super().__init__(setting_ports(chip, self.SETTINGS) | {
            "start": In(1), "requests": Out(stream.Signature(tag_layout(chip, "psum"))),
            "i": In(stream.Signature(bus_width(chip, "psum"))),
            "drained": In(1), "written": Out(1), "finished": Out(1), "blocked": Out(1), "running": Out(1),
            "write_valid": Out(1), "write_ready": In(1), "write_bank": Out(range(chip.glb_banks)),
            "write_row": Out(range(chip.glb_bank_words)), "write_data": Out(QUAD),
        })

    def elaborate(self, platform):
        m = Module()
        notes = place(m, Queue(_note(self._chip), NOTES), "notes")
        self._request(m, notes)
        pointer = place(m, PsumPointer(self._chip), "pointer")
        attach(m, pointer, self, "ifmap_banks")
        free = place(m, Tokens(self._chip.glb_words), "free")
        write = data.StructLayout({"word": QUAD, "bank": len(pointer.bank), "row": len(pointer.row), "last": 1})
        writes = place(m, Queue(write, 2), "writes")
        writing = data.View(write, writes.o.payload)
        note = Signal(_note(self._chip))
        arrived, word, taken, wrote = signals("arrived word taken wrote")
        whole, content = self._gathered(m, note)
        m.d.comb += [
            note.eq(notes.o.payload), arrived.eq(self.i.valid & notes.o.valid), word.eq(arrived & whole),
            self.blocked.eq(word & note.stored & note.first & ~free.any),
            free.restart.eq(self.start),
            free.words.eq((self._chip.glb_banks - self.ifmap_banks) * self._chip.glb_bank_words),
            free.add.eq(self.drained), free.take.eq(taken & note.first),
            writes.i.valid.eq(word & note.stored & ~self.blocked),
            writes.i.payload.eq(Cat(content, pointer.bank, pointer.row, note.last)),
            taken.eq(writes.i.valid & writes.i.ready),
            self.i.ready.eq(arrived & (taken | ~(note.stored & whole))), notes.o.ready.eq(self.i.ready),
            pointer.restart.eq(self.start), pointer.step.eq(taken),
            pointer.mark.eq(self.i.ready & note.mark), pointer.rewind.eq(self.i.ready & note.rewind),
            self.write_valid.eq(writes.o.valid), writes.o.ready.eq(self.write_ready),
            Cat(self.write_data, self.write_bank, self.write_row).eq(writing),
            wrote.eq(self.write_valid & self.write_ready),
            self.written.eq(wrote & ~writing.last), self.finished.eq(wrote & writing.last),
        ]
        return m

    def _gathered(self, m, note):
        """(whether a word of the GLB is whole, the word): of the parts that arrived, zeros behind the last."""
        values = self._chip.psum_bus_values
        if values == LANES:
            return 1, self.i.payload
        part = Signal(range(LANES // values))
        before, word = signals("before word", QUAD)
        m.d.comb += word.eq(before | Cat(Mux(part == index, self.i.payload, 0) for index in range(LANES // values)))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [part.eq(Mux(note.part_ends, 0, part + 1)), before.eq(Mux(note.part_ends, 0, word))]
        return note.part_ends, word

    def _request(self, m, notes):
        """Ask the GON for one word after another, and note what each is."""
        tiles = place(m, Tiles(self._chip), "tiles")
        walk = place(m, PsumWalk(self._chip), "walk")
        attach(m, tiles, self, WALK_SETTINGS)
        attach(m, walk, self, array_settings(self._chip))
        out = place(m, Queue(len(walk.tag.as_value()), 2), "out")
        join(m, out.o, self.requests)
        note = Signal(_note(self._chip))
        ends = Signal()
        m.d.comb += [
            walk.ragged_strip.eq(tiles.ragged_strip), walk.ragged_span.eq(tiles.ragged_span),
            out.i.valid.eq(walk.step), out.i.payload.eq(walk.tag),
            walk.step.eq(tiles.there & notes.i.ready & out.i.ready),
            tiles.start.eq(self.start), tiles.step.eq(walk.step & walk.tile_ends),
            ends.eq(walk.tile_ends & tiles.sweep_ends),
            note.stored.eq(walk.stored), note.first.eq(tiles.first_channels),
            note.last.eq(tiles.last_channels),
            note.mark.eq(ends & tiles.block_ends), note.rewind.eq(ends & ~tiles.block_ends),
            notes.i.valid.eq(walk.step), notes.i.payload.eq(note),
            self.running.eq(tiles.running | notes.o.valid),
        ]
        if self._chip.psum_bus_values < LANES:
            m.d.comb += note.part_ends.eq(walk.part_ends)
