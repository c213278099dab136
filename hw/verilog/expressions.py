"""Expressions of the Verilog that Yosys writes, as trees: read and written again."""

import re
from typing import NamedTuple

__all__ = [
    "COMPARISONS", "LOGICAL", "REDUCTIONS", "SHIFTS", "Expression", "Unreadable", "concatenation", "names", "parse",
    "rebuilt", "render",
]

_TOKEN = re.compile(r"\s*(?:(\d+'s?[bhdo][0-9a-fxzA-F]+)|(\d+)|(\$?[A-Za-z_][\w$]*)"
                    r"|(<<<|>>>|===|!==|==|!=|<=|>=|&&|\|\||<<|>>|~\^|\*\*|[-+*/%&|^~!<>?:{}()\[\],]))")
COMPARISONS = {"==", "!=", "===", "!==", "<", "<=", ">", ">="}
LOGICAL = {"&&", "||"}
SHIFTS = {"<<", ">>", "<<<", ">>>"}
_PRECEDENCE = {op: level for level, ops in enumerate(
    (("||",), ("&&",), ("|",), ("^", "~^"), ("&",), ("==", "!=", "===", "!=="), ("<", "<=", ">", ">="),
     ("<<", ">>", "<<<", ">>>"), ("+", "-"), ("*", "/", "%"))) for op in ops}
REDUCTIONS = {"!", "&", "|", "^"}


class Unreadable(ValueError):
    """What Yosys writes and this module does not read, such as a word of a memory."""


class Expression(NamedTuple):
    """A tree, with what Verilog says of it.

    Attributes
    ----------
    kind : str
        "name", "select", "constant", "cat", "repeat", "signed", "unary", "binary" or "mux".
    head : object
        The name; (name, high, low); the literal; how often; the operator.
    parts : tuple of Expression
    width : int
        Self-determined.
    signed : bool
    """

    kind: str
    head: object
    parts: tuple
    width: int
    signed: bool = False


def parse(text, widths):
    """Read an expression.

    Parameters
    ----------
    text : str
        Without escaped names.
    widths : dict of str to int
        Of each net.

    Raises
    ------
    Unreadable
    """
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unreadable(text)
        tokens.append((match.lastindex, match[match.lastindex]))
        at = match.end()
    parser = _Parser(tokens, widths)
    found = parser.mux()
    if parser.at != len(tokens):
        raise Unreadable(text)
    return found


class _Parser:
    def __init__(self, tokens, widths):
        self.tokens, self.widths, self.at = [*tokens, (0, "")], widths, 0

    def take(self, token=None):
        kind, found = self.tokens[self.at]
        if token is not None and found != token:
            raise Unreadable(f"{found}, not {token}")
        self.at += 1
        return kind, found

    def next(self):
        return self.tokens[self.at][1]

    def mux(self):
        found = self.binary(0)
        if self.next() != "?":
            return found
        self.take()
        then = self.mux()
        self.take(":")
        return _mux(found, then, self.mux())

    def binary(self, level):
        left = self.unary()
        while (op := self.next()) in _PRECEDENCE and _PRECEDENCE[op] >= level:
            self.take()
            left = _binary(op, left, self.binary(_PRECEDENCE[op] + 1))
        return left

    def unary(self):
        if self.next() in ("~", "!", "&", "|", "^", "-"):
            op = self.take()[1]
            return _unary(op, self.unary())
        return self.primary()

    def primary(self):
        kind, token = self.take()
        if kind == 1:
            width, literal = token.split("'")
            return Expression("constant", token, (), int(width), literal[0] == "s")
        if kind == 3 and token == "$signed":
            self.take("(")
            inner = self.mux()
            self.take(")")
            return Expression("signed", None, (inner,), inner.width, True)
        if kind == 3 and token in self.widths:
            return self.select(token)
        if token == "(":
            inner = self.mux()
            self.take(")")
            return inner
        if token == "{":
            return self.braces()
        raise Unreadable(token)

    def select(self, name):
        if self.next() != "[":
            return Expression("name", name, (), self.widths[name])
        self.take()
        high = low = self.number()
        if self.next() == ":":
            self.take()
            low = self.number()
        self.take("]")
        return Expression("select", (name, high, low), (), high - low + 1)

    def number(self):
        kind, token = self.take()
        if kind != 2:
            raise Unreadable(token)
        return int(token)

    def braces(self):
        if self.tokens[self.at][0] == 2:
            times = self.number()
            inner = self.primary()
            self.take("}")
            return Expression("repeat", times, (inner,), times * inner.width)
        parts = [self.mux()]
        while self.next() == ",":
            self.take()
            parts.append(self.mux())
        self.take("}")
        return concatenation(parts)


def concatenation(parts):
    """`{ first, second }` of a list of expressions."""
    return Expression("cat", None, tuple(parts), sum(part.width for part in parts))


def _mux(condition, then, otherwise):
    return Expression("mux", "?", (condition, then, otherwise), max(then.width, otherwise.width),
                      then.signed and otherwise.signed)


def _unary(op, part):
    if op in REDUCTIONS:
        return Expression("unary", op, (part,), 1)
    return Expression("unary", op, (part,), part.width, part.signed)


def _binary(op, left, right):
    if op in COMPARISONS or op in LOGICAL:
        return Expression("binary", op, (left, right), 1)
    if op in SHIFTS:
        return Expression("binary", op, (left, right), left.width, left.signed)
    return Expression("binary", op, (left, right), max(left.width, right.width), left.signed and right.signed)


def rebuilt(node, parts):
    """An expression with other parts, and the width that follows."""
    if node.kind == "cat":
        return concatenation(parts)
    if node.kind == "mux":
        return _mux(*parts)
    if node.kind == "unary":
        return _unary(node.head, *parts)
    if node.kind == "binary":
        return _binary(node.head, *parts)
    if node.kind == "signed":
        return Expression("signed", None, tuple(parts), parts[0].width, True)
    return Expression("repeat", node.head, tuple(parts), node.head * parts[0].width)


def names(node):
    """The names in an expression, from left to right, each as often as it is there."""
    if node.kind in ("name", "select"):
        return [node.head if node.kind == "name" else node.head[0]]
    return [name for part in node.parts for name in names(part)]


def render(node):
    """The text of an expression: parentheses wherever operators meet, but for chains of one operator."""
    kind, head, parts = node.kind, node.head, node.parts
    if kind in ("name", "constant"):
        return head
    if kind == "select":
        name, high, low = head
        return f"{name}[{high}]" if high == low else f"{name}[{high}:{low}]"
    if kind == "cat":
        return f"{{ {', '.join(map(render, parts))} }}"
    if kind == "repeat":
        inner = render(parts[0])
        return f"{{{head}{inner if parts[0].kind == 'cat' else f'{{ {inner} }}'}}}"
    if kind == "signed":
        return f"$signed({render(parts[0])})"
    if kind == "unary":
        return head + _in_parentheses(parts[0], parts[0].kind in ("binary", "mux", "unary"))
    if kind == "mux":
        condition, then, otherwise = parts
        return (f"{_in_parentheses(condition, condition.kind in ('binary', 'mux'))} ? "
                f"{_in_parentheses(then, then.kind == 'mux')} : {render(otherwise)}")
    left, right = parts
    chain = left.kind == "binary" and left.head == head and head in ("&", "|", "^", "+", "*", "&&", "||")
    return (f"{_in_parentheses(left, left.kind == 'mux' or left.kind == 'binary' and not chain)} {head} "
            f"{_in_parentheses(right, right.kind in ('mux', 'binary'))}")


def _in_parentheses(node, needed):
    return f"({render(node)})" if needed else render(node)
