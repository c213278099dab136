"""Expressions put into the places of the wires that they drive, wherever the value stays the same.

Verilog evaluates an operand at the width of its context: in ``wide + ~bit`` the bit is extended before it is
inverted, in ``{ ~bit }`` it is not. So an expression may take the place of a name only where its value is the same
there; `put` decides, by the rules of IEEE 1800-2017, 11.6 and 11.8.
"""

from .expressions import COMPARISONS, LOGICAL, REDUCTIONS, SHIFTS, Expression, concatenation, rebuilt

__all__ = ["cut", "put"]

_BITWISE = {"&", "|", "^"}
_ATOMS = {"name", "select", "constant"}


def cut(node, high, low):
    """Bits `high` to `low` of a wire that an unsigned expression drives; None where that is not an expression.

    The result is no wider than the bits, and where it is narrower its context has to extend it.
    """
    if low == 0 and high + 1 >= node.width:
        return node if _low_bits_suffice(node) else None
    kind = node.kind
    if kind == "name" and high < node.width:
        return Expression("select", (node.head, high, low), (), high - low + 1)
    if kind == "select" and high < node.width:
        name, _, base = node.head
        return Expression("select", (name, base + high, base + low), (), high - low + 1)
    if kind == "constant" and high < node.width and not node.signed:
        return _cut_constant(node, high, low)
    if kind == "cat" and high < node.width:
        return _cut_cat(node, high, low)
    if kind == "mux":
        return _cut_parts(node, high, low, keep=1)
    if kind == "binary" and node.head in _BITWISE or kind == "unary" and node.head == "~":
        return _cut_parts(node, high, low)
    if kind == "binary" and node.head in ("+", "-", "*") and low == 0 and not node.signed:
        return _cut_parts(node, high, low)
    return None


def _low_bits_suffice(node):
    """No operator brings bits from above the width down."""
    if node.kind == "mux":
        return all(map(_low_bits_suffice, node.parts[1:]))
    if node.kind == "unary":
        return node.head in REDUCTIONS or _low_bits_suffice(node.parts[0])
    if node.kind == "binary" and node.head not in COMPARISONS | LOGICAL:
        return node.head in ("+", "-", "*", *_BITWISE) and all(map(_low_bits_suffice, node.parts))
    return True


def _cut_parts(node, high, low, keep=0):
    """Cut each part; from the lowest bit on, a part that is narrower stays as it is."""
    parts = node.parts[keep:]
    if any(part.signed for part in parts) or low and any(part.width != node.width for part in parts):
        return None
    parts = [cut(part, high, low) for part in parts]
    return None if None in parts else rebuilt(node, [*node.parts[:keep], *parts])


def _cut_constant(node, high, low):
    value = _value(node)
    if value is None:
        return None
    width = high - low + 1
    return Expression("constant", f"{width}'h{(value >> low) % (1 << width):0{(width + 3) // 4}x}", (), width)


def _value(constant):
    """None where a bit is unknown."""
    base, digits = constant.head.split("'")[1].lstrip("s")[0], constant.head.split("'")[1].lstrip("s")[1:]
    try:
        return int(digits, {"h": 16, "d": 10, "b": 2, "o": 8}[base])
    except ValueError:
        return None


def _cut_cat(node, high, low):
    found, top = [], node.width
    for part in node.parts:
        base = top - part.width
        if base <= high and low < top:
            piece = cut(part, min(high, top - 1) - base, max(low, base) - base)
            if piece is None or piece.width != min(high, top - 1) - max(low, base) + 1:
                return None
            found.append(piece)
        top = base
    return found[0] if len(found) == 1 and found[0].kind in _ATOMS else concatenation(found)


def put(root, width, name, node, bits):
    """Put an expression in the place of a wire that it drives, where the value stays the same.

    Parameters
    ----------
    root : Expression
        In which the wire occurs.
    width : int or None
        Of what `root` is assigned to; None where it is a condition, and stands for itself.
    name : str
        The wire.
    node : Expression
        What drives it.
    bits : int
        The wire's width.

    Returns
    -------
    Expression or None
        None where there is a place that cannot take it.
    """
    context = root.width if width is None else max(width, root.width)
    found = _put(root, context, name, node, bits, width == bits)
    if found is None:
        return None
    after = found.width if width is None else max(width, found.width)
    return found if after == context else None


def _put(at, context, name, node, bits, apart):
    """`put` below an expression; `apart` where no operator sees whether a part is signed."""
    if at.kind in ("name", "select"):
        if (at.head if at.kind == "name" else at.head[0]) != name:
            return at
        if at.kind == "select":
            node = None if node.signed else cut(node, *at.head[1:])
        return None if node is None else _fitting(node, at.width, context, apart)
    parts = []
    for index, part in enumerate(at.parts):
        inner = _context(at, index, context)
        new = _put(part, part.width if inner is None else inner, name, node, bits, at.kind in ("cat", "signed"))
        if new is None or inner is None and new.width != part.width:
            return None
        parts.append(new)
    new = rebuilt(at, parts) if at.parts else at
    if at.kind == "binary" and at.head in COMPARISONS and max(p.width for p in at.parts) != max(
            p.width for p in parts):
        return None
    return new


def _context(node, index, context):
    """The width at which a part is evaluated; None where it is its own."""
    if node.kind == "mux":
        return context if index else None
    if node.kind == "unary":
        return None if node.head in REDUCTIONS else context
    if node.kind == "binary":
        if node.head in LOGICAL or node.head in SHIFTS and index:
            return None
        return max(part.width for part in node.parts) if node.head in COMPARISONS else context
    return None


def _fitting(node, width, context, apart):
    """An expression for a wire of a width, evaluated at the context's; in braces where that makes it fit."""
    if node.width > width:
        return None
    if node.signed:
        return node if apart and width == context else None
    if context == width or _most(node, width) is not None:
        return node
    return concatenation([node]) if node.width == width else None


def _most(node, width):
    """The greatest value of an expression that is the same in all contexts of `width` or more; None of any other.

    Nothing in it is signed, is inverted, or goes below zero or above the width: each operand's value is its own.
    """
    kind, head = node.kind, node.head
    if node.signed or node.width > width:
        return None
    if kind not in ("mux", "binary", "unary") or kind == "unary" and head in REDUCTIONS:
        known = _value(node) if kind == "constant" else None
        return (1 << node.width) - 1 if known is None else known
    if kind == "binary" and head in COMPARISONS | LOGICAL:
        return 1
    if kind == "unary" or head not in ("?", "+", "*", "&", "|", "^"):
        return None
    first, second = (_most(part, width) for part in node.parts[-2:])
    if first is None or second is None:
        return None
    if head in ("+", "*"):
        most = first + second if head == "+" else first * second
        return most if most < 1 << width else None
    return (1 << max(first, second).bit_length()) - 1
