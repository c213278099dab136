"""The mapping of PE sets on the array as Fig. 5 draws it."""

import io
from pathlib import Path

from compiler.image.noc_ids import noc_ids
from compiler.mapping.placement import Placement
from sim.tools.files import write_file

__all__ = ["PICTURES", "draw_mapping"]

PICTURES = (".png", ".svg", ".pdf")


def draw_mapping(placement: Placement, title, path) -> Path:
    """Write the picture of a mapping, in the format that the path ends in."""
    buffer = io.BytesIO()
    _figure(placement, title).savefig(buffer, format=Path(path).suffix[1:], dpi=110)
    write_file(path, buffer.getvalue())
    return Path(path)


def _figure(placement, title):
    """The array: PEs of one colour receive the same ifmap values; frames are PE sets."""
    from matplotlib import colormaps  # slow to import
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    chip, mp, layer = placement.chip, placement.mapping, placement.layer
    ids = noc_ids(placement)
    groups = sorted({(ids["ifmap_row_id"][y], ids["ifmap_col_id"][y * chip.columns + x])
                     for y in range(chip.rows) for x in range(chip.columns)
                     if ids["active"][y * chip.columns + x]})
    colours = colormaps["turbo"]
    figure = Figure(figsize=(0.62 * chip.columns + 1.2, 0.62 * chip.rows + 1.4), layout="constrained")
    axes = figure.add_subplot()
    for y in range(chip.rows):
        for x in range(chip.columns):
            pe = y * chip.columns + x
            face = "#eeeeee"
            if ids["active"][pe]:
                key = ids["ifmap_row_id"][y], ids["ifmap_col_id"][pe]
                face = colours(0.08 + 0.84 * groups.index(key) / max(1, len(groups) - 1))
                axes.text(x + 0.5, y + 0.5, f"{key[0]},{key[1]}", ha="center", va="center", fontsize=8)
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, edgecolor="white", alpha=0.75))
    height = mp.r * layer.R
    for stack in range(placement.stacks):
        for x in range(0, placement.pe_columns, min(mp.e, placement.pe_columns)):
            width = min(mp.e - (stack % placement.segments) * placement.pe_columns, placement.pe_columns - x, mp.e)
            for channel in range(mp.r):
                axes.add_patch(Rectangle((x, stack * height + channel * layer.R), width, layer.R,
                                         fill=False, edgecolor="black", linewidth=2.2))
    axes.set(xlim=(-0.1, chip.columns + 0.1), ylim=(chip.rows + 0.1, -0.1), aspect="equal", xticks=[], yticks=[])
    values = " ".join(f"{name}={value}" for name, value in mp.as_dict().items())
    axes.set_title(f"{title} on {chip.rows} x {chip.columns} PEs, {placement.active_pes} active\n{values}",
                   fontsize=11)
    axes.set_xlabel("one colour: the same ifmap values (row ID, col ID); a frame: a PE set", fontsize=9)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure
