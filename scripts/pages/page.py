"""Pages: self-contained HTML from templates, with tables that can be sorted and charts as SVG."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hw.config import VERSION
from scripts.terminal.names import in_page
from sim.tools.files import write_file

__all__ = ["decibels", "megabytes", "write_template"]

TEMPLATES = Path(__file__).with_name("templates")


def decibels(value) -> str:
    """A figure in dB for people; None is a layer without any noise."""
    return "exact" if value is None else f"{value:.1f}"


def megabytes(table) -> str:
    """Bytes by kind, added up."""
    return f"{sum(table.values()) / 1e6:.2f}"


def write_template(name, path, **values) -> Path:
    """Write a page; all text is quoted, and a filter `name` shows what a file chose."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"decibels": decibels, "megabytes": megabytes, "name": in_page}
    write_file(path, environment.get_template(name).render(version=VERSION, **values))
    return Path(path)
