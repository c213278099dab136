"""Payloads of the AXI channels, and their pins by the names that everybody gives them."""

from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from hw.config.registers import ADDRESS_BITS
from hw.kit.payloads import QUAD

__all__ = ["LITE_CHANNELS", "MASTER_CHANNELS", "MASTER_CONSTANTS", "MASTER_IGNORED", "MEMORY_BITS", "OKAY", "SLVERR",
           "LiteRead", "LiteWrite", "MemoryBurst", "MemoryRead", "MemoryWrite", "Request", "channel_pins",
           "connect_pins"]

MEMORY_BITS = 64  # of a byte address; a system with fewer leaves the others open
OKAY, SLVERR = 0, 2


class MemoryBurst(data.Struct):
    """AWADDR and AWLEN, ARADDR and ARLEN."""

    addr: MEMORY_BITS
    len: 8


class Request(data.Struct):
    """A burst and its direction."""

    write: 1
    burst: MemoryBurst


class MemoryWrite(data.Struct):
    data: QUAD
    strb: QUAD // 8
    last: 1


class MemoryRead(data.Struct):
    data: QUAD
    resp: 2
    last: 1


class LiteWrite(data.Struct):
    data: 32
    strb: 4


class LiteRead(data.Struct):
    data: 32
    resp: 2


class _Response(data.Struct):
    resp: 2


class _LiteAddress(data.Struct):
    addr: ADDRESS_BITS


# channel -> (payload, direction as seen from us)
LITE_CHANNELS = {"aw": (_LiteAddress, In), "w": (LiteWrite, In), "b": (_Response, Out),
                 "ar": (_LiteAddress, In), "r": (LiteRead, Out)}
MASTER_CHANNELS = {"aw": (MemoryBurst, Out), "w": (MemoryWrite, Out), "b": (_Response, In),
                   "ar": (MemoryBurst, Out), "r": (MemoryRead, In)}

# pins that never change: 8-byte INCR bursts of one ID; memory modifiable and bufferable, as DMA engines have it
MASTER_CONSTANTS = {f"{channel}{name}": (width, value) for channel in ("aw", "ar") for name, width, value in (
    ("id", 1, 0), ("size", 3, 3), ("burst", 2, 1), ("lock", 1, 0), ("cache", 4, 3), ("prot", 3, 0), ("qos", 4, 0))}

# answers bear the bursts' only ID: nothing to look at, but what is between us and the memory may want the pins
MASTER_IGNORED = {"bid": 1, "rid": 1}


def channel_pins(prefix, channels):
    """Ports of a bus: members of a Block's signature, by AXI's names, which the tables of channels give."""
    ports = {}
    for channel, (payload, way) in channels.items():
        ports |= {f"{prefix}_{channel}{name}": way(field.shape) for name, field in data.StructLayout.cast(payload)}
        ports |= {f"{prefix}_{channel}valid": way(1),
                  f"{prefix}_{channel}ready": (In if way is Out else Out)(1)}
    return ports


def connect_pins(m, pins, prefix, channels, inside):
    """Wire a bus's pins on `pins` to the streams `aw`, `w`, `b`, `ar`, `r` of an instance."""
    flat = {path[0]: pin for path, _, pin in pins.signature.flatten(pins)}
    for channel, (payload, way) in channels.items():
        stream = getattr(inside, channel)  # the table names the streams, too
        pairs = [("valid", stream.valid),
                 *((name, stream.payload[name]) for name, _ in data.StructLayout.cast(payload))]
        for name, value in pairs:
            pin = flat[f"{prefix}_{channel}{name}"]
            m.d.comb += pin.eq(value) if way is Out else value.eq(pin)
        ready = flat[f"{prefix}_{channel}ready"]
        m.d.comb += stream.ready.eq(ready) if way is Out else ready.eq(stream.ready)
