"""A layer's loops and orders in plain Python: what the data paths are compared with."""

import random
from dataclasses import dataclass, field

from hw.config import ChipConfig
from hw.config.fields import GROUPS, group_fields
from sim.bench.run import setting

__all__ = ["CHIP", "LAYERS", "Layer", "Tile", "pack", "setting_ports", "stream_word"]

CHIP = ChipConfig(**setting("chip"))


@dataclass(frozen=True)
class Tile:
    """A turn of the innermost loop.

    Attributes
    ----------
    block : tuple
        Which block of which m group.
    rows, columns : int
        Of the ofmap.
    """

    block: tuple
    first_channels: bool
    last_channels: bool
    first_group: bool
    last_group: bool
    first_tile: bool
    last_tile: bool
    ragged_strip: bool
    ragged_span: bool
    rows: int
    columns: int


@dataclass(frozen=True)
class Layer:
    """A layer and its mapping by the paper's letters; `strips`, `spans`, `channels`, `groups`, `filters`
    count turns of loops, a name with `_ragged` is the last turn's size, and of the first image the first
    `skipped` tiles are another shard's."""

    images: int = 1
    strips: int = 1
    spans: int = 1
    n: int = 1
    channels: int = 1
    groups: int = 1
    groups_ragged: int = 1
    filters: int = 1
    e: int = 1
    e_ragged: int = 1
    f: int = 1
    f_ragged: int = 1
    R: int = 1
    S: int = 1
    U: int = 1
    V: int = 1
    q: int = 1
    r: int = 1
    t: int = 1
    quads: int = 1
    across: int = 1
    ifmap_banks: int = 2
    relu: int = 0
    skipped: int = 0
    seed: int = field(default=0, compare=False)

    @property
    def places(self):
        return [(strip, span) for _ in range(self.images)
                for strip in range(self.strips) for span in range(self.spans)][self.skipped:]

    @property
    def blocks(self):
        places = self.places
        return [places[first:first + self.n] for first in range(0, len(places), self.n)]

    def walk(self):
        """Every tile, in order."""
        for m in range(self.filters):
            groups = self.groups_ragged if m == self.filters - 1 else self.groups
            for number, block in enumerate(self.blocks):
                for channel in range(self.channels):
                    for group in range(groups):
                        for index, (strip, span) in enumerate(block):
                            low, narrow = strip == self.strips - 1, span == self.spans - 1
                            yield Tile(
                                (m, number), channel == 0, channel == self.channels - 1, group == 0,
                                group == groups - 1, index == 0, index == len(block) - 1, low, narrow,
                                self.e_ragged if low else self.e, self.f_ragged if narrow else self.f)

    # -- ifmaps -----------------------------------------------------------------------------------

    def ifmap_rows(self, e):
        return (e - 1) * self.U + self.R

    def ifmap_columns(self, f):
        return (f - 1) * self.V + self.S

    def ifmap_values(self, e, f):
        return self.ifmap_rows(e) * self.ifmap_columns(f) * self.q * self.r

    def ifmap_words(self, e, f):
        return -(-self.ifmap_values(e, f) // CHIP.word_values)

    def tile_ifmap(self, tile):
        return self.ifmap_words(tile.rows, tile.columns)

    # -- psums ------------------------------------------------------------------------------------

    def psum_words(self, e, f):
        return e * f * self.t * self.quads

    def tile_psums(self, tile):
        return self.psum_words(tile.rows, tile.columns)

    def array_walk(self, tile):
        """(row, column, stored) of each psum word that enters or leaves the array."""
        for _ in range(tile.columns * self.quads):
            for lane in range(self.t * self.e):
                row, column = divmod(lane, self.across * self.e)
                yield row, column, lane % self.e < tile.rows

    @property
    def p(self):
        """As many filters of a set as make `quads` words; the last may have fewer than the others."""
        return CHIP.word_psums * self.quads - (self.quads + self.R) % CHIP.word_psums

    def word_psums(self, tile):
        """How many psums each word of `array_walk` has."""
        for index, _ in enumerate(self.array_walk(tile)):
            last = index // (self.t * self.e) % self.quads == self.quads - 1
            yield self.p - CHIP.word_psums * (self.quads - 1) if last else CHIP.word_psums

    def psum_place(self, index):
        """(bank, row) of the psum ring's word `index`."""
        banks = CHIP.glb_banks - self.ifmap_banks
        return self.ifmap_banks + index % banks, index // banks % CHIP.glb_bank_words

    def psum_walk(self):
        """(tile, indices of its words in the psum ring)."""
        base = at = 0
        for tile in self.walk():
            if tile.first_group and tile.first_tile:
                base, at = (at, at) if tile.first_channels else (base, base)
            words = self.tile_psums(tile)
            yield tile, range(at, at + words)
            at += words

    # -- configuration ----------------------------------------------------------------------------

    @property
    def settings(self):
        """Every configuration field that follows from the above."""
        cases = [(e, f) for e in (self.e, self.e_ragged) for f in (self.f, self.f_ragged)]
        return {
            "tiles_last": self.n - 1, "tiles_ragged": len(self.blocks[-1]) - 1,
            "groups_last": self.groups - 1, "groups_ragged": self.groups_ragged - 1,
            "channels_last": self.channels - 1, "blocks_last": len(self.blocks) - 1,
            "filters_last": self.filters - 1, "strips_last": self.strips - 1, "spans_last": self.spans - 1,
            "strips_left": self.strips - 1 - self.skipped // self.spans,
            "spans_left": self.spans - 1 - self.skipped % self.spans,
            "e_last": self.e - 1, "e_ragged": self.e_ragged - 1,
            "f_last": self.f - 1, "f_ragged": self.f_ragged - 1,
            "rows_last": self.ifmap_rows(self.e) - 1, "rows_ragged": self.ifmap_rows(self.e_ragged) - 1,
            "final_column": (self.f - 1) * self.V, "final_ragged": (self.f_ragged - 1) * self.V,
            "p_last": self.p - 1, "window_last": self.S - 1, "r_last": self.r - 1, "q_last": self.q - 1,
            "stride": self.U,
            "quads_last": self.quads - 1, "lanes_last": self.t * self.e - 1, "sets_last": self.t - 1,
            "columns_last": self.across * self.e - 1, "ifmap_banks": self.ifmap_banks, "relu": self.relu,
            "ifmap_coded": 0,
            "ifmap_words": pack((self.ifmap_words(*case) for case in cases), 16),
            "psum_words": pack((self.psum_words(*case) for case in cases), 16),
        }

    def ports(self, dut):
        """The settings that `dut` has as inputs."""
        return setting_ports(dut, self.settings)

    def fits(self):
        """Whether the banks hold a block, and the loops are of a bearable length."""
        block = [tile for tile in self.walk() if tile.block == (0, 0) and tile.first_channels]
        ifmaps = sum(self.tile_ifmap(tile) for tile in block if tile.first_group)
        psums = sum(map(self.tile_psums, block))
        words = sum(map(self.tile_psums, self.walk()))
        values = sum(self.ifmap_values(self.e, tile.columns) for tile in self.walk())
        return (ifmaps <= self.ifmap_banks * CHIP.glb_bank_words
                and psums <= (CHIP.glb_banks - self.ifmap_banks) * CHIP.glb_bank_words
                and 20 <= words <= 200 and values <= 800)

    @classmethod
    def random(cls, seed):
        """A layer that fits."""
        chance = random.Random(seed)
        while True:
            def some(most):
                return chance.randint(1, most)

            strips, spans, filters, t = some(3), some(3), some(2), some(4)
            e, f, groups = some(4), some(3), some(3)
            images, skipped = some(3), chance.randrange(strips * spans)
            layer = cls(
                images=images, strips=strips, spans=spans, n=some(images * strips * spans - skipped),
                channels=some(3), groups=groups, groups_ragged=some(groups) if filters > 1 else groups,
                filters=filters, e=e, e_ragged=some(e) if strips > 1 else e, f=f,
                f_ragged=some(f) if spans > 1 else f, R=some(3), S=some(3), U=some(4), V=some(3), q=some(3),
                r=some(2), t=t, quads=some(3), across=chance.choice([d for d in (1, 2, 3, 4) if t % d == 0]),
                ifmap_banks=some(CHIP.glb_banks - 1), relu=chance.getrandbits(1), skipped=skipped,
                seed=seed)
            if layer.fits():
                return layer


# every loop turns, every last turn is ragged
FULL = Layer(images=2, strips=2, spans=2, n=3, channels=2, groups=2, groups_ragged=1, filters=2, e=2,
             e_ragged=1, f=2, f_ragged=1, R=2, S=2, U=1, V=1, q=1, r=1, t=2, quads=1, across=1, relu=1,
             skipped=1)
# a block's psums go round again and again
DEEP = Layer(n=1, channels=4, groups=1, e=2, e_ragged=2, f=3, f_ragged=3, R=2, S=2, t=2, quads=2, across=2,
             ifmap_banks=3)
LAYERS = {"full": FULL, "deep": DEEP} | {f"random{seed}": Layer.random(seed) for seed in range(6)}


def setting_ports(dut, values):
    """The values of the configuration fields that `dut` has as inputs, by port: in their group, or alone.

    A chip may have no `relu`, or no `shift`.
    """
    ports = {name: [f"{group}__{name}", name] for group, fields in GROUPS.items()
             for name in (one.name for one in group_fields(fields, CHIP))}
    return {port: value for name, value in values.items() for port in ports.get(name, ()) if hasattr(dut, port)}


def pack(values, width):
    """Values of `width` bits in one word, the first lowest."""
    return sum(value << width * index for index, value in enumerate(values))


def stream_word(word, last, bits=16):
    """A `hw.paths.rlc.StreamWord`: the word, whether it is a stream's last, and which of its values are not zero."""
    nonzero = sum((word >> bits * lane & (1 << bits) - 1 != 0) << lane for lane in range(64 // bits))
    return word | int(last) << 64 | nonzero << 65
