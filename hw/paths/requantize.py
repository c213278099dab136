"""Requantization: finished sums to 8-bit ofmaps, as `golden.int8.requantize` has it, to the bit.

    psum, bias --> add --> float32 --> x factor --> float32 --> integer --> + zero, saturated

A float32 is rounded to the nearest, ties to the even one, and so is the integer: two roundings after the product.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hw.kit.block import Block, place
from hw.kit.stream import signals

__all__ = ["Factor", "RequantizedWord", "Requantizer", "RequantizerLane", "SumWord"]

SUM = 32  # bits of a sum, and of a bias
FRACTION = 23  # bits of a float32's fraction
SIGNIFICAND = FRACTION + 1
BIAS = 127  # of a float32's exponent
STAGES = 9


class Factor(data.Struct):
    """A positive float32 without its sign; an exponent of 0 stands for 0."""

    fraction: FRACTION
    exponent: 8


def SumWord(lanes):
    """Psums of as many filters at one position, their biases and factors; `last` of a stream."""
    return data.StructLayout({
        "psums": data.ArrayLayout(signed(SUM), lanes), "biases": data.ArrayLayout(signed(SUM), lanes),
        "factors": data.ArrayLayout(Factor, lanes), "last": 1,
    })


def RequantizedWord(lanes):
    """Ofmap values of as many filters; `last` of a stream."""
    return data.StructLayout({"values": data.ArrayLayout(8, lanes), "last": 1})


def _rounded(kept, rest):
    """`kept` plus one where the bits `rest` behind it are more than half of its unit, or half and it is odd."""
    return kept + (rest[-1] & (rest[:-1].any() | kept[0]))


class RequantizerLane(Block):
    """One sum a cycle.

    Latency: nine cycles in which `advance` is 1. Throughput: a sum a cycle.

    Members
    -------
    advance : In(1), all stages move on in this cycle.
    zero : In(8), setting: the ofmap's zero point.
    psum, bias : In(signed(32)).
    factor : In(Factor).
    value : Out(8), the ofmap's value.
    """

    module_name = "requantizer_lane"

    def __init__(self):
        super().__init__({
            "advance": In(1), "zero": In(8), "psum": In(signed(SUM)), "bias": In(signed(SUM)), "factor": In(Factor),
            "value": Out(8),
        })

    def elaborate(self, platform):
        m = Module()
        negative, exponent, significand, factor = self._to_float(m)
        negative, places, product = self._multiply(m, negative, exponent, significand, factor)
        self._to_integer(m, negative, places, product)
        return m

    def _later(self, m, value, name):
        """A value in the next stage."""
        register = Signal.like(value, name=name, reset_less=True)
        with m.If(self.advance):
            m.d.sync += register.eq(value)
        return register

    def _to_float(self, m):
        """Stages 1 to 4: the sum's sign, place of its first one, and 24 bits from there on; the factor beside it."""
        total = self._later(m, (self.psum + self.bias)[:SUM].as_signed(), "total")
        factor = self._later(m, self.factor, "factor_1")
        negative = self._later(m, total[-1], "negative_2")
        magnitude = self._later(m, abs(total)[:SUM], "magnitude")
        factor = self._later(m, factor, "factor_2")
        bits, places = magnitude, []
        for step in (16, 8, 4, 2, 1):
            empty = ~bits[SUM - step:].any()
            bits = Mux(empty, (bits << step)[:SUM], bits)
            places.insert(0, ~empty)
        first = self._later(m, Cat(places), "first")  # place of the first one, for a sum that is not 0
        normal = self._later(m, bits, "normal")
        negative, factor = self._later(m, negative, "negative_3"), self._later(m, factor, "factor_3")
        above = _rounded(normal[SUM - SIGNIFICAND:], normal[:SUM - SIGNIFICAND])  # 2^24 where all bits were ones
        carried = above[SIGNIFICAND]
        significand = self._later(m, Mux(carried, above[1:], above)[:SIGNIFICAND], "significand")
        exponent = self._later(m, first + carried, "exponent")
        return self._later(m, negative, "negative_4"), exponent, significand, self._later(m, factor, "factor_4")

    def _multiply(self, m, negative, exponent, significand, factor):
        """Stages 5 and 6: the sign, u, and 48 bits of product, the upper 24 of them in units of 2^(u - 24).

        u is of a product below 2^47; of others it is one more.
        """
        half = SIGNIFICAND // 2
        other = Cat(factor.fraction, factor.exponent.any())
        low = self._later(m, significand * other[:half], "low")
        high = self._later(m, significand * other[half:], "high")
        places = self._later(m, (exponent + factor.exponent - (BIAS - 1)).as_signed(), "places_5")
        negative = self._later(m, negative, "negative_5")
        product = self._later(m, (low + (high << half))[:2 * SIGNIFICAND], "product")
        return self._later(m, negative, "negative_6"), self._later(m, places, "places_6"), product

    def _to_integer(self, m, negative, places, product):
        """Stages 7 to 9: round to a float32, shift, round to an integer, add `zero` and saturate."""
        upper = product[-1]
        kept = Mux(upper, product[SIGNIFICAND:], product[SIGNIFICAND - 1:][:SIGNIFICAND])
        rest = Mux(upper, product[:SIGNIFICAND], product[:SIGNIFICAND - 1] << 1)
        value = self._later(m, _rounded(kept, rest)[:SIGNIFICAND + 1], "float_value")
        places = self._later(m, (places + upper).as_signed(), "places_7")
        negative = self._later(m, negative, "negative_7")
        above = (places > 8) & value[SIGNIFICAND - 1:].any()  # 256 or more: not where the product is 0
        shifted = self._later(m, Mux(places < 0, 0, value << places[:4])[:SIGNIFICAND + 9], "shifted")
        above, negative = self._later(m, above, "above"), self._later(m, negative, "negative_8")
        whole, sum_ = Signal(10), Signal(signed(11))
        m.d.comb += [
            whole.eq(Mux(above, 256, _rounded(shifted[SIGNIFICAND:], shifted[:SIGNIFICAND]))),
            sum_.eq(Mux(negative, self.zero - whole, self.zero + whole)),
        ]
        with m.If(self.advance):
            m.d.sync += self.value.eq(Mux(sum_ < 0, 0, Mux(sum_ > 255, 255, sum_)))


