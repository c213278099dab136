"""One self-contained HTML page for a benchmark run: figures, tables, mappings."""

import base64
import io
from html import escape
from pathlib import Path

from compiler.lowering import lower
from compiler.mapping import Placement
from scripts.figures import dram_figure, roofline_figure, stall_figure
from scripts.mapping_picture import mapping_figure
from sim.files import write_file

__all__ = ["write_page"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: .25em .7em; text-align: right }
th { border-bottom: 1px solid #888 } tr:nth-child(even) { background: #f5f5f5 } td:first-child { text-align: left }
figure { margin: 1.5em 0 } figcaption { color: #555 } img { max-width: 100% }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 1em }
"""


def _image(figure, caption):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>")


def _table(headings, rows):
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _rows(report):
    for entry in report["layers"]:
        glb = sum(count for name, count in entry["glb_bytes"].items() if name != "filter")
        yield (entry["layer"], "equal" if entry["match"] else entry["status"], f"{entry['outputs']:,}",
               f"{entry['cycles']['total']:,}", f"{entry['cycles']['processing']:,}",
               f"{entry['configuration_cycles']:,}", f"{entry['milliseconds']:.2f}",
               f"{entry['model']['cycles']:,}", entry["active_pes"],
               "" if entry["utilization"] is None else f"{entry['utilization']:.1%}",
               f"{glb / 1e6:.2f}", f"{sum(entry['dram_bytes'].values()) / 1e6:.2f}", entry["model"]["binding"])


def write_page(report, plan, chip, path) -> Path:
    """Write the page of a benchmark's report; `plan` gives the mapping of each BenchmarkLayer."""
    title = f"{report['network']} on {chip.name}, N = {report['batch']}"
    headings = ("layer", "outputs", "compared", "cycles", "processing", "configuration", "ms in all", "model", "PEs",
                "utilization", "GLB MB", "DRAM MB", "bound by")
    mappings = [
        _image(mapping_figure(Placement(lower(layer.shape, chip)[0], mapping, chip), layer.name), layer.name)
        for layer, mapping in plan.items()]
    note = ("<p>Sampled: cycles and bytes are those of the simulated blocks; the roofline and the DRAM figure "
            "show the model's whole layers.</p>" if report["sampled"] else "")
    body = "".join([
        f"<h1>{escape(title)}</h1>{note}", _table(headings, _rows(report)),
        _image(stall_figure(report, chip), "Where the PEs' cycles went, from the RTL's counters"),
        _image(dram_figure(report), "DRAM accesses before and after RLC (Fig. 9)"),
        _image(roofline_figure(report, chip), "Each layer under the roofs of the PEs and the link"),
        f'<h2>Mappings (Fig. 5)</h2><div class="grid">{"".join(mappings)}</div>'])
    write_file(path, f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
                      f"<style>{STYLE}</style><body>{body}</body></html>\n")
    return Path(path)
