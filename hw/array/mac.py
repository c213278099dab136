"""The MAC of a PE: multiply, scale, and the flags that go with it; `PE` and `ZeroSkipPE` share it."""

from amaranth.hdl import Cat, Mux, Signal, signed
from amaranth.lib import data

from hw.kit.stream import signals

__all__ = ["MacFlags", "mac_pipeline", "scaled"]


class MacFlags(data.Struct):
    """What goes along with a MAC."""

    valid: 1  # there is one
    zero: 1  # its ifmap value is zero: nothing is read or multiplied
    first: 1  # of a position: its psum begins from zero
    last: 1  # of a position: its psum is finished. With zero skipping all p psums are, valid or not
    group_ends: 1  # its psum is the last of the p psums


def scaled(product, shift):
    """The lower 16 bits of `product` >> `shift`, for a shift of 0 to 16.

    The greatest distances first, so that each step has fewer bits to move than the one before.
    """
    bits = wide = Cat(product, product[-1].replicate(32 - len(product)))
    for place in (3, 2, 1, 0):
        kept = 15 + (1 << place)
        bits = Mux(shift[place], bits[1 << place:][:kept], bits[:kept])
    return Mux(shift[4], wide[16:], bits).as_signed()


def mac_pipeline(m, width, issued, ifmap, weight_read, shift=None):
    """Stages 2 to 4 of a PE: spad access, multiply, add. Once issued, a MAC never stops.

    Latency: three cycles. Throughput: a MAC a cycle.

    Parameters
    ----------
    width : int
        Bits of a value and of a weight.
    issued : MacFlags
        Of the MAC issued in this cycle.
    ifmap : signed(width), or unsigned(8)
        Its ifmap value, in this cycle.
    weight_read : signed(width)
        Its weight, in the next cycle, unless `zero`.
    shift : 5 bits, setting, optional
        Without it products of 8 bits are added whole.

    Returns
    -------
    MacFlags, signed(16)
        Of the MAC to be added in this cycle, and its product, scaled by `shift`.
    """
    reading, multiplying, adding = signals("reading multiplying adding", MacFlags)
    shape = ifmap.shape()
    value, factor, weight = (Signal(kind, name=name, reset_less=True)
                             for name, kind in (("value", shape), ("factor", shape), ("weight", signed(width))))
    product = Signal(signed(2 * width), reset_less=True)
    m.d.sync += [reading.eq(issued), multiplying.eq(reading), adding.eq(multiplying)]
    with m.If(issued.valid & ~issued.zero):
        m.d.sync += value.eq(ifmap)
    with m.If(reading.valid & ~reading.zero):
        # an SRAM's access and a multiplication are too much for one cycle
        m.d.sync += [factor.eq(value), weight.eq(weight_read)]
    with m.If(multiplying.valid):
        # a register clears for nothing; a mask on the way to the adder would cost gates
        m.d.sync += product.eq(Mux(multiplying.zero, 0, factor * weight))
    return adding, product if shift is None else scaled(product, shift)
