"""Layers on the simulated chip: run, compared with golden, every counter checked."""

import random
from dataclasses import fields, replace

import numpy as np

from compiler.image import dram_image
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.search import find_mapping
from golden import rlc
from golden.layer import LayerShape
from golden.rlc import CODE8, CODE16
from golden.tensors import random_tensors
from hw.config import PRESETS
from hw.config.counters import FAULTS
from sim.chip.layer import simulate_layer
from sim.chip.simulate import Settings
from sim.chip.verilog import chip_verilog

__all__ = ["check", "expected_counters", "random_layer", "run"]


def run(shape, mapping="auto", *, chip="mini", simulator="verilator", seed=1, zeros=0.25, weight_zeros=0.0, shift=0,
        relu=False, full_range=True, link_mhz=None, **options):
    """Simulate a layer of random tensors; by default every bit of every operand matters.

    Parameters
    ----------
    shape : str or LayerShape
    chip : str or ChipConfig
    mapping : "auto" or str such as "m=8 n=1 e=3 p=8 q=1 r=1 t=1"
    options : fields of `sim.chip.simulate.Settings`, and what `sim.chip.layer.simulate_layer` takes. With `top`
        "axi" every channel of the bus stalls at random.
    """
    if options.get("top") == "axi":
        options.setdefault("stall_seed", seed)
    shape = LayerShape.parse(shape) if isinstance(shape, str) else shape
    chip = PRESETS.get(chip, chip)
    verilog = chip_verilog(chip, top=options.get("top", "chip"))  # the same for all links
    chip = replace(chip, link_mhz=link_mhz or chip.link_mhz)
    if mapping == "auto":
        mapping = find_mapping(lower(shape, chip), chip)
    else:
        mapping = Mapping(**{name: int(value) for name, value in (item.split("=") for item in mapping.split())})
    tensors = random_tensors(shape, seed=seed, zeros=zeros, shift=shift, full_range=full_range,
                             weight_zeros=weight_zeros)
    settings = {field.name: options.pop(field.name) for field in fields(Settings) if field.name in options}
    return simulate_layer(shape, mapping, chip, tensors, Settings(simulator=simulator, **settings), shift=shift,
                          relu=relu, **{"verilog": verilog} | options)


def check(result):
    """The layer is right, and every word was moved as often as its mapping says."""
    assert result.status == "done", (result.status, result.counters)
    assert result.difference is None, result.difference
    counters = result.counters
    expected = expected_counters(result.program)
    assert {name: counters[name] for name in expected} == expected
    kinds = ("mac_cycles", "ramp_cycles", "wait_ifmap_cycles", "wait_filter_cycles", "wait_ofmap_cycles")
    assert sum(counters[kind] for kind in kinds) == counters["cycles"]
    if not result.program.chip.zero_skip:  # those that skip do some zeros and not others, as buses fall behind
        assert counters["gated_macs"] == counters["macs"] - nonzero_macs(result.program)


def expected_counters(program):
    """What follows from the mapping and the words in DRAM, summed over the jobs."""
    total = {}
    for job in program.jobs:
        for name, count in _of_job(job).items():
            total[name] = total.get(name, 0) + count
    if not all(job.fields["ofmap_raw"] for job in program.jobs):
        del total["dram_ofmap"]  # depends on the values
    return total


def nonzero_macs(program):
    """MACs with an ifmap value that is not zero, from the ifmaps in DRAM.

    Rows that fill up a ragged strip are zeros; what its last PEs see of the rows above those is not.
    """
    return sum(_nonzero_of_job(job, program) for job in program.jobs)


def _nonzero_of_job(job, program):
    placement, fields, lanes = job.placement, job.fields, program.chip.word_values
    layer, mp, code = placement.layer, placement.mapping, CODE16 if program.chip.data_width == 16 else CODE8
    words, found = program.dram[fields["ifmap_base"] - program.base:fields["filter_base"] - program.base], 0
    uses = {}  # of each row of a tile, by the windows of all e rows, and of each column

    def used(count, stride, size, length):
        key = count, stride, size, length
        if key not in uses:
            at = np.add.outer(stride * np.arange(count), np.arange(size)).ravel()
            uses[key] = np.bincount(at, minlength=length)[:length]
        return uses[key]

    for block in placement.job_groups * placement.tiles_of_blocks:
        for _ in range(placement.channel_groups):
            size = sum(placement.ifmap_words(tile.rows, tile.columns) for tile in block)
            if fields["ifmap_raw"]:
                values, took = words[:size].astype("<u8").view(code.dtype), size
            else:
                values, took = rlc.decode(words, lanes * size, code)
            words = words[took:]
            for tile in block:
                high, wide = placement.ifmap_rows(tile.rows), placement.ifmap_columns(tile.columns)
                count = high * wide * mp.r * mp.q
                nonzero = (values[:count] != 0).reshape(wide, high, -1).sum(axis=2)
                found += int(used(tile.columns, layer.V, layer.S, wide) @ nonzero
                             @ used(mp.e, layer.U, layer.R, high))
                values = values[lanes * placement.ifmap_words(tile.rows, tile.columns):]
    return found * placement.all_filter_groups * mp.p * mp.t


