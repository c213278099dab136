"""A photograph's row in the tables of results."""

from pathlib import Path
from typing import Any

__all__ = ["photograph_row"]


def photograph_row(run: dict[str, Any]) -> dict[str, str]:
    """What the table shows of an object of `eyeriss imagenet`'s JSON; cycles, energy and traffic as planned."""
    def said(classes: list[dict[str, Any]], kind: str) -> str:
        return f"{classes[0]['class']} {classes[0]['name']} {100 * classes[0][f'{kind}probability']:.1f} %"

    first, five = ([entry["class"] for entry in run[key]] for key in ("classes", "float_classes"))
    same = ["first"] * (first[0] == five[0]) + ["the same five"] * (set(first) == set(five))
    total = run["totals"]
    return {"photograph": Path(run["photograph"]).stem, "float": said(run["float_classes"], "float_"),
            "chip": said(run["classes"], ""), "order": "yes" if run["same_order"] else ", and ".join(same) or "no",
            "differing": f"{sum(entry.get('differing', 0) for entry in run['layers']):,} of "
                         f"{sum(entry.get('values', 0) for entry in run['layers']):,}",
            "sqnr_db": f"{run['sqnr_db']:.1f}",
            "Mcycles": f"{(total['cycles'] + total['configuration_cycles']) / 1e6:.2f}",
            "frames_s": f"{total['frames_per_second']:.2f}", "mj": f"{total['power']['millijoules']:.3g}",
            "dram_mj": f"{total['power']['dram_millijoules']:.3g}", "dram_mb": f"{total['dram_bytes'] / 1e6:.1f}"}
