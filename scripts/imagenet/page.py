"""The page of a photograph that was classified, and a strip of several."""

import base64
import io

from PIL import Image, ImageDraw, ImageFont

from scripts.pages.charts import Series, bars
from scripts.pages.network import network_charts
from scripts.pages.page import write_template
from sim.tools.files import write_file

__all__ = ["draw_strip", "write_page"]

TILE, LINES = 224, 44  # pixels of a photograph in the strip, and of the two lines below it
GAP = 6


def write_page(report, chip, photograph, maps, path):
    """Write the page of an object of `eyeriss imagenet`'s JSON.

    Parameters
    ----------
    photograph : Image
        As the network sees it.
    maps : list of dict
        From FeatureMaps.pictures.
    """
    shown = [entry | {"picture": _embedded(entry["picture"])} for entry in maps]
    layers = report["layers"]
    names = [entry["layer"] for entry in layers]
    used = [100 * (entry["rtl"] or entry)["utilization"] for entry in layers]
    charts = network_charts(report, chip)
    charts.insert(2 if any(entry["rtl"] for entry in layers) else 1, bars(
        "Utilization of each layer: MACs a cycle of all that the PEs could do", "%", names,
        [Series("in RTL, where it ran, else as planned", "#55a868", used)], text="{:.1f}"))
    return write_template("imagenet.html.j2", path, report=report, charts=charts, maps=shown,
                          photograph=_embedded(_file(photograph, "PNG")))


def draw_strip(squares, answers, path):
    """Write a JPEG of photographs side by side, each with its name and probability; `answers` as in the JSON."""
    count = len(squares)
    sheet = Image.new("RGB", (count * (TILE + GAP) - GAP, TILE + LINES), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for place, (square, answer) in enumerate(zip(squares, answers, strict=True)):
        left = place * (TILE + GAP)
        sheet.paste(square.resize((TILE, TILE)), (left, 0))
        for line, text in enumerate((answer["name"], f"{answer['probability']:.0%}")):
            pen.text((left + TILE / 2, TILE + 4 + 19 * line), text, fill="#222", font=font, anchor="ma")
    write_file(path, _file(sheet, "JPEG", quality=88))


def _file(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _embedded(png):
    return "data:image/png;base64," + base64.b64encode(png).decode()
