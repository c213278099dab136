"""`eyeriss energy crossbar`: crossbars in place of the PE array, by size and network."""

from dataclasses import replace

from compiler.energy.crossbar import NETWORKS, SIZES, Crossbar, crossbar_costs, load_crossbar
from scripts.pages.energy_figures import draw_curves
from scripts.terminal.console import bad_input, check_targets, console, counts_table, place, write_json

__all__ = ["crossbars"]


def crossbars(*, crossbar, output, json_target):
    """Cost, print, draw, write."""
    check_targets(json=json_target, folders={"output": output})
    with bad_input():
        given = load_crossbar(crossbar) if crossbar else Crossbar()
    rows = [_row(name, shapes, replace(given, rows=size, columns=size))
            for name, shapes in NETWORKS.items() for size in SIZES]
    write_json(json_target, {"crossbar": vars(given) | {"rows": None, "columns": None}, "rows": rows})
    for key, file, label in (("utilization", "cells", "cells used, %"), ("pj_per_mac", "energy", "pJ a MAC")):
        draw_curves({name: (SIZES, [row[key] for row in rows if row["network"] == name]) for name in NETWORKS},
                    ("rows and columns of an array", label), output / f"crossbar-{file}.svg", log=True)
    out = console(stderr=json_target == "-")
    out.print(counts_table("Crossbars: all weights resident, an ifmap", (
        "network", "size", "arrays", "cells used", "pJ a MAC", "DAC", "ADC", "cells"), [
        (row["network"], str(row["size"]), f"{row['arrays']:,}", f"{row['utilization']:.1f} %",
         *(f"{row[key]:.2f}" for key in ("pj_per_mac", "dac", "adc", "cell"))) for row in rows]))
    out.print(f"pictures: {place(output)}")


def _row(name, shapes, crossbar):
    found = [crossbar_costs(shape, crossbar) for shape in shapes]
    macs, arrays = sum(shape.macs for shape in shapes), sum(each.arrays for each in found)
    pj = {kind: round(sum(each.pj[kind] for each in found) / macs, 3) for kind in found[0].pj}
    return {"network": name, "size": crossbar.rows, "arrays": arrays,
            "utilization": round(100 * sum(each.utilization * each.arrays for each in found) / arrays, 1),
            "pj_per_mac": round(sum(pj.values()), 2), **pj}