class Requantizer(Block):
    """A word of sums a cycle.

    Latency: nine cycles. Throughput: a word a cycle.

    Members
    -------
    zero : In(8), setting: the ofmap's zero point.
    i : In(stream of SumWord).
    o : Out(stream of RequantizedWord).
    running : Out(1), a word is held.
    """

    def __init__(self, lanes):
        self._lanes = lanes
        self.module_name = f"requantizer_{lanes}"
        super().__init__({
            "zero": In(8), "i": In(stream.Signature(SumWord(lanes))),
            "o": Out(stream.Signature(RequantizedWord(lanes))), "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        kind = RequantizerLane()
        held, ends = signals("held ends", STAGES)  # for each stage, that it has a word, and a stream's last
        advance = Signal()
        m.d.comb += [
            advance.eq(self.o.ready | ~self.o.valid), self.i.ready.eq(advance),
            self.o.valid.eq(held[-1]), self.o.payload.last.eq(ends[-1]), self.running.eq(held.any()),
        ]
        with m.If(advance):
            m.d.sync += [held.eq(Cat(self.i.valid, held)), ends.eq(Cat(self.i.payload.last, ends))]
        for index in range(self._lanes):
            lane = place(m, kind, f"lane_{index}")
            m.d.comb += [
                lane.advance.eq(advance), lane.zero.eq(self.zero), lane.psum.eq(self.i.payload.psums[index]),
                lane.bias.eq(self.i.payload.biases[index]), lane.factor.eq(self.i.payload.factors[index]),
                self.o.payload.values[index].eq(lane.value),
            ]
        return m
