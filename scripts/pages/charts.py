"""Charts as numbers: where each bar, dot and label of an SVG stands; `templates/charts.html.j2` draws them.

A chart fills the width of its page, so lengths are in thousandths of a page of WIDTH; names beside bars are cut, the
text that a pointer calls up has them in full.
"""

import math
from dataclasses import dataclass, field

from scripts.terminal.names import in_figure, in_page

__all__ = ["Chart", "Series", "bars", "roofline"]

WIDTH, PLOT = 1200, 260  # of a chart, and the height of what lies between its axes
LEFT, RIGHT, TOP = 70, 12, 12
LETTER = 5.6  # width of a letter of a label
CROWDED = 14  # names that stand upright; more are turned


@dataclass(frozen=True)
class Series:
    """One colour of a chart: a value for each layer; `group` 1 is the right one of two bars."""

    label: str
    colour: str
    values: list
    group: int = 0


@dataclass
class Chart:
    """What is drawn: rectangles, dots, lines and texts, with what they say when pointed at."""

    title: str
    unit: str
    height: float = 0
    width: float = WIDTH
    bars: list = field(default_factory=list)  # (x, y, width, height, colour, text)
    dots: list = field(default_factory=list)  # (x, y, text, label)
    lines: list = field(default_factory=list)  # points of a polyline
    ticks_y: list = field(default_factory=list)  # (y, text)
    ticks_x: list = field(default_factory=list)
    names: list = field(default_factory=list)  # (x, text)
    turned: bool = False
    legend: list = field(default_factory=list)  # (label, colour)
    bottom: float = TOP + PLOT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP


def _steps(highest, count=5):
    """Round numbers from 0 to about `highest`."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return [step * index for index in range(math.ceil(highest / step - 1e-9) + 1)]


def bars(title, unit, names, series, groups=1, text="{:,.3g}") -> Chart:
    """Bars of stacked series, one, or `groups` side by side, for each name."""
    turned = len(names) > CROWDED
    shown = [in_figure(name) for name in names]
    room = LETTER * max(map(len, shown), default=1) + 12 if turned else 22
    chart = Chart(title, unit, TOP + PLOT + room, turned=turned,
                  legend=[(entry.label, entry.colour) for entry in {entry.label: entry for entry in series}.values()])
    tops = [sum(entry.values[index] or 0 for entry in series if entry.group == group)
            for index in range(len(names)) for group in range(groups)]
    steps = _steps(max(tops, default=0))
    pitch, scale = (WIDTH - LEFT - RIGHT) / max(1, len(names)), PLOT / steps[-1]
    width = min(0.8 * pitch, 90) / groups
    for index, name in enumerate(names):
        middle = LEFT + pitch * (index + 0.5)
        chart.names.append((round(middle, 1), shown[index]))
        for group in range(groups):
            y = TOP + PLOT
            for entry in series:
                if entry.group == group and entry.values[index]:
                    height = scale * entry.values[index]
                    y -= height
                    chart.bars.append((
                        round(middle + (group - groups / 2) * width, 1), round(y, 1), round(0.92 * width, 1),
                        round(height, 1), entry.colour,
                        f"{in_page(name)}: {entry.label} {text.format(entry.values[index])} {unit}"))
    chart.ticks_y = [(round(TOP + PLOT - scale * step, 1), f"{step:,g}") for step in steps]
    return chart


def roofline(title, points, roof, slope) -> Chart:
    """Dots (name, MACs a byte, MACs a cycle) under a roof in MACs a cycle that rises by `slope` a MAC a byte."""
    chart = Chart(title, "MACs a core cycle, over MACs a byte of DRAM traffic", TOP + PLOT + 24)
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    low, high = min(*xs, roof / slope) / 2, max(*xs, roof / slope) * 2
    floor = min(low * slope, min(ys)) / 1.5

    def at(x, y):
        return (round(LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / low) / math.log(high / low), 1),
                round(TOP + PLOT * (1 - math.log(y / floor) / math.log(1.6 * roof / floor)), 1))

    chart.lines = [[at(low, low * slope), at(roof / slope, roof), at(high, roof)]]
    taken = [(y, x - 4, x + 4) for x, y in (at(x, y) for _, x, y in points)]  # a name covers no dot and no other name
    for name, x, y in sorted(points, key=lambda point: -point[2]):
        place = at(x, y)
        label = in_figure(name)
        begins, ends = place[0] + 6, place[0] + 8 + LETTER * len(label)
        if ends < WIDTH and all(abs(place[1] - y) > 10 or ends < left or begins > right for y, left, right in taken):
            taken.append((place[1], begins, ends))
        else:
            label = ""
        chart.dots.append((*place, f"{in_page(name)}: {y:.3g} MACs a cycle, {x:.3g} MACs a byte", label))
    for values, ticks, axis in (((low, high), chart.ticks_x, 0), ((floor, 1.6 * roof), chart.ticks_y, 1)):
        powers = range(math.floor(math.log10(values[0])), math.floor(math.log10(values[1])) + 1)
        factors = (1, 2, 5) if len(powers) < 4 else (1,)
        for value in (factor * 10 ** power for power in powers for factor in factors):
            if values[0] <= value <= values[1]:
                ticks.append((at(*((value, roof) if axis == 0 else (low, value)))[axis], f"{value:g}"))
    return chart
