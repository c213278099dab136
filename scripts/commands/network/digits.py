"""`eyeriss digits`: held-out handwritten digits, classified by the simulated chip."""

import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from compiler.onnx.file import load_model
from compiler.onnx.float_nodes import run_float
from compiler.onnx.graph import import_graph
from scripts.commands.shared import fixed_point_chip
from scripts.examples.digits_data import HELD_OUT, load_digits
from scripts.examples.train_digits import MODEL
from scripts.pages.network import write_page
from scripts.terminal.console import BadInput, bad_input, check_targets, console, place, write_json
from sim.tools.files import BUILD, write_file

from .quality import verdict
from .shared import run_model

__all__ = ["digits"]

CALIBRATED = 256  # training digits that choose the fixed point
SHOWN = 20
SHADES = " .:-=+*#%@"
ACROSS = 5


def digits(*, count, backend, chip, simulator, output, fresh) -> int:
    """Run, print, draw; the exit status: 0 if the RTL, where asked for, equals the model."""
    if not 1 <= count <= HELD_OUT:
        raise BadInput(f"--count must be 1 to {HELD_OUT}, the held-out digits, not {count!r}")
    output = Path(output)
    check_targets(folders={"output": output, "build": BUILD})
    data = load_digits()
    with bad_input():
        chip = fixed_point_chip(chip)
        proto = load_model(MODEL)
        network = import_graph(proto)
        feeds = {"image": data.held_out[:count]}
        report, outputs = run_model(proto, network, feeds, [{"image": data.train[:CALIBRATED]}], name="digits",
                                    backend=backend, chip=chip, simulator=simulator, fresh=fresh)
    labels = data.held_out_labels[:count]
    found = outputs["scores"].argmax(axis=1)
    exact = run_float(proto, feeds)["scores"].argmax(axis=1)
    report |= {"digits": count, "right": int((found == labels).sum()), "right_in_float": int((exact == labels).sum())}
    _show(report, feeds["image"], found, labels)
    _draw(feeds["image"][:SHOWN], found, labels, output / "digits.png")
    write_page(report, chip, output / "digits.html")
    write_json(output / "digits.json", report)
    console().print(f"pictures, page, figures: {place(output)}/digits.png, digits.html, digits.json")
    return 0 if report["match"] in (True, None) else 1


def _picture(image, found, label):
    """A digit as lines of text, and what it was taken for."""
    levels = np.rint(image * (len(SHADES) - 1)).astype(int)
    verdict = f"{found}" if found == label else f"{found}, is {label}"
    return ["".join(2 * SHADES[level] for level in row) for row in levels] + [verdict.center(16)]


def _show(report, images, found, labels):
    out = console()
    shown = [_picture(image[0], *pair) for image, *pair in zip(images, found, labels, strict=True)][:SHOWN]
    for first in range(0, len(shown), ACROSS):
        for lines in zip(*shown[first:first + ACROSS], strict=True):
            out.print("  ".join(lines))
    count, total = report["digits"], report["totals"]
    out.print(f"{report['right']} of {count} right ({report['right'] / count:.1%}), "
              f"in float {report['right_in_float']} ({report['right_in_float'] / count:.1%}); scores' SQNR "
              f"{report['outputs']['scores']['sqnr_db']:.1f} dB")
    of, how = ("rtl_", "in RTL") if total["rtl_cycles"] else ("", "as planned")
    cycles, configuration, milliseconds = (
        total[of + name] for name in ("cycles", "configuration_cycles", "milliseconds"))
    out.print(f"{cycles:,} cycles of the {report['chip']} chip {how}, {cycles / count:,.0f} a digit, and "
              f"{configuration:,} of configuration: {1e3 * count / milliseconds:,.0f} digits a second at "
              f"{report['core_mhz']} MHz")
    text, style = verdict(report)
    out.print(text, style=style)


def _draw(images, found, labels, path):
    rows = -(-len(images) // 10)
    figure = Figure(figsize=(10, 1.3 * rows + 0.3), layout="constrained")
    for axes in figure.subplots(rows, 10, squeeze=False).flat:
        axes.set_axis_off()
    for axes, image, answer, label in zip(figure.axes, images, found, labels, strict=False):
        axes.imshow(image[0], cmap="gray_r")
        axes.set_title(f"{answer}", color="green" if answer == label else "red")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_file(path, buffer.getvalue())
