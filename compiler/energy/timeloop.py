"""A layer for Timeloop 0.4: architecture, problem, our mapping as its loops, and row stationary as constraints.

Timeloop's letters are not the paper's: R and P are the filter's and the ofmap's columns, S and Q their rows.

Each ofmap tile is an ifmap of its own in the problem, of the batch N: so a tile's ifmap comes with its halo, as on
the chip. Factors must divide, so the problem is padded to whole tiles, blocks, filter groups and channel groups.
"""

from typing import Any

from compiler.mapping.geometry import Geometry
from hw.config import ChipConfig

from .yaml_nodes import VERSION, Node, Quoted, to_yaml

__all__ = ["timeloop_files", "timeloop_loops"]

DIMENSIONS = ("C", "M", "R", "S", "N", "P", "Q")
KEPT = {"DRAM": ("Weights", "Inputs", "Outputs"), "shared_glb": ("Inputs", "Outputs"), "ifmap_spad": ("Inputs",),
        "weights_spad": ("Weights",), "psum_spad": ("Outputs",)}


def timeloop_loops(geometry: Geometry[int]) -> list[tuple[str, str, dict[str, int]]]:
    """(target, type, factors) from the outermost level on; of a level, the first factor is the innermost loop."""
    mapping, layer = geometry.mapping, geometry.layer
    whole = geometry.segments == 1
    return [
        ("DRAM", "temporal", {"N": geometry.all_blocks, "M": geometry.m_groups}),
        ("shared_glb", "temporal", {"P": mapping.f, "N": mapping.n, "M": geometry.groups_of_m,
                                    "C": geometry.channel_groups}),
        ("PE_column", "spatial", {"Q": mapping.e if whole else geometry.pe_columns,
                                  "M": geometry.sets_across}),
        ("PE", "spatial", {"S": layer.R, "C": mapping.r, "Q": geometry.segments,
                           "M": geometry.sets_down}),
        ("ifmap_spad", "temporal", {}),
        ("weights_spad", "temporal", {"C": mapping.q, "R": layer.S}),
        ("psum_spad", "temporal", {"M": mapping.p}),
    ]


def timeloop_files(geometry: Geometry[int]) -> dict[str, str]:
    """`architecture.yaml`, `problem.yaml`, `mapping.yaml`, `constraints.yaml` by name, for one group of a layer."""
    return {"architecture.yaml": to_yaml(_architecture(geometry.chip)), "problem.yaml": to_yaml(_problem(geometry)),
            "mapping.yaml": to_yaml(_mapping(geometry)), "constraints.yaml": to_yaml(_constraints(geometry.chip))}


def _order(factors: dict[str, int]) -> list[str]:
    """All dimensions, the innermost first."""
    return [*factors, *(name for name in DIMENSIONS if name not in factors)]


def _factors(factors: dict[str, int]) -> list[str]:
    return [f"{name}={factors.get(name, 1)}" for name in DIMENSIONS]


def _mapping(geometry: Geometry[int]) -> dict[str, Any]:
    loops: list[dict[str, Any]] = []
    for target, kind, factors in timeloop_loops(geometry):
        loop: dict[str, Any] = {"target": target, "type": kind, "factors": _factors(factors),
                                "permutation": _order(factors)}
        if kind == "spatial":  # all of a level along its own axis of the mesh
            loop["split"] = len(DIMENSIONS) if target == "PE_column" else 0
        loops.append(loop)
    return {"mapping": [*_dataspaces(), *loops]}


def _dataspaces() -> list[dict[str, Any]]:
    return [{"target": target, "type": "dataspace", "keep": list(kept),
             "bypass": [name for name in KEPT["DRAM"] if name not in kept]} for target, kept in KEPT.items()]


def _problem(geometry: Geometry[int]) -> dict[str, Any]:
    layer, sizes = geometry.layer, dict.fromkeys(DIMENSIONS, 1)
    for _, _, factors in timeloop_loops(geometry):
        for name, factor in factors.items():
            sizes[name] *= factor
    return {"problem": {
        "version": VERSION,
        "shape": {
            "name": "CNN_Layer", "dimensions": list(DIMENSIONS),
            "coefficients": [{"name": "Wstride", "default": 1}, {"name": "Hstride", "default": 1},
                             {"name": "Wdilation", "default": 1}, {"name": "Hdilation", "default": 1}],
            "data_spaces": [
                {"name": "Weights", "projection": [[["C"]], [["M"]], [["R"]], [["S"]]]},
                {"name": "Inputs", "projection": [[["N"]], [["C"]], [["R", "Wdilation"], ["P", "Wstride"]],
                                                  [["S", "Hdilation"], ["Q", "Hstride"]]]},
                {"name": "Outputs", "projection": [[["N"]], [["M"]], [["Q"]], [["P"]]], "read_write": True}]},
        "instance": sizes | {"Wstride": layer.V, "Hstride": layer.U, "Wdilation": 1, "Hdilation": 1,
                             "densities": {}}}}


def _architecture(chip: ChipConfig) -> dict[str, Any]:
    def storage(name: str, kind: str, **attributes: Any) -> Node:
        return Node("Component", name=name, attributes={"datawidth": chip.data_width} | attributes, **{"class": kind})

    link = chip.word_values * chip.link_mhz / chip.core_mhz  # values a core cycle
    return {"architecture": {"version": VERSION, "nodes": [
        Node("Container", name="system"),
        storage("DRAM", "DRAM", type=Quoted("LPDDR4"), width=64, shared_bandwidth=link),
        Node("Container", name="eyeriss", attributes={"technology": Quoted("65nm"),
                                                      "global_cycle_seconds": 1e-6 / chip.core_mhz}),
        storage("shared_glb", "smartbuffer_SRAM", depth=chip.glb_words, width=64, n_banks=chip.glb_banks,
                read_bandwidth=chip.psum_bus_values + chip.ifmap_bus_values, write_bandwidth=chip.psum_bus_values),
        Node("Container", name="PE_column", spatial={"meshX": chip.columns}),
        Node("Container", name="PE", spatial={"meshY": chip.rows}),
        storage("ifmap_spad", "smartbuffer_RF", depth=chip.ifmap_spad_words, width=chip.data_width),
        storage("weights_spad", "smartbuffer_RF", depth=chip.filter_spad_words, width=chip.data_width),
        storage("psum_spad", "smartbuffer_RF", depth=chip.psum_spad_words, width=chip.psum_width),
        storage("mac", "intmac", multiplier_width=chip.data_width, adder_width=chip.psum_width)]}}


def _constraints(chip: ChipConfig) -> dict[str, Any]:
    """Row stationary: what may vary of the loops; spads and columns as large as they are."""
    def fixed(*names: str) -> list[str]:
        return [f"{name}=1" for name in DIMENSIONS if name not in names]

    return {"constraints": {"version": VERSION, "targets": [
        *_dataspaces(),
        {"target": "shared_glb", "type": "temporal", "factors": fixed("P", "N", "M", "C")},
        {"target": "PE_column", "type": "spatial", "factors": fixed("Q", "M"), "split": len(DIMENSIONS)},
        {"target": "PE", "type": "spatial", "factors": fixed("S", "C", "Q", "M"), "split": 0},
        {"target": "ifmap_spad", "type": "temporal", "factors": fixed()},
        {"target": "weights_spad", "type": "temporal", "factors": fixed("C", "R")},
        {"target": "psum_spad", "type": "temporal", "factors": fixed("M"), "permutation": _order({"M": 0})}]}}
