"""The pictures of README and docs.

``python -m scripts.picture`` writes docs/pictures/eyeriss.svg, the chip's blocks and AlexNet's times beside the
paper's, from the preset and docs/results/alexnet.json; and each timing diagram from the WaveJSON beside it.
"""

from compiler.paper.published import MEASURED
from hw.config import PRESETS
from scripts import results
from sim.tools.files import ROOT, write_file

__all__ = ["DIAGRAMS", "TARGET", "diagram", "picture"]

TARGET = ROOT / "docs" / "pictures" / "eyeriss.svg"
DIAGRAMS = sorted(TARGET.parent.glob("*.json"))
INK, GREY, BLUE, RED, SAND = "#222", "#999", "#4c72b0", "#c44e52", "#f2ede4"


def _text(x, y, words, size=12, anchor="middle", colour=INK):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def _box(x, y, width, height, *lines, fill=SAND):
    middle = y + height / 2 + 4 - 7 * (len(lines) - 1)
    return [f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="{fill}" stroke="{INK}"/>',
            *(_text(x + width / 2, middle + 14 * index, line) for index, line in enumerate(lines))]


def _arrow(*points):
    path = "M" + "L".join(f"{x} {y}" for x, y in points)
    return f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="1.5" marker-end="url(#tip)"/>'


def _chip(chip):
    """DRAM to the left, the GLB in the middle, the array to the right."""
    glb = chip.glb_banks * chip.glb_bank_words * 8 // 1024
    shapes = _box(10, 40, 60, 240, "DRAM")
    shapes += _box(110, 40, 100, 40, "filter banks") + _box(110, 130, 100, 40, "RLC decoder")
    shapes += _box(110, 240, 100, 40, "ReLU, RLC", "encoder")
    shapes += _box(250, 110, 100, 170, f"GLB, {glb} KB", "ifmaps", "psums")
    for y, target, name in ((60, 60, "filters"), (130, 130, "ifmaps"), (190, 190, "psums")):
        shapes += [_arrow((210 if name == "filters" else 350, y), (418, target)), _text(384, target - 6, name, 11)]
    shapes += [_arrow((418, 250), (352, 250)), _text(384, 244, "GON", 11), _arrow((70, 60), (108, 60)),
               _arrow((70, 150), (108, 150)), _arrow((210, 150), (248, 150)), _arrow((250, 260), (212, 260)),
               _arrow((110, 260), (72, 260))]
    side = min(220 // chip.rows, 240 // chip.columns)
    shapes.append(f'<g fill="{BLUE}">' + "".join(
        f'<rect x="{424 + column * side}" y="{50 + row * side}" width="{side - 3}" height="{side - 3}"/>'
        for row in range(chip.rows) for column in range(chip.columns)) + "</g>")
    middle = 424 + chip.columns * side / 2
    shapes.append(_text(middle, 50 + chip.rows * side + 18, f"{chip.rows} x {chip.columns} PEs"))
    shapes.append(_text(middle, 38, "multicast networks (GIN) to all PEs", 11))
    shapes.append(_text(10, 20, "A layer runs by itself: start, DRAM bursts, done", 13, "start"))
    return shapes


def _bars():
    """Milliseconds of each layer, the chip's and ours."""
    rows = results.load("alexnet")["rows"]
    shapes = [_text(750, 20, "AlexNet, N = 4, in simulated RTL, ms", 13, "start"),
              _text(750, 38, "the fabricated chip", 11, "start", GREY), _text(868, 38, "this RTL", 11, "start", RED)]
    for index, row in enumerate(rows):
        y = 52 + 44 * index
        times = ((MEASURED[row["layer"]]["total_ms"], 1, GREY), (row["cycles"] / results.CORE_KHZ, 2, RED))
        shapes.append(_text(744, y + 20, row["layer"].partition("/")[2], anchor="end"))
        for line, (time, digits, colour) in enumerate(times):
            shapes.append(f'<rect x="750" y="{y + 16 * line}" width="{4 * time:.1f}" height="14" fill="{colour}"/>')
            shapes.append(_text(754 + round(4 * time), y + 16 * line + 11, f"{time:.{digits}f}", 11, "start"))
    return shapes


def picture() -> str:
    """The SVG's text."""
    shapes = "\n".join([*_chip(PRESETS["eyeriss"]), *_bars()])
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 300" font-family="sans-serif">\n'
            f'<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto">'
            f'<path d="M0 0L6 3L0 6z" fill="{INK}"/></marker></defs>\n'
            f'<rect width="1000" height="300" fill="#fff"/>\n{shapes}\n</svg>\n')


def diagram(path) -> str:
    """The SVG's text of a WaveJSON file, on white."""
    import wavedrom  # here, as nobody else needs it

    head, end, body = wavedrom.render(path.read_text()).tostring().partition(">")
    return f'{head}{end}<rect width="100%" height="100%" fill="#fff"/>{body}\n'


if __name__ == "__main__":
    write_file(TARGET, picture())
    for path in DIAGRAMS:
        write_file(path.with_suffix(".svg"), diagram(path))
