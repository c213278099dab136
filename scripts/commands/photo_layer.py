"""`eyeriss demo`: AlexNet's CONV1 of a photograph."""

from pathlib import Path

from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.paper.layers import lookup
from compiler.paper.published import MEASURED, TABLE_III
from golden.tensors import Tensors
from hw.config import PRESETS
from scripts.examples import photo
from scripts.pages.mapping_picture import draw_mapping
from scripts.terminal.console import (
    check_targets,
    console,
    counts_table,
    passes_bar,
    place,
    require_simulator,
    write_json,
)
from sim.chip.layer import simulate_layer
from sim.chip.simulate import Settings
from sim.tools.files import BUILD

__all__ = ["demo"]

LAYER = "alexnet/CONV1"


def demo(simulator, output) -> int:
    """Simulate, compare, print, draw; the exit status."""
    output = Path(output)
    check_targets(folders={"output": output, "build": BUILD})
    require_simulator(simulator)
    chip, shape = PRESETS["eyeriss"], lookup(LAYER)
    tensors = Tensors(photo.load_photo(), photo.filter_bank(), photo.bias_bank())
    out = console()
    out.print(f"{LAYER} of a photograph in the RTL of the 12 x 14 chip, under {simulator}")
    with passes_bar("building, simulating") as progress:
        result = simulate_layer(shape, Mapping(**TABLE_III[LAYER]), chip, tensors, Settings(simulator=simulator),
                                shift=photo.SHIFT, relu=True, progress=progress)
    out.print(_table(result))
    out.print(result.verdict(LAYER), style="green" if result.match else "bold red")
    pictures = photo.save_pictures(tensors.ifmap, result.ofmap, output)
    placement = Placement(lower(shape, chip), result.program.mapping, chip)
    pictures.append(draw_mapping(placement, LAYER, output / "mapping.png"))
    write_json(output / "result.json", {"layer": LAYER} | result.as_dict())
    out.print("pictures: " + ", ".join(map(place, pictures)))
    return 0 if result.match else 1


def _table(result):
    """Ours beside Table V, its batch of 4 scaled to one ifmap."""
    ours, paper = result.as_dict(), MEASURED[LAYER]
    scale, clock = 1 / paper["N"], result.program.chip.core_mhz * 1e3
    glb = sum(ours["glb_bytes"][name] for name in ("ifmap", "psum_read", "psum_write"))
    dram = sum(ours["dram_bytes"].values())
    rows = [
        ("cycles, total", f"{ours['cycles']['total']:,}", f"{paper['total_ms'] * clock * scale:,.0f}"),
        ("cycles, processing", f"{ours['cycles']['processing']:,}",
         f"{paper['processing_ms'] * clock * scale:,.0f}"),
        ("MACs", f"{ours['macs']:,}", f"{paper['macs_G'] * 1e9 * scale:,.0f}"),
        ("active PEs", str(ours["active_pes"]), str(paper["active_pes"])),
        ("MACs per cycle and PE", f"{ours['utilization']:.1%}",
         f"{paper['macs_G'] * 1e9 / (paper['total_ms'] * clock) / result.program.chip.pes:.1%}"),
        ("GLB accesses, MB", f"{glb / 1e6:.2f}", f"{paper['glb_MB'] * scale:.2f}"),
        ("DRAM accesses, MB", f"{dram / 1e6:.2f}", f"{paper['dram_MB'] * scale:.2f}"),
    ]
    return counts_table(f"{LAYER}, N = 1", ("", "this RTL", "the chip (Table V / 4)"), rows)
