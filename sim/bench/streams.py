"""cocotb drivers and monitors for valid/ready streams.

A stream `i` of an Amaranth component has the Verilog ports ``i__valid``,
``i__ready`` and ``i__payload``, or one ``i__payload__<field>`` for each field,
or no payload port at all.

One rule for time, under every simulator: *sample at the rising edge, then
drive*. What `RisingEdge` sees is what the flip-flops see at that edge, since
neither they nor anything combinational behind them has changed yet; what is written then
lands after the edge. Nothing here waits for another phase, so the order in
which the tasks of one edge run does not matter.

A bench is usually::

    @cocotb.test()
    @cocotb.parametrize(cross())
    async def passes_all(dut, idle, pressure):
        await run_io_check(dut, {"i": words}, {"o": words}, idle=idle, pressure=pressure)
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from .agents import Port, ProtocolChecker, Sink, Source
from .patterns import cross

__all__ = [
    "Port", "ProtocolChecker", "Sink", "Source", "cross", "cycles", "run_io_check", "start",
]


async def start(dut: Any, *, periods: Mapping[str, float] | None = None, cycles: int = 2, **inputs: int) -> Any:
    """Start the clocks and reset.

    Parameters
    ----------
    periods : dict of str to float, optional
        Nanoseconds of each clock port; ``{"clk": 10}`` by default. The reset
        of ``link_clk`` is ``link_rst``, if there is such a port.
    cycles : int
        Of the slowest clock under reset.
    inputs : int
        Ports to drive from the first moment on.

    Returns
    -------
    handle
        The first clock.
    """
    periods = periods or {"clk": 10}
    for name, value in inputs.items():
        getattr(dut, name).value = int(value)
    resets = []
    for clock, period in periods.items():
        # Not left to cocotb to choose: without trust in inertial writes, which
        # Icarus does not get, it would toggle the clock from Python. Low first,
        # lest the unknown level before time 0 make an edge or not.
        Clock(getattr(dut, clock), period, "ns", impl="gpi").start(start_high=False)
        if (reset := _reset_of(dut, clock)) is not None:
            reset.value = 1
            resets.append((getattr(dut, clock), reset))
    slowest = getattr(dut, max(periods, key=lambda clock: periods[clock]))
    for _ in range(cycles):
        await RisingEdge(slowest)
    for clock, reset in reversed(resets):
        await RisingEdge(clock)
        reset.value = 0
    return getattr(dut, next(iter(periods)))


async def cycles(clk: Any, count: int) -> None:
    """Wait for `count` rising edges."""
    for _ in range(count):
        await RisingEdge(clk)


async def run_io_check(dut: Any, inputs: Mapping[str, Iterable[Any]], outputs: Mapping[str, Iterable[Any]], *,
                       idle: str = "never", pressure: str = "never", seed: int = 0, extra_cycles: int = 20,
                       settle: int = 0, fields: Mapping[str, Sequence[str]] | None = None,
                       signed: Collection[str] = (), ports: Mapping[str, int] | None = None,
                       periods: Mapping[str, float] | None = None,
                       clocks: Mapping[str, str] | None = None) -> tuple[dict[str, Source], dict[str, Sink]]:
    """Send words into all input streams, expect words from all output streams.

    Every stream is checked for protocol, each has its own idle pattern, and
    for `extra_cycles` after the last word nothing more may come.

    Parameters
    ----------
    inputs, outputs : dict of str to iterable
        Stream name to its words.
    idle, pressure : str
        Names in `patterns.PATTERNS`.
    settle : int
        Cycles from the end of the reset to the first word.
    fields : dict of str to list of str, optional
        Of the streams whose payloads are several ports.
    signed : collection of str
        The output streams to be read as two's complement.
    ports : dict of str to int, optional
        Constant inputs.
    periods : dict of str to float, optional
        See `start`.
    clocks : dict of str to str, optional
        The clock port of each stream that is not of the first clock.

    Returns
    -------
    sources, sinks : dict of str to Source, dict of str to Sink
        For their `transfers`, from which a test takes cycle counts.
    """
    fields = fields or {}
    for name in inputs:
        getattr(dut, f"{name}__valid").value = 0
    for name in outputs:
        getattr(dut, f"{name}__ready").value = 0
    main = await start(dut, periods=periods, **(ports or {}))
    await cycles(main, settle)
    sources, sinks = {}, {}
    for number, name in enumerate([*inputs, *outputs]):
        own: dict[str, Any] = {"seed": seed * 1009 + number, "fields": fields.get(name)}
        clk = getattr(dut, (clocks or {}).get(name, main._name))
        ProtocolChecker(dut, name, clk, _reset_of(dut, clk._name), fields=own["fields"])
        if name in inputs:
            sources[name] = Source(dut, name, clk, idle=idle, **own)
            sources[name].send(inputs[name])
        else:
            sinks[name] = Sink(
                dut, name, clk, pressure=pressure, expect=outputs[name],
                signed=name in signed, **own,
            )
    for sink in sinks.values():
        await sink.wait()
    for source in sources.values():
        await source.drain()
    await cycles(main, extra_cycles)
    return sources, sinks


def _reset_of(dut: Any, clock: str) -> Any:
    """The reset port of a clock port, or None."""
    return getattr(dut, clock[: -len("clk")] + "rst", None)
