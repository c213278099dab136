"""Random chips over the whole ranges of ChipConfig's fields, and random layers for them."""

from golden.layer import LayerShape
from hw.config import ChipConfig

__all__ = ["random_chip", "random_shape"]


def _dimension(chance, most):
    """Small as a rule, now and then up to `most`: as many of each order of magnitude."""
    return min(most, max(1, round(most ** chance.random())))


def random_chip(chance, most_pes=1024, data_width=None):
    """A chip of `chance`, a random.Random; of the fields that contradict each other, some other ones are drawn.

    Returns
    -------
    (ChipConfig, None), or (None, why the configuration was refused)
    """
    rows, data_width = _dimension(chance, 32), data_width or chance.choice((8, 16))
    fields = dict(
        rows=rows, columns=_dimension(chance, max(1, min(32, most_pes // rows))), data_width=data_width,
        psum_width=16 if data_width == 16 else chance.choice((16, 24, 32)),
        ifmap_spad_words=chance.randint(1, 32), filter_spad_words=_dimension(chance, 1024),
        psum_spad_words=chance.randint(4, 64), ifmap_bus_values=chance.choice((1, 2, 4, 8)),
        filter_bus_values=chance.choice((1, 2, 4, 8)), psum_bus_values=chance.choice((1, 2, 4)),
        ifmap_fifo_depth=chance.randint(1, 16), psum_fifo_depth=chance.randint(1, 16),
        glb_banks=chance.randint(2, 64), glb_bank_words=1 << chance.randint(4, 12),
        filter_bank_words=1 << chance.randint(4, 12), bias_words=chance.randint(4, 256),
        burst_words=1 << chance.randint(1, 6), zero_skip=chance.random() < 0.3,
        core_mhz=_dimension(chance, 5000), link_mhz=_dimension(chance, 5000),
        coded_weights=chance.random() < 0.3)
    try:
        return ChipConfig(name="random", **fields), None
    except ValueError as error:
        return None, str(error)


def random_shape(chance, most_values=200_000, most_macs=2_000_000):
    """A layer of at most so many values in each tensor and so many MACs; each dimension is large now and then."""
    while True:
        G, D = chance.choice((1, 1, 1, 2, 3)), chance.choice((1, 1, 1, 2, 3))
        R, S = _dimension(chance, 40), _dimension(chance, 40)
        P = chance.randint(0, 3)
        shape = LayerShape(
            N=_dimension(chance, 20_000), M=G * _dimension(chance, 20_000), C=G * _dimension(chance, 20_000),
            H=max(1, D * (R - 1) + 1 - 2 * P) + _dimension(chance, 20_000) - 1,
            W=max(1, D * (S - 1) + 1 - 2 * P) + _dimension(chance, 20_000) - 1,
            R=R, S=S, U=_dimension(chance, 12), V=_dimension(chance, 12), P=P, G=G, D=D)
        values = (shape.N * shape.C * (shape.H + 2 * P) * (shape.W + 2 * P), shape.N * shape.M * shape.E * shape.F,
                  shape.M * shape.C // G * R * S)
        if max(values) <= most_values and shape.macs <= most_macs:
            return shape
