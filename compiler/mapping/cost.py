"""What a mapping costs: cycles by resource, words at each level, energy.

The formulas work on numbers and on numpy arrays alike: one mapping, or a million of them at once. They
predict; the RTL decides (`tests/` and docs/model.md hold the one to the other).
"""

from dataclasses import dataclass

import numpy as np

from hw.config import ChipConfig

from .energy import EnergyTable
from .lowering import NativeLayer

__all__ = ["RESOURCES", "Costs", "Density", "costs", "density_of", "filter_bus_words", "unpadded"]

RESOURCES = ("pe", "ifmap_bus", "psum_bus", "filter_bus", "link")
RAMP = 12  # cycles that a pass takes beyond its MACs, measured
SKIP_SPREAD = 1.3  # standard deviations of a window's zeros, measured
SKIP_NORM = 6  # how much PEs and buses wait for each other where the PEs' work varies, measured
LATE_FILTERS = 60  # and more of them where its first position waits for filters


def _up(a, b):
    return -(-a // b)


@dataclass(frozen=True)
class Density:
    """Fractions of fmap values that are not zero: what RLC and zero gating make of a layer.

    `form` says how ofmaps lie in DRAM: "coded", "raw", or "auto", the smaller of both.
    """

    ifmap: float = 1.0
    ofmap: float = 1.0
    form: str = "auto"

    @property
    def ofmap_coded(self) -> bool:
        """Whether ofmaps are run-length coded."""
        return self.form == "coded" or self.form == "auto" and self.coded(self.ofmap) < 1

    @property
    def ofmap_share(self) -> float:
        """64-bit words of DRAM that a word of four ofmap values takes."""
        return self.code(self.ofmap) if self.ofmap_coded else 1.0

    @staticmethod
    def coded(density):
        """64-bit words a word of four values takes, run-length coded or raw, whichever is less."""
        return min(1.0, Density.code(density)) if density < 0.72 else 1.0

    @staticmethod
    def code(density):
        """The same, run-length coded in any case."""
        zeros = 1 - density
        pairs = density + density * zeros**32 / (1 - zeros**32) if zeros < 1 else 1 / 32
        return 4 * pairs / 3


def density_of(values) -> float:
    """The share of an array's values that is not zero; 1 of an empty one."""
    return float(np.count_nonzero(values) / values.size) if values.size else 1.0


@dataclass(frozen=True)
class Costs:
    """Costs of a layer (all N ifmaps of one group) under a mapping; arrays where the mapping is.

    Attributes
    ----------
    cycles : core cycles from start to done.
    by_resource : cycles that each of RESOURCES alone would take.
    ramp : cycles lost to filling the array.
    passes : processing passes.
    glb, dram, noc : 64-bit words (noc: what crosses narrower buses as parts of one) by data type.
    macs : MACs, padding included.
    energy : in MACs, see EnergyTable.
    """

    cycles: object
    by_resource: dict
    ramp: object
    passes: object
    glb: dict
    dram: dict
    noc: dict
    macs: object
    energy: object

    def binding(self) -> str:
        """The resource that takes longest; for a single mapping."""
        return max(RESOURCES, key=lambda name: self.by_resource[name])


def costs(layer: NativeLayer, chip: ChipConfig, mapping: dict, density=None, energy=None) -> Costs:
    """Costs of mappings.

    Parameters
    ----------
    mapping : dict
        m n e f p q r t coded: integers, or integer arrays that broadcast.
    density : Density, optional
    energy : EnergyTable, optional
    """
    density, energy = density or Density(), energy or EnergyTable()
    m, n, e, f, p, q, r, t, coded = (mapping[name] for name in "m n e f p q r t coded".split())
    strips, spans, quads = _up(layer.E, e), _up(layer.F, f), _up(p, 4)
    tiles = layer.N * strips * spans
    blocks, sweeps, groups = _up(tiles, n), _up(layer.C, q * r), _up(layer.M, p * t)
    m_groups = _up(groups, np.minimum(groups, _up(m, p * t)))
    positions = layer.N * strips * layer.F  # positions of an ofmap row over all tiles
    columns = positions * layer.V + tiles * (layer.S - layer.V)
    rows = (e - 1) * layer.U + layer.R
    passes = blocks * sweeps * groups
    pass_filters = filter_bus_words(layer, chip, p, q, r, t)

    given = p * q * layer.S * positions * sweeps * groups  # MACs of a PE, zeros included
    share = _share_worked(density.ifmap * _inside(layer), q * layer.S) if chip.zero_skip else 1.0
    pe = given * share
    ifmap_bus = rows * r * _up(q, chip.ifmap_bus_values) * columns * sweeps * groups
    psum_bus = t * e * _up(p, chip.psum_bus_values) * positions * sweeps * groups
    filter_bus = pass_filters * passes

    ofmap_words = layer.N * groups * t * quads * layer.E * layer.F
    stored_rows = layer.N * spans * (layer.E * layer.U + strips * (layer.R - layer.U))
    stored = q * r * _up(columns, np.maximum(1, layer.N * strips * spans)) * stored_rows
    ifmap_words = _up(stored, 4) * sweeps
    shrink = Density.coded(density.ifmap * unpadded(layer))
    decoding = ifmap_words * groups * decoder_cycles(density.ifmap * unpadded(layer))
    ifmap_bus = np.where(np.asarray(coded) > 0, np.maximum(ifmap_bus, decoding), ifmap_bus)
    dram = {
        "ifmap": ifmap_words * m_groups * shrink,
        "filter": _up(p * q * layer.S, 4) * layer.R * r * t * passes, "bias": blocks * groups * t * quads,
        "ofmap": ofmap_words * density.ofmap_share,
    }
    link = sum(dram.values()) * (chip.core_mhz / chip.link_mhz)
    by_resource = {"pe": pe, "ifmap_bus": ifmap_bus, "psum_bus": psum_bus, "filter_bus": filter_bus,
                   "link": link}
    ramp = passes * _ramp(layer, chip, share * p * q * layer.S, p, q, r, t, pass_filters)
    array = busy_together(chip, pe, ifmap_bus, psum_bus) + ramp
    array = array + _drain(dram, array, blocks * m_groups, sweeps, chip.core_mhz / chip.link_mhz)
    cycles = np.maximum(np.maximum(array, filter_bus), link)

    in_glb = ifmap_words * np.where(np.asarray(coded) > 0, shrink, 1.0)
    glb = {"ifmap": in_glb * groups, "psum_read": ofmap_words * sweeps, "psum_write": ofmap_words * sweeps,
           "filter": dram["filter"]}
    noc = {"ifmap": rows * q * r * columns * sweeps * groups / 4,
           "filter": filter_bus * chip.filter_bus_values / 4, "psum": 2 * psum_bus * chip.psum_bus_values / 4}
    macs = given * layer.R * e * r * t
    return Costs(cycles, by_resource, ramp, passes, glb, dram, noc, macs,
                 _energy(energy, density, macs, glb, dram, noc))


def filter_bus_words(layer, chip, p, q, r, t):
    """Words over the filter bus, and so cycles of it, that a pass takes."""
    return _up(p * q * layer.S, chip.filter_bus_values) * layer.R * r * t


def _share_worked(density, window):
    """Share of its MACs that a PE which skips zeros spends time on.

    The PEs that share an ifmap row or a column of psums wait for the one with the fewest zeros in its
    window, within what their FIFOs hold: the density, and a share of its spread over windows.
    """
    return np.minimum(1.0, density + SKIP_SPREAD * np.sqrt(density * (1 - density) / window))


def busy_together(chip, pe, ifmap_bus, psum_bus):
    """Cycles of PEs and their buses: of the busiest, and more where zeros are skipped.

    Then each position takes another time, and what is the busiest of it changes from one to the next.
    """
    if not chip.zero_skip:
        return np.maximum(np.maximum(pe, ifmap_bus), psum_bus)
    most = np.maximum(np.maximum(pe, ifmap_bus), psum_bus)
    return most * sum((1.0 * each / most)**SKIP_NORM for each in (pe, ifmap_bus, psum_bus))**(1 / SKIP_NORM)


def decoder_cycles(density):
    """Cycles that the RLC decoder takes for four values: a pair each, and one where zeros go on in the next four.

    Behind the GLB it has to keep up with the ifmap bus, which it does as long as that is of one value.
    """
    return 4 * density + 1 - density


def unpadded(layer):
    """Fraction of a padded plane that is not padding: what is left is zeros, which RLC codes away."""
    shape = layer.shape
    return shape.H * shape.W / ((shape.H + 2 * shape.P) * (shape.W + 2 * shape.P))


def _inside(layer):
    """Fraction of what the windows meet that is not padding."""
    shape, share = layer.shape, 1.0
    for size, outputs, taps, stride in ((shape.H, shape.E, shape.R, shape.U), (shape.W, shape.F, shape.S, shape.V)):
        at = stride * np.arange(outputs)[:, None] + shape.D * np.arange(taps) - shape.P
        share *= np.mean((at >= 0) & (at < size))
    return share


def _drain(dram, array, blocks, sweeps, per_word):
    """Cycles in which the array waits for the GLB to be rid of a block's ofmaps.

    They leave during the block's last sweep and the next block's first, over what the link has left.
    """
    sweep = array / (blocks * sweeps)
    others = np.minimum(0.95, (dram["filter"] + dram["ifmap"] + dram["bias"]) * per_word / array)
    late = np.maximum(0, dram["ofmap"] / blocks * per_word / (1 - others) - 2 * sweep)
    return (blocks - 1) * np.minimum(late, dram["ofmap"] / blocks * per_word)


def _ramp(layer, chip, position, p, q, r, t, pass_filters):
    """Cycles by which a pass's filters come too late; `position` is what a position takes.

    The filter bus may send the next pass's weights as far as the spads have room beside this pass's; the
    rest goes in the pass's last position, and in the next one's first, which waits for it.
    """
    window = p * q * layer.S
    targets = layer.R * r * t
    ahead = np.minimum(pass_filters, (chip.filter_spad_words - window) // chip.filter_bus_values * targets)
    late = pass_filters - ahead - 2 * position
    return RAMP + np.where(late > -LATE_FILTERS, late + LATE_FILTERS, 0)


def _energy(table, density, macs, glb, dram, noc):
    """Accesses of 16-bit values times their energy; the PEs' own follow from the MACs."""
    worked = macs * density.ifmap
    spads = 2 * macs + 2 * worked  # ifmap read and psum read for each, filter read and psum write if not gated
    return (4 * sum(dram.values()) * table.dram + 4 * sum(glb.values()) * table.glb
            + 4 * sum(noc.values()) * table.noc + spads * table.spad
            + worked * table.mac + (macs - worked) * table.gated_mac)
