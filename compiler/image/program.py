"""Compiles a layer and a mapping into the chip's input: configuration bits and a DRAM image."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from compiler.mapping.cost import decoder_keeps_up
from compiler.mapping.density import density_of
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import CodeTooLong, Mapping, MappingError
from compiler.mapping.placement import Placement
from golden.int8 import Format, LayerFormats, check_int8
from golden.layer import LayerShape
from golden.tensors import check_tensors
from hw.config import ChipConfig, pack_scan

from . import dram_image
from .int8 import int8_tensors, moved, moved_back
from .noc_ids import noc_ids

__all__ = ["Job", "Program", "Shard", "compile_int8", "compile_layer"]

#: Values of configuration fields by name.
Fields = dict[str, int | list[int]]
NEVER_WRITTEN = np.uint64(0xDEAD_BEEF_DEAD_BEEF)  # ofmap words of the image before the first job


@dataclass(frozen=True)
class Shard:
    """A part of a layer that can be computed separately: of one group.

    Attributes
    ----------
    group : int
        Groups that the mapping merges are one.
    first_filter, filters : int
        Of the group's; all if `filters` is None.
    first_block, blocks : int
        Of the mapping's blocks of n tiles; all if `blocks` is None.
    """

    group: int
    first_filter: int = 0
    filters: int | None = None
    first_block: int = 0
    blocks: int | None = None


@dataclass(frozen=True)
class Job:
    """One run of the chip from start to done.

    Attributes
    ----------
    placement : Placement
    fields : dict
        The configuration by field.
    bits : list of int
        The scan chain's bits.
    ofmap_base, ofmap_count : int
        Where the ofmap's words lie in DRAM.
    """

    placement: Placement
    fields: Fields
    bits: list[int]
    ofmap_base: int
    ofmap_count: int


@dataclass(frozen=True)
class Program:
    """All jobs of a layer and the DRAM they work on.

    Attributes
    ----------
    dram : ndarray of uint64
        The image before the first job, from word `base` on; ofmap places hold a pattern that shows what
        was never written.
    ofmap_format : Format, optional
        Of 8-bit ofmaps.
    """

    shape: LayerShape
    chip: ChipConfig
    mapping: Mapping
    jobs: list[Job]
    dram: np.ndarray
    base: int = 0
    ofmap_format: Format | None = None

    def ofmap(self, dram: np.ndarray) -> np.ndarray:
        """The layer's ofmap (N, M, E, F) from all of DRAM after the last job; 0 where no job works.

        Its type is int16, or that of `ofmap_format`.
        """
        form = self.ofmap_format
        ofmap = np.zeros(self.shape.ofmap_shape, form.dtype if form else np.int16)
        for job in self.jobs:
            part = dram_image.unpack_ofmap(job.placement, dram[job.ofmap_base:job.ofmap_base + job.ofmap_count],
                                           raw=bool(job.fields["ofmap_raw"]))
            part = moved_back(part, form) if form else part
            for where in _outputs(job.placement):
                own = (where[0], slice(None), *where[2:])
                ofmap[where] = part[own]
        return ofmap

    def ofmap_words(self, ofmap: np.ndarray) -> list[np.ndarray]:
        """What each job leaves in DRAM from its `ofmap_base` on, uint64 (words,), of the layer's (N, M, E, F).

        Coded ofmaps may take fewer words than the job's `ofmap_count`; those behind them are not written.
        """
        form = self.ofmap_format
        own = moved(ofmap, form) if form else ofmap
        spare = int(moved(np.array(form.zero), form)) if form else 0
        return [dram_image.pack_ofmap(job.placement, own, spare, raw=bool(job.fields["ofmap_raw"]))
                for job in self.jobs]

    def covered(self) -> np.ndarray:
        """Which outputs the jobs compute: bool (N, M, E, F)."""
        covered = np.zeros(self.shape.ofmap_shape, bool)
        for job in self.jobs:
            for where in _outputs(job.placement):
                covered[where] = True
        return covered


def _outputs(placement: Placement) -> Iterator[tuple[int, slice, slice, slice]]:
    """Index of each tile's outputs in the whole ofmap, of all groups of a job."""
    for tile in placement.tiles:
        yield (tile.image, placement.layer.own_filters, slice(tile.row, tile.row + tile.rows),
               slice(tile.column, tile.column + tile.columns))


def _check_coded(placement: Placement, words: np.ndarray, raw: bool) -> None:
    """Refuse coded ifmaps that the GLB's banks for them cannot hold."""
    if raw:
        raise MappingError("a mapping with coded ifmaps needs run-length coded ones: compress, or coded = 0")
    ends = np.flatnonzero(words >> np.uint64(63))
    longest = int(np.diff(ends, prepend=-1).max())
    room = placement.mapping.coded * placement.chip.glb_bank_words
    if longest > room:
        raise CodeTooLong(f"coded ifmaps of a channel group take {longest} words, coded = "
                          f"{placement.mapping.coded} banks hold {room}: give them more, or coded = 0")


