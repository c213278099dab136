"""The top with AXI: registers and master on the link clock, the chip behind them."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out, connect

from hw.chip import Eyeriss
from hw.dram.pins import pins_to_link
from hw.kit.block import Block, place
from hw.kit.crossing import AsyncQueue, LevelSync
from hw.shell.command_port import Command, HostPort, Reply, attach_host

from .bus import LITE_CHANNELS, MASTER_CHANNELS, MASTER_CONSTANTS, MASTER_IGNORED, channel_pins, connect_pins
from .control import AxiControl
from .lite import AxiLitePort
from .master import AxiMaster
from .vivado import port_attributes

__all__ = ["EyerissAxi"]

TO_LINK, TO_CORE = {"write": "sync", "read": "link"}, {"write": "link", "read": "sync"}


class EyerissAxi(Block):
    """The chip with AXI on its link.

        link clock                                        | core clock
        s_axi_* -- registers -- control -- async queues --+-- host port -- scan chain, start, counters
                                   | halt, reset          |                             chip
        m_axi_* -- master ------------------ DRAM streams (crossed inside the chip) ------+

    Everything of AXI is on `link_clk`. `rst` and `link_rst` are active high, synchronous each to its clock, and
    are high together for at least four cycles of the slower one.

    Members
    -------
    s_axi_* : AXI4-Lite slave, see `hw.config.registers`.
    m_axi_* : AXI4 master, 64 bit.
    irq : interrupt, level, link clock.
    """

    module_name = "eyeriss_axi"
    domains = ("sync", "link")
    port_attributes = port_attributes()

    def __init__(self, chip):
        self._chip = chip
        super().__init__(
            channel_pins("s_axi", LITE_CHANNELS) | channel_pins("m_axi", MASTER_CHANNELS)
            | {f"m_axi_{name}": Out(width) for name, (width, _) in MASTER_CONSTANTS.items()}
            | {f"m_axi_{name}": In(width) for name, width in MASTER_IGNORED.items()} | {"irq": Out(1)})

    def elaborate(self, platform):
        m = Module()
        on_link = {"sync": "link"}
        lite = place(m, AxiLitePort(), "lite_port", on_link)
        control = place(m, AxiControl(self._chip), "control", on_link)
        master = place(m, AxiMaster(), "master", on_link)
        resets = self._resets(m, control)
        chip = place(m, Eyeriss(self._chip), "chip", resets=resets)
        connect_pins(m, self, "s_axi", LITE_CHANNELS, lite)
        connect_pins(m, self, "m_axi", MASTER_CHANNELS, master)
        pins = {path[0]: pin for path, _, pin in self.signature.flatten(self)}  # AXI's names for them are a table
        m.d.comb += [pins[f"m_axi_{name}"].eq(value) for name, (_, value) in MASTER_CONSTANTS.items()]
        connect(m, lite.registers, control.registers)
        m.d.comb += [
            master.base.eq(control.base), master.halt.eq(control.halt), control.bus_idle.eq(master.idle),
            control.read_error.eq(master.read_error), control.write_error.eq(master.write_error),
            self.irq.eq(control.irq),
        ]
        self._host(m, control, chip, resets)
        pins_to_link(m, chip, master.dram)
        return m

    def _resets(self, m, control):
        """The chip's resets, from flip-flops.

        The link side hears of the core's reset when the core has had a cycle of it, and only then leaves its own: so
        both are in reset together, however slow the core's clock is, as `AsyncQueue` wants it.
        """
        core, link = Signal(name="core_reset", init=1), Signal(name="link_reset", init=1)
        acted = Signal(name="core_was_reset", init=1)
        wanted = place(m, LevelSync(), "reset_to_core")
        seen = place(m, LevelSync(), "reset_to_link", {"sync": "link"})
        m.d.comb += [wanted.i.eq(link), seen.i.eq(acted), control.reset_seen.eq(seen.o)]
        m.d.link += link.eq(control.reset)
        m.d.sync += [core.eq(wanted.o), acted.eq(core)]
        return {"sync": core, "link": link}

    def _host(self, m, control, chip, resets):
        by_domain = {way: resets[domain] for way, domain in TO_CORE.items()}
        commands = place(m, AsyncQueue(Command, 4), "commands", TO_CORE, by_domain)
        by_domain = {way: resets[domain] for way, domain in TO_LINK.items()}
        replies = place(m, AsyncQueue(Reply, 4), "replies", TO_LINK, by_domain)
        host = place(m, HostPort(), "host_port", resets=resets)
        connect(m, control.port.commands, commands.i)
        connect(m, commands.o, host.port.commands)
        connect(m, host.port.replies, replies.i)
        connect(m, replies.o, control.port.replies)
        attach_host(m, host, chip)
