"""Attributes by which Vivado's IP packager knows the buses, clocks, resets and the interrupt of the top with AXI."""

from amaranth.lib import data

from hw.config.registers import ADDRESS_BITS

from .bus import LITE_CHANNELS, MASTER_CHANNELS, MASTER_CONSTANTS, MASTER_IGNORED, MEMORY_BITS

__all__ = ["port_attributes"]

INFO, PARAMETER = "X_INTERFACE_INFO", "X_INTERFACE_PARAMETER"


def port_attributes():
    """Attributes of the ports of `hw.shell.axi.EyerissAxi`: {port: {attribute: value}}."""
    ports = {
        **_bus("s_axi", LITE_CHANNELS, (), f"PROTOCOL AXI4LITE, DATA_WIDTH 32, ADDR_WIDTH {ADDRESS_BITS}"),
        **_bus("m_axi", MASTER_CHANNELS, [*MASTER_CONSTANTS, *MASTER_IGNORED],
               f"PROTOCOL AXI4, DATA_WIDTH 64, ADDR_WIDTH {MEMORY_BITS}, ID_WIDTH 1"),
        "irq": _signal("irq", "interrupt", "INTERRUPT", "SENSITIVITY LEVEL_HIGH"),
    }
    for clock, reset, buses in (("clk", "rst", ""), ("link_clk", "link_rst", "ASSOCIATED_BUSIF s_axi:m_axi, ")):
        ports[clock] = _signal(clock, "clock", "CLK", f"{buses}ASSOCIATED_RESET {reset}")
        ports[reset] = _signal(reset, "reset", "RST", "POLARITY ACTIVE_HIGH")
    return ports


def _bus(prefix, channels, others, parameters):
    names = [f"{channel}{name}" for channel, (payload, _) in channels.items()
             for name in ("valid", "ready", *(field for field, _ in data.StructLayout.cast(payload)))]
    ports = {f"{prefix}_{name}": {INFO: f"xilinx.com:interface:aximm:1.0 {prefix} {name.upper()}"}
             for name in (*names, *others)}
    ports[f"{prefix}_awaddr"][PARAMETER] = f"XIL_INTERFACENAME {prefix}, {parameters}"
    return ports


def _signal(port, kind, name, parameters):
    return {INFO: f"xilinx.com:signal:{kind}:1.0 {port} {name}",
            PARAMETER: f"XIL_INTERFACENAME {port}, {parameters}"}