def _filters(placement: Placement, weights: np.ndarray, compress: bool | None) -> tuple[list[np.ndarray], bool]:
    """(words of each m group's weights, whether they are raw)."""
    can = placement.chip.coded_weights
    ways = (True,) if not can or compress is False else (False,) if compress else (True, False)
    packed = {raw: dram_image.pack_filters(placement, weights, raw=raw) for raw in ways}
    raw = min(packed, key=lambda raw: sum(map(len, packed[raw])))
    return packed[raw], raw


def _loop_fields(placement: Placement) -> Fields:
    layer, mp = placement.layer, placement.mapping
    strips, spans, blocks, groups = placement.strips, placement.spans, placement.blocks, placement.filter_groups
    first = placement.tiles[0]
    cases = [(e, f) for e in (mp.e, strips.last) for f in (mp.f, spans.last)]
    return {
        "tiles_last": mp.n - 1, "tiles_ragged": blocks.last - 1,
        "groups_last": groups.each - 1, "groups_ragged": groups.last - 1,
        "channels_last": placement.channel_groups - 1, "blocks_last": blocks.count - 1,
        "filters_last": placement.job_groups * groups.m_groups - 1,
        "strips_last": strips.count - 1, "spans_last": spans.count - 1,
        "strips_left": strips.count - 1 - first.row // mp.e, "spans_left": spans.count - 1 - first.column // mp.f,
        "e_last": mp.e - 1, "e_ragged": strips.last - 1, "f_last": mp.f - 1, "f_ragged": spans.last - 1,
        "rows_last": placement.tile_rows - 1, "rows_ragged": placement.ifmap_rows(strips.last) - 1,
        "final_column": (mp.f - 1) * layer.V, "final_ragged": (spans.last - 1) * layer.V,
        "window_last": layer.S - 1,
        "ifmap_words": [placement.ifmap_words(e, f) for e, f in cases],
        "psum_words": [placement.psum_words(e, f) for e, f in cases],
    }


def _array_fields(placement: Placement) -> Fields:
    layer, mp = placement.layer, placement.mapping
    return {
        "p_last": mp.p - 1, "steps_last": mp.q * layer.S - 1, "slide": mp.q * layer.V,
        "filter_words": placement.pe_weights,
        "r_last": mp.r - 1, "q_last": mp.q - 1, "stride": layer.U,
        "quads_last": placement.quads - 1, "lanes_last": mp.t * mp.e - 1, "sets_last": mp.t - 1,
        "columns_last": placement.pe_columns - 1,
        "filter_rows_last": placement.sets_down * mp.r * layer.R - 1,
        "filter_columns_last": placement.sets_across - 1,
        "ifmap_banks": placement.ifmap_banks,
    }


def _dram_fields(placement: Placement, bases: dict[str, int], filters: list[np.ndarray]) -> Fields:
    groups, words = placement.filter_groups, placement.bias_words
    fields: Fields = {f"{name}_base": bases[name] for name in ("ifmap", "filter", "bias", "ofmap")}
    fields["ifmap_last"] = bases["filter"] - bases["ifmap"] - 1
    fields["ifmap_once"] = int(placement.job_groups > 1)
    fields |= {"filter_last": len(filters[0]) - 1, "filter_ragged": len(filters[-1]) - 1,
               "bias_last": groups.each * words - 1, "bias_ragged": groups.last * words - 1}
    return fields


class _Tensors(NamedTuple):
    """What a chip gets of a layer: the arguments of `dram_image`, and the fields that say how it computes."""

    ifmap: np.ndarray
    padding: int
    weights: np.ndarray
    tables: tuple[np.ndarray, ...]
    fields: Fields


class _Options(NamedTuple):
    """As in `compile_layer`."""

    compress: bool | None
    ofmap_coded: bool
    shards: list[Shard] | None
    base: int


def compile_layer(shape: LayerShape, mapping: Mapping, chip: ChipConfig, ifmap: np.ndarray, weights: np.ndarray,
                  bias: np.ndarray, *, shift: int = 0, relu: bool = False, compress: bool | None = None,
                  ofmap_coded: bool | None = None, shards: list[Shard] | None = None, base: int = 0) -> Program:
    """Compile a layer of 16 bits, in as many jobs as `Geometry.jobs` says, or some shards of it, a job for each.

    Parameters
    ----------
    ifmap, weights, bias : ndarrays of int16, (N, C, H, W), (M, C/G, R, S), (M,)
    shift : int
        Right shift of the products, 0..16.
    compress : bool, optional
        Whether fmaps are run-length coded in DRAM, and weights on a chip that can have them so. By default ifmaps
        are where that saves words and no cycles (`decoder_keeps_up`), weights where it saves words.
    ofmap_coded : bool, optional
        Whether ofmaps are, see `Density.ofmap_coded`; as `compress` says by default, or else after a ReLU.
    shards : list of Shard, optional
    base : int
        DRAM address of the image's first word.

    Raises
    ------
    MappingError
        The chip cannot hold the mapping; CodeTooLong if only these ifmaps, run-length coded, are too long.
    ValueError, TypeError
        Tensors of the wrong shape or type, a chip of 8-bit values.
    """
    check_tensors(ifmap, weights, bias, shape)
    if chip.data_width != 16:
        raise ValueError(f"a layer of 16 bits needs a chip with data_width = 16; {chip.name} has {chip.data_width}")
    coded = next(choice for choice in (ofmap_coded, compress, relu) if choice is not None)
    return _compile(shape, mapping, chip, _Tensors(ifmap, 0, weights, (bias,), {"shift": shift, "relu": int(relu)}),
                    _Options(compress, coded, shards, base))