def _of_job(job):
    placement = job.placement
    layer, mp, chip = placement.layer, placement.mapping, placement.chip
    groups = placement.filter_groups
    m_groups, filter_groups = groups.m_groups, (groups.m_groups - 1) * groups.each + groups.last
    # each group of the layer is a block for itself
    blocks, channel_groups = placement.job_groups * placement.blocks.count, placement.channel_groups
    tiles = placement.job_groups * placement.tiles
    psums = filter_groups * sum(placement.psum_words(tile.rows, tile.columns) for tile in tiles)
    in_dram = job.fields["filter_base"] - job.fields["ifmap_base"]
    ifmap = in_dram if mp.coded else channel_groups * sum(
        placement.ifmap_words(tile.rows, tile.columns) for tile in tiles)
    filters = blocks * channel_groups * filter_groups * placement.pass_words
    if not job.fields.get("filter_raw", 1):  # what lies in DRAM is read once for every block
        filters = placement.blocks.count * (job.fields["bias_base"] - job.fields["filter_base"])
    # all e rows of a set work in a ragged strip as well, and all q r channels in the last group
    positions = sum(mp.e * tile.columns for tile in tiles)
    # psums enter and leave by column of the array
    lanes = positions * mp.t * -(-mp.p // chip.psum_bus_values)
    return {
        "macs": positions * filter_groups * mp.p * mp.t * channel_groups * mp.q * mp.r * layer.R * layer.S,
        "passes": blocks * channel_groups * filter_groups,
        # every row of a set's tile, also of those that fill up a ragged strip
        "noc_ifmaps": filter_groups * channel_groups * placement.tile_rows * mp.r * -(-mp.q // chip.ifmap_bus_values)
        * sum(placement.ifmap_columns(tile.columns) for tile in tiles),
        # coded or not, what lies in DRAM is read once for every m group
        "dram_ifmap": m_groups * in_dram,
        "glb_ifmap_writes": m_groups * ifmap, "glb_ifmap_reads": filter_groups * ifmap,
        "dram_filter": filters, "glb_filter_writes": filters, "glb_filter_reads": filters,
        "noc_filters": blocks * channel_groups * filter_groups * layer.R * mp.r * mp.t * -(
            -mp.p * mp.q * layer.S // chip.filter_bus_values),
        # a word of biases for each word of psums; of 8-bit ofmaps biases and factors of 32 bits
        "dram_bias": blocks * filter_groups * placement.quads * mp.t * (
            1 if chip.data_width == 16 else 2 * chip.word_psums * 32 // 64),
        # the first channel group starts from zero: no read; the last one's psums are read to leave the chip
        "glb_psum_reads": (channel_groups - 1) * psums, "glb_ofmap_reads": psums,
        "glb_psum_writes": channel_groups * psums, "dram_ofmap": dram_image.ofmap_words(placement, raw=True),
        "noc_psums_in": filter_groups * channel_groups * lanes,
        "noc_psums_out": filter_groups * channel_groups * lanes,
    } | dict.fromkeys(FAULTS, 0)


def random_layer(seed, most_macs):
    """A random small layer: its shape, and keyword arguments of `run`."""
    draw = random.Random(seed)
    while True:
        G = draw.choice((1, 1, 1, 2))
        R, S, P = draw.randint(1, 5), draw.randint(1, 5), draw.randint(0, 2)
        U = draw.choice((1, 1, 2, 4))
        V = draw.choice((U, U, draw.randint(1, 4)))
        shape = dict(N=draw.randint(1, 3), M=G * draw.randint(1, 20), C=G * draw.randint(1, 9), R=R, S=S, U=U,
                     V=V, P=P, G=G, H=max(1, R - 2 * P) + draw.randint(0, 12),
                     W=max(1, S - 2 * P) + draw.randint(0, 12))
        shape = LayerShape(**shape)
        if most_macs / 10 < shape.macs <= most_macs:
            return shape, dict(seed=seed, zeros=draw.choice((0, 0.3, 0.9)), shift=draw.choice((0, 3, 8, 16)),
                               relu=draw.random() < 0.5,
                               compress=draw.choice((None, True, False)))
