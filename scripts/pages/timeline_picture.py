"""A timeline as a picture: the array, the link and the passes over time, and who waited for whom."""

import io
from pathlib import Path

from sim.chip.timeline import KINDS, TENSORS, Timeline, waits
from sim.tools.files import write_file

__all__ = ["draw_timeline"]

ARRAY = dict(zip(KINDS, ("#2a7f62", "#c9d6cf", "#d1495b", "#edae49", "#6f4a8e", "#9aa0a6"), strict=True))
LINK = dict(zip((*TENSORS, "idle"), ("#d1495b", "#edae49", "#3b8ea5", "#6f4a8e", "#eeeeee"), strict=True))


def draw_timeline(timeline: Timeline, path: Path) -> None:
    """Write the picture of a timeline as a PNG."""
    buffer = io.BytesIO()
    _figure(timeline).savefig(buffer, format="png", dpi=110)
    write_file(path, buffer.getvalue())


def _figure(timeline: Timeline):
    from matplotlib.figure import Figure  # slow to import

    figure = Figure(figsize=(14, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(3, 2))
    _time(above, timeline)
    _shares(below, timeline)
    return figure


def _time(axes, timeline):
    """Three bands over core cycles."""
    link = timeline.link_ps / timeline.core_ps
    for kind, colour in ARRAY.items():
        bars = [(span.first, span.last - span.first) for span in timeline.spans if span.kind == kind]
        if bars:
            axes.broken_barh(bars, (2.1, 0.8), color=colour, linewidth=0, label=kind.replace("_", " for "))
    for tensor in TENSORS:
        bars = [(burst.first * link, (burst.last + 1 - burst.first) * link) for burst in timeline.bursts
                if burst.tensor == tensor]
        if bars:
            axes.broken_barh(bars, (1.1, 0.8), color=LINK[tensor], linewidth=0)
    axes.vlines(timeline.passes, 0.1, 0.9, color="#444444", linewidth=0.6)
    axes.set(yticks=(0.5, 1.5, 2.5), yticklabels=("ends of passes", "link", "array"), ylim=(0, 3))
    axes.set_xlabel("core cycles from the beginning of the simulation")
    axes.ticklabel_format(axis="x", style="plain")
    axes.margins(x=0)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.18), ncols=len(KINDS), frameon=False)


def _shares(axes, timeline):
    """For each kind of cycle, the share in which each tensor's bursts held the link."""
    found = {kind: shares for kind, shares in waits(timeline).items() if kind in KINDS[:5] and sum(shares.values())}
    totals = [sum(shares.values()) for shares in found.values()]
    left = [0.0] * len(found)
    for name, colour in LINK.items():
        widths = [100 * shares[name] / total for shares, total in zip(found.values(), totals, strict=True)]
        axes.barh(range(len(found)), widths, left=left, color=colour, label=f"link: {name}")
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="what held the link meanwhile, % of the cycles: who waited for whom")
    axes.set_yticks(range(len(found)), [f"{kind.replace('_', ' for ')}: {total:,.0f} cycles"
                                        for kind, total in zip(found, totals, strict=True)])
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=len(LINK), frameon=False)
