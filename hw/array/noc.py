"""The global networks (Figs. 10 and 11): GINs that multicast, a GON that collects.

Every word carries a (row, col) tag. The Y-bus compares `row` with the row ID of each X-bus, each X-bus
compares `col` with the col ID of each of its PEs: one multicast controller (MC) a comparison. A word
goes to all and only the PEs that match, in one cycle, when all of them are ready. Comparing takes the
cycle before, so that the way to all PEs and back has one of its own.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.kit.block import Block, place
from hw.kit.interfaces import PsumRow, RowBus, Tagged
from hw.kit.payloads import bus_width, tag_layout
from hw.kit.stream import Queue, signals

__all__ = ["Gin", "Gon", "MulticastController", "XBus", "XBusOut"]


class MulticastController(Block):
    """Compares a tag with an ID, in no cycle.

    Members
    -------
    enable : In(1), the word is offered here at all.
    tag : In(width), whom the word is for.
    id : In(width), who is here.
    match : Out(1), the word is for this target.
    """

    def __init__(self, width):
        self._width = width
        self.module_name, self.domains = f"multicast_controller_{width}", ()
        super().__init__({
            "enable": In(1), "tag": In(width), "id": In(width), "match": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.match.eq(self.enable & (self.tag == self.id))
        return m


class XBus(Block):
    """One row of a GIN: its word, in a register that only a word for this row loads, and an MC for each PE.

    Members
    -------
    select : In(1), the word on the Y-bus is for this row.
    col : In(col_width), the word's tag.
    payload : In(width), the word on the Y-bus.
    load : In(1), the word before is delivered in the whole array in this cycle; take this one, if `select`.
    go : In(1), every target in the array is ready: the word held is delivered in this cycle.
    ids : In, col ID of each PE, a setting.
    enables : In(columns), each PE takes part, a setting.
    pes : Out(RowBus), the word held, to the PEs.
    matched : Out(1), the word held is for some PE here.
    blocked : Out(1), some PE that it is for is not ready.
    """

    def __init__(self, columns, col_width, width):
        self._columns, self._col_width, self._width = columns, col_width, width
        self.module_name = f"x_bus_{width}_{columns}x{col_width}"
        super().__init__({
            "select": In(1), "load": In(1), "go": In(1), "col": In(col_width), "payload": In(width),
            "ids": In(columns * col_width), "enables": In(columns), "pes": Out(RowBus(width, columns)),
            "matched": Out(1), "blocked": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        controller = MulticastController(self._col_width)
        controllers = [place(m, controller, f"mc_{j}") for j in range(self._columns)]
        matches = Signal(self._columns)
        word = Signal(self._width, reset_less=True)
        for j, mc in enumerate(controllers):
            m.d.comb += [
                mc.enable.eq(self.select & self.enables[j]), mc.tag.eq(self.col),
                mc.id.eq(self.ids.word_select(j, self._col_width)),
            ]
        with m.If(self.load):
            m.d.sync += matches.eq(Cat(mc.match for mc in controllers))
        with m.If(self.load & self.select):
            m.d.sync += word.eq(self.payload)
        m.d.comb += [
            self.matched.eq(matches.any()), self.blocked.eq((matches & ~self.pes.readies).any()),
            self.pes.valids.eq(Mux(self.go, matches, 0)), self.pes.data.eq(word),
        ]
        return m


class Gin(Block):
    """A global input network: the Y-bus and its X-buses.

    Latency: a word that was accepted at `i` is at its PEs in the next cycle, and stays until all of them are ready.
    Throughput: a word a cycle.

    Parameters
    ----------
    name : str
        Of the network: filter, ifmap or psum.

    Members
    -------
    i : In(Tagged), words.
    row_ids : In, row ID of each X-bus, a setting.
    col_ids : In, col ID of each PE, a setting; PE (y, x) is element y * columns + x.
    enables : In(rows * columns), each PE takes part, a setting.
    rows : Out(RowBus) of each row, to its PEs.
    held : Out(1), a word is on the X-buses.
    unclaimed : Out(1), it matches no PE and is dropped: the configuration is wrong.
    """

    def __init__(self, chip, name):
        self._chip, self._width = chip, bus_width(chip, name)
        self._col_width = tag_layout(chip, name)["col"].width
        self.module_name = f"gin_{self._width}_{self._col_width}"
        rows, columns = chip.rows, chip.columns
        super().__init__({
            "i": In(Tagged(chip, name)),
            "row_ids": In(chip.row_id_bits * rows), "col_ids": In(self._col_width * rows * columns),
            "enables": In(rows * columns), "rows": Out(RowBus(self._width, columns)).array(rows),
            "held": Out(1), "unclaimed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        rows, columns, row_bits = self._chip.rows, self._chip.columns, self._chip.row_id_bits
        blocked, matched = signals("blocked matched", rows)
        go = Signal()
        word, tag = self.i.payload.data, self.i.payload.tag
        controller, x_bus = MulticastController(row_bits), XBus(columns, self._col_width, self._width)
        for y in range(rows):
            mc, bus = place(m, controller, f"mc_{y}"), place(m, x_bus, f"x_bus_{y}")
            m.d.comb += [
                mc.enable.eq(self.i.valid), mc.tag.eq(tag.row), mc.id.eq(self.row_ids.word_select(y, row_bits)),
                bus.select.eq(mc.match), bus.load.eq(go), bus.go.eq(go), bus.col.eq(tag.col),
                bus.payload.eq(word),
                bus.ids.eq(self.col_ids.word_select(y, columns * self._col_width)),
                bus.enables.eq(self.enables.word_select(y, columns)),
                blocked[y].eq(bus.blocked), matched[y].eq(bus.matched),
            ]
            connect(m, bus.pes, flipped(self.rows[y]))
        m.d.comb += [
            go.eq(~blocked.any()), self.i.ready.eq(go), self.unclaimed.eq(self.held & ~matched.any()),
        ]
        with m.If(go):
            m.d.sync += self.held.eq(self.i.valid)
        return m


class XBusOut(Block):
    """One row of the GON: the psum word of the PE whose col ID matches, in a register of the row's own.

    Members
    -------
    select : In(1), the request on the Y-bus is for this row.
    col : In(col_width), the request's tag.
    load : In(1), take the request in this cycle.
    ids : In, col ID of each PE, a setting.
    enables : In(columns), each PE takes part, a setting.
    pes : In(PsumRow), from the PEs.
    valid : Out(1), the PE that the request is for has its word.
    matched : Out(1), the request is for a PE here.
    take : In(1), the word leaves its PE in this cycle.
    step : In(1), `payload` is the word from the next cycle on, zeros if it is another row's.
    payload : Out(width).
    """

    def __init__(self, chip):
        self._columns, self._col_width, width = chip.columns, chip.col_id_bits, bus_width(chip, "psum")
        self.module_name = f"x_bus_out_{width}_{self._columns}"
        super().__init__({
            "select": In(1), "load": In(1), "col": In(self._col_width), "take": In(1), "step": In(1),
            "ids": In(self._col_width * self._columns), "enables": In(self._columns), "pes": In(PsumRow(chip)),
            "payload": Out(width), "valid": Out(1), "matched": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        controller = MulticastController(self._col_width)
        controllers = [place(m, controller, f"mc_{j}") for j in range(self._columns)]
        matches = Signal(self._columns)
        word = 0
        for j, mc in enumerate(controllers):
            m.d.comb += [
                mc.enable.eq(self.select & self.enables[j]), mc.tag.eq(self.col),
                mc.id.eq(self.ids.word_select(j, self._col_width)),
            ]
            word = word | Mux(matches[j], self.pes.data[j], 0)
        with m.If(self.load):
            m.d.sync += matches.eq(Cat(mc.match for mc in controllers))
        with m.If(self.step):
            m.d.sync += self.payload.eq(word)
        m.d.comb += [
            self.matched.eq(matches.any()),
            self.valid.eq((matches & self.pes.valids).any()),
            self.pes.readies.eq(Mux(self.take, matches, 0)),
        ]
        return m


class Gon(Block):
    """The global output network: fetches the psum word of the PE that `request` names.

    Latency: a word leaves at `o` three cycles after its request was accepted, if its PE has it by then.
    Throughput: a word a cycle.

    Members
    -------
    request : In(stream of tag_layout); the next one is accepted as the word of the one before leaves its PE.
    o : Out(stream of a bus word), the words in order.
    row_ids : In, row ID of each X-bus, a setting.
    col_ids : In, col ID of each PE, a setting; PE (y, x) is element y * columns + x.
    enables : In(rows * columns), each PE takes part, a setting.
    rows : In(PsumRow) of each row, from its PEs.
    unclaimed : Out(1), a request matches no PE: the configuration is wrong, nothing will answer.
    """

    module_name = "gon"

    def __init__(self, chip):
        self._chip = chip
        rows, columns, width = chip.rows, chip.columns, bus_width(chip, "psum")
        super().__init__({
            "request": In(stream.Signature(tag_layout(chip, "psum"))), "o": Out(stream.Signature(width)),
            "row_ids": In(chip.row_id_bits * rows), "col_ids": In(chip.col_id_bits * rows * columns),
            "enables": In(rows * columns), "rows": In(PsumRow(chip)).array(rows), "unclaimed": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        rows, columns = self._chip.rows, self._chip.columns
        row_bits, col_bits = self._chip.row_id_bits, self._chip.col_id_bits
        word, found, matched = 0, Signal(rows), Signal(rows)
        held, load, take, staged, step = signals("held load take staged step")
        out = place(m, Queue(bus_width(self._chip, "psum"), 2), "out")
        connect(m, out.o, flipped(self.o))
        controller, x_bus = MulticastController(row_bits), XBusOut(self._chip)
        for y in range(rows):
            mc, bus = place(m, controller, f"mc_{y}"), place(m, x_bus, f"x_bus_{y}")
            m.d.comb += [
                mc.enable.eq(self.request.valid), mc.tag.eq(self.request.payload.row),
                mc.id.eq(self.row_ids.word_select(y, row_bits)),
                bus.select.eq(mc.match), bus.load.eq(load), bus.col.eq(self.request.payload.col), bus.take.eq(take),
                bus.step.eq(step),
                bus.ids.eq(self.col_ids.word_select(y, col_bits * columns)),
                bus.enables.eq(self.enables.word_select(y, columns)),
                found[y].eq(bus.valid), matched[y].eq(bus.matched),
            ]
            connect(m, flipped(self.rows[y]), bus.pes)
            word = word | bus.payload
        m.d.comb += [
            step.eq(~staged | out.i.ready), take.eq(found.any() & step),
            out.i.valid.eq(staged), out.i.payload.eq(word),
            load.eq(~held | take), self.request.ready.eq(load), self.unclaimed.eq(held & ~matched.any()),
        ]
        with m.If(load):
            m.d.sync += held.eq(self.request.valid)
        with m.If(step):
            m.d.sync += staged.eq(take)
        return m
