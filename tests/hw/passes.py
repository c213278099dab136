"""What a PE sees of a pass: ifmap rows, weights, and the windows that slide over them."""

from collections import namedtuple
from dataclasses import dataclass

BITS16 = (-1 << 15, 1 << 15)  # 16-bit values: the least, and one more than the largest
Step = namedtuple("Step", "seen retire rewind first last")  # seen: (value, zero, row_ends, pass_ends)


@dataclass(frozen=True)
class Pass:
    """A pass of `rows` ofmap rows of `f` positions, p filters, q channels, S x V windows."""

    p: int = 1
    q: int = 1
    S: int = 1
    V: int = 1
    f: int = 4
    rows: int = 2

    @property
    def width(self):
        return (self.f - 1) * self.V + self.S

    @property
    def window(self):
        return self.q * self.S

    @property
    def macs(self):
        return self.p * self.window * self.f * self.rows

    def random_row(self, chance, zeros=0.3, limits=BITS16):
        """width x q ifmap values, column after column."""
        return random_values(chance, self.width * self.q, zeros=zeros, limits=limits)


def flagged(shape, rows):
    """(value, row_ends, pass_ends) of each word of `rows`; a pass has shape.rows of them."""
    final = (shape.f - 1) * shape.V * shape.q
    for number, row in enumerate(rows):
        pass_ends = number % shape.rows == shape.rows - 1
        for index, value in enumerate(row):
            yield value, int(index == final), int(index == final and pass_ends)


def ifmap_words(shape, rows, bits=16):
    """`ifmap_word`s as integers."""
    return [value & (1 << bits) - 1 | row_ends << bits | pass_ends << bits + 1
            for value, row_ends, pass_ends in flagged(shape, rows)]


def bus_words(shape, rows, values, bits=16):
    """`ifmap_bus_word`s of `values` values as integers: in each up to `values` channels of a column."""
    if values == 1:
        return ifmap_words(shape, rows, bits)
    words, each = list(flagged(shape, rows)), []
    for column in range(0, len(words), shape.q):
        for first in range(0, shape.q, values):
            part = words[column:column + shape.q][first:first + values]
            flags = part[0][1] | part[0][2] << 1 | len(part) - 1 << 2
            each.append(packed((value & (1 << bits) - 1 for value, *_ in part), bits) | flags << bits * values)
    return each


def window_steps(shape, rows):
    """Every reading of an ifmap word, window after window."""
    words = list(flagged(shape, rows))
    for number in range(len(rows)):
        row = words[number * shape.width * shape.q:][:shape.width * shape.q]
        for x in range(shape.f):
            for step in range(shape.window):
                value, row_ends, pass_ends = row[x * shape.V * shape.q + step]
                yield Step(
                    (value, int(value == 0), row_ends, pass_ends),
                    retire=x == shape.f - 1 or step < shape.q * shape.V,
                    rewind=step == shape.window - 1, first=step == 0, last=step == shape.window - 1,
                )


def quads(values, each=4, bits=16):
    """Words of four 16-bit values, or of `each` of `bits`, the last padded with zeros."""
    return [packed((value & (1 << bits) - 1 for value in values[start:start + each]), bits)
            for start in range(0, len(values), each)]


def random_values(chance, *shape, zeros=0.0, limits=BITS16):
    """Nested lists of 16-bit values, or of others within `limits`."""
    if not shape:
        return 0 if chance.random() < zeros else chance.randrange(*limits)
    return [random_values(chance, *shape[1:], zeros=zeros, limits=limits) for _ in range(shape[0])]


def packed(values, width):
    """A vector of equal fields, the first lowest."""
    return sum(int(value) << index * width for index, value in enumerate(values))
