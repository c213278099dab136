"""A layer for Accelergy 0.4: architecture, compound components, energies, areas, action counts.

Accelergy's sum over `ERT.yaml` and `action_counts.yaml` is our energy, in pJ, DRAM included. Components of all PEs
are one array, whose counts are totals.
"""

from collections.abc import Mapping
from typing import Any

from hw.config import ChipConfig

from .fit import SPADS_TO_GLB, STORAGE
from .report import energy_of
from .table import EnergyTable
from .yaml_nodes import VERSION, Quoted, to_yaml

__all__ = ["accelergy_energy", "accelergy_files"]

#: Component -> (class, whether each PE has one, Accelergy's action -> ours).
COMPONENTS: dict[str, tuple[str, bool, dict[str, str]]] = {
    "DRAM": ("dram_channel", False, {f"access_{kind}": f"dram_{ours}" for kind, ours in (
        ("ifmap", "ifmap"), ("weights", "filter"), ("psum", "psum"))}),
    "link": ("link", False, {f"transfer_{kind}": f"link_{ours}" for kind, ours in (
        ("ifmap", "ifmap"), ("weights", "filter"), ("psum", "psum"))}),
    "shared_glb": ("sram", False, {
        f"{way}_{kind}": f"glb_{kind}_{way}" for kind in ("ifmap", "psum") for way in ("read", "write")}),
    "weights_glb": ("sram", False, {"read": "glb_filter_read", "write": "glb_filter_write"}),
    "ifmap_NoC": ("noc", False, {"transfer_random": "noc_ifmap"}),
    "weights_NoC": ("noc", False, {"transfer_random": "noc_filter"}),
    "psum_NoC": ("noc", False, {"transfer_random": "noc_psum"}),
    "clock": ("clock_tree", False, {"cycle": "core_cycle"}),
    "ifmap_spad": ("spad", True, {"read": "ifmap_spad_read", "write": "ifmap_spad_write"}),
    "weights_spad": ("spad", True, {"read": "filter_spad_read", "write": "filter_spad_write"}),
    "psum_spad": ("spad", True, {"read": "psum_spad_read", "write": "psum_spad_write"}),
    "mac": ("mac", True, {"mac_random": "mac", "mac_gated": "mac_gated"}),
    "psum_LN": ("noc", True, {"transfer_random": "psum_hop"}),
    "pe_clock": ("clock_tree", True, {"cycle": "pe_cycle", "idle": "idle_pe_cycle"}),
}
LEAKAGE = "leakage"  # a component of its own, with a core cycle as its action

#: Class -> (Accelergy's primitive class, and its action for all of ours).
PRIMITIVES = {
    "dram_channel": ("DRAM", "read"), "link": ("wire", "transfer"), "sram": ("SRAM", "read"),
    "noc": ("wire", "transfer"), "clock_tree": ("wire", "transfer"), "spad": ("regfile", "read"),
    "mac": ("intmac", "mac_random"),
}

# um2 of the fabricated core, 12.25 mm2 for 168 PEs and 108 KB. Multipliers and adders are 7.4 % (Fig. 15). The spads'
# words are taken to be alike; networks, control and clock are the rest, counted as clock.
CORE, ALU = 12.25e6, 0.074
CORE_PES, CORE_SRAM_BYTES, CORE_SPAD_WORDS = 168, 108 * 1024, 12 + 224 + 24


def accelergy_files(chip: ChipConfig, table: EnergyTable, actions: Mapping[str, float]) -> dict[str, str]:
    """The files by name.

    Parameters
    ----------
    actions : mapping of str to number
        From `compiler.energy.actions`.

    Returns
    -------
    dict of str to str
        `architecture.yaml`, `components.yaml`, `ERT.yaml`, `ART.yaml`, `action_counts.yaml`.
    """
    return {
        "architecture.yaml": to_yaml(_architecture(chip, table.name)),
        "components.yaml": to_yaml(_components()),
        "ERT.yaml": to_yaml({"ERT": {"version": VERSION, "tables": [
            {"name": _path(chip, name), "actions": [
                {"name": action, "arguments": {}, "energy": energy} for action, energy in prices.items()]}
            for name, prices in _prices(chip, table).items()]}}),
        "ART.yaml": to_yaml({"ART": {"version": VERSION, "tables": [
            {"name": _path(chip, name), "area": round(area, 1)} for name, area in _areas(chip).items()]}}),
        "action_counts.yaml": to_yaml({"action_counts": {"version": VERSION, "local": [
            {"name": _path(chip, name), "action_counts": [
                {"name": action, "counts": count} for action, count in counts.items()]}
            for name, counts in _counts(actions).items()]}}),
    }


def accelergy_energy(table: EnergyTable, actions: Mapping[str, float], core_mhz: float) -> dict[str, float]:
    """What Accelergy's Total should be: `total_pj`, and its parts `chip_pj` and `dram_pj`."""
    energy = energy_of(table, actions, core_mhz)
    return {"total_pj": energy.total + energy.dram, "chip_pj": energy.total, "dram_pj": energy.dram}


