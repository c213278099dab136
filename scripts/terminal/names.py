"""Names that a file chose, such as a layer's, as people see them: any characters, of any length, or none.

The console and the page's template show text as it is, without markup; what remains is here.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

__all__ = ["in_figure", "in_page", "in_path", "on_terminal", "own_file"]

FIGURE_WIDTH = 24  # characters of a name beside a bar


def on_terminal(name: Any, width: int | None = None) -> str:
    """One line: characters that move the cursor or ring the bell as Python's escapes, cut in the middle."""
    text = in_page(name)
    if width is None or len(text) <= width:
        return text
    end = (width - 1) // 2  # names of one model differ at their ends more than at their beginnings
    return text[:width - 1 - end] + "…" + text[len(text) - end:]


def in_page(name: Any) -> str:
    """In full; the template quotes what HTML takes for its own."""
    shown = (sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(name))
    return "".join(shown) or "(no name)"


def in_figure(name: Any) -> str:
    """As wide as a figure has room for."""
    return on_terminal(name, FIGURE_WIDTH)


def in_path(name: str) -> str:
    """A part of a path on any system, that needs no quoting in a shell."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", name).lstrip(".-") or "_"


def own_file(path: Path | str) -> str:
    """A name for what is made of a file: `model.onnx` of two folders have two."""
    digest = hashlib.sha256(str(Path(path).resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{in_path(Path(path).stem)}-{digest[:8]}"
