"""Pictures of energy: by part (Fig. 16), by level and layer, over the voltage (Fig. 17), crossbars, noise."""

import io

from sim.tools.files import write_file

from .figures import PARTS

__all__ = ["draw_curves", "draw_shares", "draw_stacks", "draw_voltage"]

#: Also of what only gates have.
COLOURS = PARTS | {"control": "#937860"}


def _figure(*size):
    from matplotlib.figure import Figure  # slow to import

    return Figure(figsize=size, layout="constrained")


def _write(figure, path):
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "eyeriss"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    write_file(path, buffer.getvalue())


def draw_shares(shares, path, *, of="the chip's power"):
    """One bar of 100 % for each name of `shares`: name -> part -> mW; `of` what."""
    figure = _figure(8, 0.8 * len(shares) + 1.4)
    axes = figure.add_subplot()
    for y, (name, parts) in enumerate(reversed(shares.items())):
        left, total = 0.0, sum(parts.values())
        for part, value in parts.items():
            width = 100 * value / total
            axes.barh(name, width, left=left, color=COLOURS[part], label=part if y == 0 else None)
            if width > 2.5:
                axes.text(left + width / 2, y, f"{width:.0f}", ha="center", va="center", color="white", fontsize=9)
            left += width
    axes.set_xlabel(f"% of {of}")
    axes.set_xlim(0, 100)
    figure.legend(loc="outside upper center", ncols=7, fontsize=8)
    _write(figure, path)


def draw_stacks(stacks, unit, path):
    """Stacked bars: name -> part -> value."""
    figure = _figure(8, 3.6)
    axes = figure.add_subplot()
    bottom = [0.0] * len(stacks)
    for part in next(iter(stacks.values())):
        values = [parts[part] for parts in stacks.values()]
        if any(values):
            axes.bar(list(stacks), values, bottom=bottom, color=PARTS[part], label=part)
        bottom = [low + value for low, value in zip(bottom, values, strict=True)]
    axes.set_ylabel(unit)
    axes.legend(fontsize=8)
    _write(figure, path)


def draw_voltage(points, published, path):
    """Frames a second and GMACS/W over the voltage; `published` gives (volts, frames) and (volts, GMACS/W)."""
    figure = _figure(8, 3.6)
    left = figure.add_subplot()
    right = left.twinx()
    volts = [point.volts for point in points]
    left.plot(volts, [point.frames_per_second for point in points], color="#4c72b0", label="frames a second")
    right.plot(volts, [point.gmacs_per_watt for point in points], color="#c44e52", label="GMACS/W")
    left.plot(*published[0], "o", color="#4c72b0", label="the chip")
    right.plot(*published[1], "o", color="#c44e52", label="the chip")
    left.set(xlabel="V", ylabel="frames a second", ylim=(0, 60))
    right.set(ylabel="GMACS/W", ylim=(0, 160))
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    _write(figure, path)


def draw_curves(curves, labels, path, *, log=False):
    """Lines: name -> ([x], [y]); `labels` of x and y."""
    figure = _figure(8, 3.6)
    axes = figure.add_subplot()
    for name, (xs, ys) in curves.items():
        axes.plot(xs, ys, marker="o", markersize=3, label=name)
    if log:
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted({x for xs, _ in curves.values() for x in xs}))
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set(xlabel=labels[0], ylabel=labels[1], ylim=(0, None))
    axes.legend(fontsize=8)
    _write(figure, path)
