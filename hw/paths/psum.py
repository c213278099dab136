"""Psums: GLB -> psum GIN, and GON -> GLB.

At each position of a tile the psums of all columns of the array pass, first their quad 0 (filters 0-3
of each set), then quad 1, ...: the same order on the way in and on the way out, and in the GLB. So all
addresses are sequential, and tokens that count words tell who may pass whom.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.config.fields import Glb, Loops, OfmapTile, TileWords
from hw.config.fields import PsumWalk as WalkSettings
from hw.kit.block import Block, place
from hw.kit.interfaces import GlbRead, GlbWrite, Tagged
from hw.kit.payloads import QUAD, bus_width, glb_address, tag_layout, tagged_word
from hw.kit.settings import Settings
from hw.kit.stream import Queue, signals
from hw.kit.tokens import Tokens

from .fetch import GlbReader
from .glb import PsumPointer
from .walker import Tiles, tile_case

__all__ = ["PsumCollector", "PsumReader", "PsumSender"]

NOTES = 5  # cycles from a request to the GON until its note has left: with fewer, not a word each cycle


def walk_ports(chip):
    """Settings of a PsumWalk; a bus of fewer values than a word of the GLB needs `p_last` as well."""
    ports = {"ofmap_tile": In(Settings(OfmapTile, chip)), "psum_walk": In(Settings(WalkSettings, chip))}
    return ports | ({"p_last": In(range(chip.psum_spad_words))} if chip.psum_bus_values < chip.word_psums else {})


def place_walk(m, owner, chip):
    """A PsumWalk with the settings of `owner`, the data path that it is part of."""
    walk = place(m, PsumWalk(chip), "walk")
    connect(m, flipped(owner.ofmap_tile), walk.ofmap_tile)
    connect(m, flipped(owner.psum_walk), walk.psum_walk)
    if chip.psum_bus_values < chip.word_psums:
        m.d.comb += walk.p_last.eq(owner.p_last)
    return walk


class PsumWalk(Block):
    """The psum words of a tile: for each position, for each quad, for each column of the array.

    A word of the GLB crosses buses of fewer values in parts, as many as there are psums in it.

    Members
    -------
    ofmap_tile, psum_walk : In(Settings).
    p_last : In, see `walk_ports`.
    ragged_strip, ragged_span : In(1), of the tile at hand.
    step : In(1), the bus word is done in this cycle; the outputs are the next one's from the next cycle on.
    part, part_ends : Out, where words go in parts: which part of a word of the GLB it is; whether it is the last one.
    tag : Out(tag_layout), where it enters or leaves the array.
    stored : Out(1), it belongs to a row of the ofmap; a column beyond a ragged strip has none.
    tile_ends : Out(1), it is the tile's last.
    """

    module_name = "psum_walk"

    def __init__(self, chip):
        self._values, self._lanes = chip.psum_bus_values, chip.word_psums
        super().__init__(walk_ports(chip) | {
            "ragged_strip": In(1), "ragged_span": In(1), "step": In(1),
            "tag": Out(tag_layout(chip, "psum")), "stored": Out(1), "tile_ends": Out(1),
        } | ({"part": Out(range(self._lanes // self._values)), "part_ends": Out(1)}
             if self._values < self._lanes else {}))

    def elaborate(self, platform):
        m = Module()
        shape, walk = self.ofmap_tile, self.psum_walk
        x = Signal.like(shape.f_last)
        quad = Signal.like(walk.quads_last)
        lane = Signal.like(walk.lanes_last)
        j = Signal.like(shape.e_last)
        row, column = Signal.like(self.tag.row, name="row"), Signal.like(self.tag.col, name="column")
        last_lane, last_quad, last_j, last_column = signals("last_lane last_quad last_j last_column")
        part_ends = self._part(m, quad)
        m.d.comb += [
            last_lane.eq(lane == walk.lanes_last), last_quad.eq(last_lane & (quad == walk.quads_last)),
            last_j.eq(j == shape.e_last), last_column.eq(column == walk.columns_last),
            self.tile_ends.eq(part_ends & last_quad & (x == Mux(self.ragged_span, shape.f_ragged, shape.f_last))),
            self.stored.eq(j <= Mux(self.ragged_strip, shape.e_ragged, shape.e_last)),
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
        lanes = self._lanes
        if self._values == lanes:
            return 1
        within = self.p_last[:(lanes - 1).bit_length()]
        last = Mux(quad == self.psum_walk.quads_last, within // self._values, lanes // self._values - 1)
        m.d.comb += self.part_ends.eq(self.part == last)
        with m.If(self.step):
            m.d.sync += self.part.eq(Mux(self.part_ends, 0, self.part + 1))
        return self.part_ends


class PsumReader(Block):
    """Reads the psums of earlier channel groups, sweep after sweep over a block's psums.

    Latency: four cycles from `written` to the word at `o`. Throughput: a word a cycle; a cycle for each tile of a
    first channel group, which has none.

    Members
    -------
    loops, tile_words, glb : In(Settings).
    start : In(1), begin the layer in this cycle.
    written : In(1), a word of psums that will be read again was written in this cycle: a token. Reading takes one for
        each word, so that no word is read before the pass that makes it has written it.
    o : Out(stream of 64 bits), psums for the array.
    read : Out(GlbRead).
    """

    module_name = "psum_reader"

    def __init__(self, chip):
        self._chip = chip
        super().__init__({
            "loops": In(Settings(Loops, chip)), "tile_words": In(Settings(TileWords, chip)),
            "glb": In(Settings(Glb, chip)), "start": In(1), "written": In(1), "o": Out(stream.Signature(QUAD)),
            "read": Out(GlbRead(chip)),
        })

    def elaborate(self, platform):
        m = Module()
        tiles = place(m, Tiles(self._chip), "tiles")
        pointer = place(m, PsumPointer(self._chip), "pointer")
        reader = place(m, GlbReader(self._chip), "reader")
        tile = tiles.tile
        connect(m, reader.read, flipped(self.read))
        connect(m, flipped(self.loops), tiles.loops)
        connect(m, flipped(self.glb), pointer.glb)
        connect(m, reader.o, flipped(self.o))
        word = Signal(16, init=1)  # from 1, as words are counted
        tokens = place(m, Tokens(self._chip.glb_words), "tokens")
        asking, tile_ends = signals("asking tile_ends")
        m.d.comb += [
            reader.i.valid.eq(tiles.there & ~tile.first_channels & tokens.any),
            reader.i.payload.eq(pointer.address), asking.eq(reader.i.valid & reader.i.ready),
            tokens.restart.eq(self.start), tokens.add.eq(self.written), tokens.take.eq(asking),
            tile_ends.eq(word == tile_case(self.tile_words.psum_words, tile)),
            tiles.start.eq(self.start),
            tiles.step.eq((tiles.there & tile.first_channels) | (asking & tile_ends)),
            pointer.restart.eq(self.start), pointer.step.eq(asking),
            pointer.mark.eq(tiles.step & tile.block_ends),
            pointer.rewind.eq(tiles.step & tile.sweep_ends & ~tile.block_ends),
        ]
        with m.If(asking):
            m.d.sync += word.eq(Mux(tile_ends, 1, word + 1))
        return m


class PsumSender(Block):
    """Sends psums to the bottom PEs of the sets: zeros for the first channel group, else GLB words.

    Latency: a cycle. Throughput: a word of the bus a cycle.

    Members
    -------
    loops, ofmap_tile, psum_walk : In(Settings).
    p_last : In, see `walk_ports`.
    start : In(1), begin the layer in this cycle.
    i : In(stream of 64 bits), words of the GLB.
    o : Out(Tagged), to the psum GIN.
    """

    module_name = "psum_sender"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(walk_ports(chip) | {
            "loops": In(Settings(Loops, chip)), "start": In(1), "i": In(stream.Signature(QUAD)),
            "o": Out(Tagged(chip, "psum")),
        })

    def elaborate(self, platform):
        m = Module()
        tiles = place(m, Tiles(self._chip), "tiles")
        walk = place_walk(m, self, self._chip)
        connect(m, flipped(self.loops), tiles.loops)
        width = bus_width(self._chip, "psum")
        narrow = self._chip.psum_bus_values < self._chip.word_psums
        part = self.i.payload.word_select(walk.part, width) if narrow else self.i.payload
        out = place(m, Queue(tagged_word(self._chip, "psum"), 2), "out")
        connect(m, out.o, flipped(self.o))
        produce, stored = signals("produce stored")
        m.d.comb += [
            walk.ragged_strip.eq(tiles.tile.ragged_strip), walk.ragged_span.eq(tiles.tile.ragged_span),
            stored.eq(walk.stored & ~tiles.tile.first_channels),
            produce.eq(tiles.there & (self.i.valid | ~stored) & out.i.ready),
            out.i.valid.eq(produce),
            out.i.payload.data.eq(Mux(stored, part, 0)), out.i.payload.tag.eq(walk.tag),
            self.i.ready.eq(produce & stored & (walk.part_ends if narrow else 1)),
            walk.step.eq(produce),
            tiles.start.eq(self.start), tiles.step.eq(produce & walk.tile_ends),
        ]
        return m


def _note(chip):
    """What PsumCollector keeps of each word it asked for."""
    whole = {"stored": 1, "first": 1, "last": 1, "mark": 1, "rewind": 1}
    return data.StructLayout(whole | ({"part_ends": 1} if chip.psum_bus_values < chip.word_psums else {}))


class PsumCollector(Block):
    """Fetches psum words from the array through the GON and writes them to the GLB.

    Latency: a cycle from `i` to the request of the GLB. Throughput: a word a cycle.

    Members
    -------
    loops, ofmap_tile, psum_walk, glb : In(Settings).
    p_last : In, see `walk_ports`.
    start : In(1), begin the layer in this cycle.
    requests : Out(stream of tag_layout), tags of the words wanted, to the GON.
    i : In(stream of a bus word), the words.
    drained : In(1), a finished word has left the GLB in this cycle; its address may be written again.
    written : Out(1), a word that will be read again is written in this cycle.
    finished : Out(1), a word of ofmaps is written in this cycle.
    blocked : Out(1), a word waits for the address of an ofmap that has not left.
    running : Out(1), words are still to come.
    write : Out(GlbWrite).
    """

    module_name = "psum_collector"

    def __init__(self, chip):
        self._chip = chip
        super().__init__(walk_ports(chip) | {
            "loops": In(Settings(Loops, chip)), "glb": In(Settings(Glb, chip)), "start": In(1),
            "requests": Out(stream.Signature(tag_layout(chip, "psum"))),
            "i": In(stream.Signature(bus_width(chip, "psum"))),
            "drained": In(1), "written": Out(1), "finished": Out(1), "blocked": Out(1), "running": Out(1),
            "write": Out(GlbWrite(chip)),
        })

    def elaborate(self, platform):
        m = Module()
        notes = place(m, Queue(_note(self._chip), NOTES), "notes")
        self._request(m, notes)
        pointer = place(m, PsumPointer(self._chip), "pointer")
        connect(m, flipped(self.glb), pointer.glb)
        free = place(m, Tokens(self._chip.glb_words), "free")
        write = data.StructLayout({"word": QUAD, "address": glb_address(self._chip), "last": 1})
        writes = place(m, Queue(write, 2), "writes")
        writing, note = writes.o.payload, notes.o.payload
        arrived, word, taken, wrote = signals("arrived word taken wrote")
        whole, content = self._gathered(m, note)
        m.d.comb += [
            arrived.eq(self.i.valid & notes.o.valid), word.eq(arrived & whole),
            self.blocked.eq(word & note.stored & note.first & ~free.any),
            free.restart.eq(self.start),
            free.words.eq((self._chip.glb_banks - self.glb.ifmap_banks) * self._chip.glb_bank_words),
            free.add.eq(self.drained), free.take.eq(taken & note.first),
            writes.i.valid.eq(word & note.stored & ~self.blocked),
            writes.i.payload.word.eq(content), writes.i.payload.address.eq(pointer.address),
            writes.i.payload.last.eq(note.last),
            taken.eq(writes.i.valid & writes.i.ready),
            self.i.ready.eq(arrived & (taken | ~(note.stored & whole))), notes.o.ready.eq(self.i.ready),
            pointer.restart.eq(self.start), pointer.step.eq(taken),
            pointer.mark.eq(self.i.ready & note.mark), pointer.rewind.eq(self.i.ready & note.rewind),
            self.write.valid.eq(writes.o.valid), writes.o.ready.eq(self.write.ready),
            self.write.data.eq(writing.word), self.write.address.eq(writing.address),
            wrote.eq(self.write.valid & self.write.ready),
            self.written.eq(wrote & ~writing.last), self.finished.eq(wrote & writing.last),
        ]
        return m

    def _gathered(self, m, note):
        """(whether a word of the GLB is whole, the word): of the parts that arrived, zeros behind the last."""
        values, lanes = self._chip.psum_bus_values, self._chip.word_psums
        if values == lanes:
            return 1, self.i.payload
        part = Signal(range(lanes // values))
        before, word = signals("before word", QUAD)
        m.d.comb += word.eq(before | Cat(Mux(part == index, self.i.payload, 0) for index in range(lanes // values)))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [part.eq(Mux(note.part_ends, 0, part + 1)), before.eq(Mux(note.part_ends, 0, word))]
        return note.part_ends, word

    def _request(self, m, notes):
        """Ask the GON for one word after another, and note what each is."""
        tiles = place(m, Tiles(self._chip), "tiles")
        walk = place_walk(m, self, self._chip)
        connect(m, flipped(self.loops), tiles.loops)
        out = place(m, Queue(tag_layout(self._chip, "psum"), 2), "out")
        connect(m, out.o, flipped(self.requests))
        tile, note = tiles.tile, notes.i.payload
        ends = Signal()
        m.d.comb += [
            walk.ragged_strip.eq(tile.ragged_strip), walk.ragged_span.eq(tile.ragged_span),
            out.i.valid.eq(walk.step), out.i.payload.eq(walk.tag),
            walk.step.eq(tiles.there & notes.i.ready & out.i.ready),
            tiles.start.eq(self.start), tiles.step.eq(walk.step & walk.tile_ends),
            ends.eq(walk.tile_ends & tile.sweep_ends),
            note.stored.eq(walk.stored), note.first.eq(tile.first_channels), note.last.eq(tile.last_channels),
            note.mark.eq(ends & tile.block_ends), note.rewind.eq(ends & ~tile.block_ends),
            notes.i.valid.eq(walk.step),
            self.running.eq(tiles.running | notes.o.valid),
        ]
        if self._chip.psum_bus_values < self._chip.word_psums:
            m.d.comb += note.part_ends.eq(walk.part_ends)