def _path(chip: ChipConfig, name: str) -> str:
    in_pe = name in COMPONENTS and COMPONENTS[name][1]
    return f"system.eyeriss.PE[0..{chip.pes - 1}].{name}" if in_pe else (
        f"system.{name}" if name == "DRAM" else f"system.eyeriss.{name}")


def _prices(chip: ChipConfig, table: EnergyTable) -> dict[str, dict[str, float]]:
    prices = {name: {action: table.pj[ours] for action, ours in actions.items()}
              for name, (_, _, actions) in COMPONENTS.items()}
    return prices | {LEAKAGE: {"cycle": 1e3 * table.leakage_mw / chip.core_mhz}}


def _counts(actions: Mapping[str, float]) -> dict[str, dict[str, float]]:
    counts = {name: {action: actions[ours] for action, ours in ours_of.items()}
              for name, (_, _, ours_of) in COMPONENTS.items()}
    return counts | {LEAKAGE: {"cycle": actions["core_cycle"]}}


def _areas(chip: ChipConfig) -> dict[str, float]:
    """um2 of one of each component."""
    spads = STORAGE * SPADS_TO_GLB / (1 + SPADS_TO_GLB)
    word, byte = CORE * spads / CORE_PES / CORE_SPAD_WORDS, CORE * (STORAGE - spads) / CORE_SRAM_BYTES
    filters = 16 * chip.filter_bank_words  # two banks of 64-bit words
    known = {
        "shared_glb": byte * (chip.sram_bytes - filters), "weights_glb": byte * filters,
        "ifmap_spad": word * chip.ifmap_spad_words, "weights_spad": word * chip.filter_spad_words,
        "psum_spad": word * chip.psum_spad_words, "mac": CORE * ALU / CORE_PES,
        "clock": CORE * (1 - STORAGE - ALU) * chip.pes / CORE_PES,
    }
    return {name: known.get(name, 0.0) for name in [*COMPONENTS, LEAKAGE]}


def _architecture(chip: ChipConfig, technology: str) -> dict[str, Any]:
    sizes = {
        "DRAM": {"width": 64}, "link": {"width": 64},
        "shared_glb": {"depth": chip.glb_words, "width": 64, "n_banks": chip.glb_banks},
        "weights_glb": {"depth": 2 * chip.filter_bank_words, "width": 64, "n_banks": 2},
        "ifmap_NoC": {"width": 16 * chip.ifmap_bus_values}, "weights_NoC": {"width": 16 * chip.filter_bus_values},
        "psum_NoC": {"width": 16 * chip.psum_bus_values}, "psum_LN": {"width": 16 * chip.psum_bus_values},
        "ifmap_spad": {"depth": chip.ifmap_spad_words, "width": chip.data_width},
        "weights_spad": {"depth": chip.filter_spad_words, "width": chip.data_width},
        "psum_spad": {"depth": chip.psum_spad_words, "width": 16},
        "mac": {"datawidth": chip.data_width},
    }

    def component(name: str) -> dict[str, Any]:
        return {"name": name, "class": COMPONENTS[name][0] if name in COMPONENTS else "clock_tree",
                "attributes": sizes.get(name, {})}

    shared = [name for name, (_, in_pe, _) in COMPONENTS.items() if not in_pe and name != "DRAM"]
    own = [name for name, (_, in_pe, _) in COMPONENTS.items() if in_pe]
    pes = {"name": f"PE[0..{chip.pes - 1}]", "local": list(map(component, own))}
    core = {"name": "eyeriss", "local": [*map(component, shared), component(LEAKAGE)], "subtree": [pes]}
    attributes = {"technology": Quoted(technology), "global_cycle_seconds": 1e-6 / chip.core_mhz}
    return {"architecture": {"version": VERSION, "subtree": [
        {"name": "system", "attributes": attributes, "local": [component("DRAM")], "subtree": [core]}]}}


def _components() -> dict[str, Any]:
    """Each class as one primitive; what it takes is in the ERT."""
    actions: dict[str, list[str]] = {}
    for _, (kind, _, ours) in COMPONENTS.items():
        actions.setdefault(kind, []).extend(action for action in ours if action not in actions.get(kind, []))
    return {"compound_components": {"version": VERSION, "classes": [
        {"name": kind, "attributes": {"technology": "must_specify"},
         "subcomponents": [{"name": "unit", "class": PRIMITIVES[kind][0],
                            "attributes": {"technology": "technology"}}],
         "actions": [{"name": action, "arguments": {}, "subcomponents": [
             {"name": "unit", "actions": [{"name": PRIMITIVES[kind][1], "arguments": {}, "repeat": 1}]}]}
             for action in listed]}
        for kind, listed in actions.items()]}}