def compile_int8(shape: LayerShape, mapping: Mapping, chip: ChipConfig, ifmap: np.ndarray, weights: np.ndarray,
                 bias: np.ndarray, formats: LayerFormats, *, compress: bool | None = None,
                 ofmap_coded: bool | None = None, shards: list[Shard] | None = None, base: int = 0) -> Program:
    """Compile a layer of an 8-bit network for a chip of 8-bit values.

    Parameters
    ----------
    ifmap, weights, bias, formats
        As of `golden.int8.conv_int8`.
    compress, ofmap_coded, shards, base
        As of `compile_layer`; ofmaps are coded by default where they cannot be less than their zero point.

    Raises
    ------
    MappingError
        As `compile_layer`.
    ValueError, TypeError
        Tensors of the wrong shape or type, sums that the chip's psums may not hold, a chip of 16-bit values.
    """
    if chip.data_width != 8:
        raise ValueError(f"a layer of 8 bits needs a chip with data_width = 8; {chip.name} has {chip.data_width}")
    check_int8(ifmap, weights, bias, shape, formats.ifmap)
    own = int8_tensors(ifmap, weights, bias, formats, chip.psum_width)
    tensors = _Tensors(own.ifmap, own.padding, own.weights, (own.bias.view(np.uint32), own.factors),
                       {"ofmap_zero": own.zero})
    coded = next(choice for choice in (ofmap_coded, compress, own.zero == 0) if choice is not None)
    return replace(_compile(shape, mapping, chip, tensors, _Options(compress, coded, shards, base)),
                   ofmap_format=formats.ofmap)


def _compile(shape: LayerShape, mapping: Mapping, chip: ChipConfig, tensors: _Tensors, options: _Options) -> Program:
    jobs, parts, (compress, ofmap_coded, shards, base) = [], [], options
    at = base
    whole = lower(shape, chip).merge(mapping.g)
    if shards is None:
        placements = Placement(whole, mapping, chip).each_job()
    else:
        layers = [replace(whole.each()[shard.group], first_filter=shard.first_filter, filters=shard.filters)
                  for shard in shards]
        placements = [Placement(layer, mapping, chip, shard.first_block, shard.blocks)
                      for layer, shard in zip(layers, shards, strict=True)]
    for placement in placements:
        bases = {}
        wanted = (False, True) if compress is None else (not compress,)
        ifmap_words = {raw: dram_image.pack_ifmaps(placement, tensors.ifmap, tensors.padding, raw=raw)
                       for raw in ((False,) if mapping.coded and compress is None else wanted)}
        ifmap_raw = min(ifmap_words, key=lambda raw: len(ifmap_words[raw]))
        if len(ifmap_words) == 2 and not ifmap_raw:
            ifmap_raw = not decoder_keeps_up(placement, density_of(tensors.ifmap))
        filters, filter_raw = _filters(placement, tensors.weights, compress)
        count = dram_image.ofmap_words(placement, raw=not ofmap_coded)
        for name, words in (
            ("ifmap", ifmap_words[ifmap_raw]),
            ("filter", np.concatenate(filters)),
            ("bias", dram_image.pack_biases(placement, *tensors.tables)),
            ("ofmap", np.full(count, NEVER_WRITTEN)),
        ):
            bases[name] = at
            parts.append(words)
            at += len(words)
        if mapping.coded:
            _check_coded(placement, ifmap_words[ifmap_raw], ifmap_raw)
        coding: Fields = {"ifmap_raw": int(ifmap_raw), "ofmap_raw": int(not ofmap_coded),
                          "ifmap_coded": int(mapping.coded > 0)}
        if chip.coded_weights:
            coding["filter_raw"] = int(filter_raw)
        fields = (tensors.fields | coding | _array_fields(placement) | _loop_fields(placement)
                  | _dram_fields(placement, bases, filters) | noc_ids(placement))
        jobs.append(Job(placement, fields, pack_scan(chip, fields), bases["ofmap"], count))
    return Program(shape, chip, jobs[0].placement.mapping, jobs, np.concatenate(parts), base)
