"""What the registers do: the life of a layer as a host sees it, its errors, its interrupts."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import enum
from amaranth.lib.wiring import In, Out

from hw.config.registers import ERRORS, FIELDS, INTERRUPTS, OFFSETS, REGISTERS, constants
from hw.kit.block import Block
from hw.kit.stream import signals
from hw.shell.command_port import CommandKind, CommandPort, ReplyKind

from .bus import MEMORY_BITS
from .lite import RegisterBus

__all__ = ["AxiControl", "State"]


class State(enum.Enum, shape=3):
    """What a host may do depends on this."""

    IDLE = 0
    RUNNING = 1
    DRAINING = 2  # the bus finishes what was begun; then halted, or the reset that was asked for
    HALTED = 3
    RESETTING = 4  # until the core has seen the reset
    RELEASING = 5  # until the core has seen its end


class AxiControl(Block):
    """The registers, and the state that they stand for. Link clock.

        IDLE --START--> RUNNING --end, bus idle--> IDLE
                           | fault, error response
                           v
        any --RESET--> DRAINING --bus idle--> HALTED --RESET--> RESETTING --> RELEASING --> IDLE
                           +-- RESET, bus idle -------------------^

    Members
    -------
    registers : In(RegisterBus), refuses what no register takes.
    port : Out(CommandPort), to the chip.
    base : Out(64), to `AxiMaster`; the same while a layer runs.
    halt : Out(1), to `AxiMaster`.
    bus_idle, read_error, write_error : In(1), from `AxiMaster`.
    reset : Out(1), to the chip.
    reset_seen : In(1), the chip is in reset, in both its clock domains.
    irq : Out(1), the interrupt, a level.
    """

    module_name = "axi_control"

    def __init__(self, chip):
        self._constants = constants(chip)
        super().__init__({
            "registers": In(RegisterBus()), "port": Out(CommandPort()),
            "base": Out(MEMORY_BITS), "halt": Out(1), "bus_idle": In(1), "read_error": In(1), "write_error": In(1),
            "reset": Out(1), "reset_seen": In(1), "irq": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        state = Signal(State)
        done, counter_busy = signals("done counter_busy")
        counter = Signal(64)
        causes = {name: Signal(name=f"cause_{name.lower()}") for name in ERRORS}
        ends_well = Signal()
        self._commands(m, state, causes)
        self._layer(m, state, causes, done, ends_well)
        self._counter(m, state, counter, counter_busy)
        values = {
            "STATUS": self._status(state, done, counter_busy),
            "COUNTER_LOW": counter[:32], "COUNTER_HIGH": counter[32:],
            "BASE_LOW": self.base[:32], "BASE_HIGH": self.base[32:],
        } | self._interrupts(m, causes, ends_well)
        with m.Switch(self.registers.read_address[2:]):
            for register in filter(lambda register: register.readable, REGISTERS):
                with m.Case(register.offset >> 2):
                    m.d.comb += self.registers.read_data.eq({**self._constants, **values}[register.name])
            with m.Default():
                m.d.comb += self.registers.read_refused.eq(1)
        return m

    def _status(self, state, done, counter_busy):
        """The fields of STATUS, each at its place."""
        resetting = (state == State.RESETTING) | (state == State.RELEASING)
        fields = {
            "BUSY": (state == State.RUNNING) | (state == State.DRAINING), "DONE": done,
            "HALTED": state == State.HALTED, "RESETTING": resetting, "COUNTER_BUSY": counter_busy,
        }
        return Cat(fields[name] for name in sorted(fields, key=lambda name: FIELDS[f"STATUS.{name}"].low))

    def _bit(self, register, field):
        return self.registers.write_data[FIELDS[f"{register}.{field}"].low]

    def _written(self, m, name):
        """A register is written in this cycle, or waits for its turn."""
        written = Signal(name=f"writes_{name.lower()}")
        m.d.comb += written.eq(self.registers.write & (self.registers.write_address[2:] == OFFSETS[name] >> 2))
        return written

    def _commands(self, m, state, causes):
        """CONFIG, START and COUNTER_SELECT wait until they can go to the core; all else never waits."""
        config, control, select = (self._written(m, name) for name in ("CONFIG", "CONTROL", "COUNTER_SELECT"))
        start = control & self._bit("CONTROL", "START") & ~self._bit("CONTROL", "RESET")
        idle = state == State.IDLE
        aligned = self.base[:3] == 0
        counts = (state != State.RESETTING) & (state != State.RELEASING)
        with m.If(config & idle):
            m.d.comb += [self.port.commands.valid.eq(1), self.port.commands.payload.kind.eq(CommandKind.CONFIG)]
        with m.If(start & idle & aligned):
            m.d.comb += [self.port.commands.valid.eq(1), self.port.commands.payload.kind.eq(CommandKind.START)]
        with m.If(select & counts):
            m.d.comb += [self.port.commands.valid.eq(1), self.port.commands.payload.kind.eq(CommandKind.COUNTER)]
        m.d.comb += [
            self.port.commands.payload.value.eq(self.registers.write_data),
            self.registers.write_ready.eq(~self.port.commands.valid | self.port.commands.ready),
            causes["BUSY_START"].eq(start & ~idle), causes["UNALIGNED_BASE"].eq(start & idle & ~aligned),
        ]
        writable = [register.offset >> 2 for register in REGISTERS if register.writable]
        m.d.comb += self.registers.write_refused.eq(~self.registers.write_address[2:].matches(*writable))
        self._base(m, idle, config, causes)

    def _base(self, m, idle, config, causes):
        halves = {"BASE_LOW": self.base[:32], "BASE_HIGH": self.base[32:]}
        writes = {name: self._written(m, name) for name in halves}
        for name, half in halves.items():
            with m.If(writes[name] & idle):
                m.d.sync += half.eq(self.registers.write_data)
        m.d.comb += causes["BUSY_WRITE"].eq((config | writes["BASE_LOW"] | writes["BASE_HIGH"]) & ~idle)

    def _layer(self, m, state, causes, done, ends_well):
        reset_wanted, finished, start, resets, ended = signals("reset_wanted finished start resets ended")
        control = self.registers.write & (self.registers.write_address[2:] == OFFSETS["CONTROL"] >> 2)
        m.d.comb += [
            start.eq(self.port.commands.valid & self.port.commands.ready
                     & (self.port.commands.payload.kind == CommandKind.START)),
            resets.eq(control & self._bit("CONTROL", "RESET")),
            ended.eq(self.port.replies.valid & (self.port.replies.payload.kind == ReplyKind.END)),
            self.halt.eq((state != State.IDLE) & (state != State.RUNNING)),
            causes["READ_RESPONSE"].eq(self.read_error), causes["WRITE_RESPONSE"].eq(self.write_error),
            causes["FAULT"].eq((state == State.RUNNING) & ended & self.port.replies.payload.value[0]),
            # the chip is done when its last word is on its way, we are when it was answered for
            ends_well.eq((state == State.RUNNING) & finished & self.bus_idle),
            self.reset.eq(state == State.RESETTING),
        ]
        with m.Switch(state):
            with m.Case(State.IDLE):
                with m.If(start):
                    m.d.sync += [state.eq(State.RUNNING), done.eq(0), finished.eq(0)]
            with m.Case(State.RUNNING):
                with m.If(ended):
                    m.d.sync += finished.eq(1)
                with m.If(causes["FAULT"] | self.read_error | self.write_error):
                    m.d.sync += state.eq(State.DRAINING)
                with m.Elif(ends_well):
                    m.d.sync += [state.eq(State.IDLE), done.eq(1)]
            with m.Case(State.DRAINING):
                with m.If(self.bus_idle):
                    m.d.sync += state.eq(State.HALTED)
                    with m.If(reset_wanted):
                        m.d.sync += [state.eq(State.RESETTING), reset_wanted.eq(0)]
            with m.Case(State.RESETTING):
                m.d.sync += done.eq(0)
                with m.If(self.reset_seen):
                    m.d.sync += state.eq(State.RELEASING)
            with m.Case(State.RELEASING):
                with m.If(~self.reset_seen):
                    m.d.sync += state.eq(State.IDLE)
        with m.If(resets & (state != State.RESETTING) & (state != State.RELEASING)):
            m.d.sync += [state.eq(State.DRAINING), reset_wanted.eq(1)]

    def _counter(self, m, state, counter, busy):
        m.d.comb += self.port.replies.ready.eq(1)
        with m.If(self.port.commands.valid & self.port.commands.ready
                  & (self.port.commands.payload.kind == CommandKind.COUNTER)):
            m.d.sync += busy.eq(1)
        with m.If(self.port.replies.valid & (self.port.replies.payload.kind == ReplyKind.COUNTER)):
            m.d.sync += [counter.eq(self.port.replies.payload.value), busy.eq(0)]
        with m.If(state == State.RESETTING):
            m.d.sync += [counter.eq(0), busy.eq(0)]

    def _interrupts(self, m, causes, ends_well):
        """ERROR and the interrupt registers: set by events, cleared by ones; an event wins."""
        errors, pending = Signal(len(ERRORS)), Signal(len(INTERRUPTS))
        enable = Signal(len(INTERRUPTS))
        events = Cat(causes.values())
        writes = {name: self._written(m, name) for name in ("ERROR", "INTERRUPT_PENDING", "INTERRUPT_ENABLE")}
        for register, set_bits, name in ((errors, events, "ERROR"),
                                         (pending, Cat(ends_well, events.any()), "INTERRUPT_PENDING")):
            with m.If(writes[name]):
                m.d.sync += register.eq(register & ~self.registers.write_data | set_bits)
            with m.Else():
                m.d.sync += register.eq(register | set_bits)
        with m.If(writes["INTERRUPT_ENABLE"]):
            m.d.sync += enable.eq(self.registers.write_data)
        m.d.comb += self.irq.eq((pending & enable).any())
        return {"ERROR": errors, "INTERRUPT_PENDING": pending, "INTERRUPT_ENABLE": enable}
