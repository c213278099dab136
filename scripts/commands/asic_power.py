"""`eyeriss asic --power`: power of the synthesised PE, GINs and GLB control under two layers of AlexNet.

CONV1 has the photograph of `eyeriss demo`, CONV5 random ifmaps with as many zeros as the paper measured.
"""

from dataclasses import dataclass

from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.paper.networks import benchmark_layers, benchmark_tensors
from compiler.paper.published import TABLE_III
from flow.power.measure import Measured
from flow.power.record import Place, Window, record
from flow.power.report import chip_parts
from golden.layer import LayerShape
from golden.tensors import Tensors
from scripts.examples import photo
from scripts.pages.energy_figures import draw_shares
from scripts.terminal.console import console, counts_table, working

__all__ = ["LAYERS", "check_power", "gate_power"]

LAYERS = ("alexnet/CONV1", "alexnet/CONV5")
#: All active in both layers; the PE is in the middle.
PLACES = (Place("PE", "array.row_5.pe_6"), Place("filter GIN", "array.gin_filter"),
          Place("ifmap GIN", "array.gin_ifmap"), Place("psum GIN", "array.gin_psum"), Place("GLB control", "glb"))
#: Behind the first pass, which waits for DRAM.
WINDOW = Window(12_000, 16_000)


@dataclass(frozen=True)
class _Job:
    """A block of a layer: what `record` takes."""

    shape: LayerShape
    tensors: Tensors
    shift: int
    block: int
    filters: int | None


def check_power(chip, library):
    """Raise ValueError, in one line, where this chip or library has not what is measured."""
    if "internal_power" not in library.path.read_text():
        raise ValueError(f"--power needs a library with internal_power of its cells, which {library.path} has not")
    try:
        if chip.data_width != 16 or chip.zero_skip:
            raise ValueError("its PEs must have 16 bits and gate zeros, not skip them")
        for layer in benchmark_layers("alexnet", None, [name.partition("/")[2] for name in LAYERS]):
            Placement(lower(layer.shape, chip), Mapping(**TABLE_III[layer.name]), chip)
    except ValueError as error:
        raise ValueError(f"--power needs a chip that runs CONV1 and CONV5 by the paper's mappings, "
                         f"which {chip.name} does not: {error}") from None


def gate_power(chip, synthesis, directory, library, *, spads, mhz):
    """Record, replay, report: the rows of `power` in the JSON, printed as a table.

    Returns
    -------
    list of dict
    """
    rows = []
    measured = Measured(synthesis, directory, library, mhz=mhz)
    for layer in benchmark_layers("alexnet", None, [name.partition("/")[2] for name in LAYERS]):
        job = _job(layer)
        short = layer.name.partition("/")[2]
        with working(f"{short} in RTL"):
            ports = record(job.shape, Mapping(**TABLE_III[layer.name]), chip, job.tensors, PLACES, WINDOW,
                           directory / "power", short, shift=job.shift, relu=True, block=job.block,
                           filters=job.filters)
        placement = Placement(lower(job.shape, chip), Mapping(**TABLE_III[layer.name]), chip)
        for title, each in ports.items():
            for gating in (True, False) if title == "PE" else (True,):
                folder = f"power/{short}-{title.replace(' ', '-')}{'' if gating else '-ungated'}"
                with working(f"{title} of {short} at the gates"):
                    parts = measured.parts(each, folder, gating=gating)
                rows += [{"layer": layer.name, "spads": spads, "module": title, "gating": gating, "part": name,
                          "instances": placement.active_pes if title == "PE" else 1,
                          "clock_mw": round(part.clock, 5), "data_mw": round(part.data, 5),
                          "leakage_mw": round(part.leakage, 7)} for name, part in parts.items()]
    _show(rows, mhz)
    bars = {f"{layer.partition('/')[2]}{title}": chip_parts(rows, layer, gating=gating)
            for layer in LAYERS for gating, title in ((True, ""), (False, ", no gating"))}
    draw_shares(bars, directory / "power.svg", of=f"PEs, GINs and GLB control at the gates, spads of {spads}")
    return rows


def _job(layer):
    if layer.name == "alexnet/CONV1":
        tensors = Tensors(photo.load_photo(), photo.filter_bank(), photo.bias_bank())
        return _Job(layer.shape.with_batch(1), tensors, photo.SHIFT, block=4, filters=None)
    tensors, shift = benchmark_tensors(layer, 1)
    return _Job(layer.shape, tensors, shift, block=0, filters=32)


def _show(rows, mhz):
    lines = []
    for row in rows:
        each = row["clock_mw"] + row["data_mw"] + row["leakage_mw"]
        lines.append((row["layer"].partition("/")[2], row["module"] + ("" if row["gating"] else ", no gating"),
                      row["part"], str(row["instances"]), f"{row['clock_mw']:.3f}", f"{row['data_mw']:.3f}",
                      f"{row['instances'] * each:.2f}"))
    console().print(counts_table(f"power at {mhz:g} MHz, mW", (
        "layer", "module", "part", "instances", "clock, each", "data, each", "all"), lines))
