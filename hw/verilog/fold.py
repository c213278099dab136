"""Fewer temporaries: an expression that Yosys gives a net of its own stands where it is used.

    assign _2 = read_wraps ? 5'h00 : _1;
    assign _1 = read[3:0] + 1'h1;              assign behind__address = read_wraps ? 4'h0 : read[3:0] + 1'h1;
    assign _3 = read[4] ^ read_wraps;    ->    assign behind__lap = read[4] ^ read_wraps;
    assign behind = { _3, _2[3:0] };           assign behind = { behind__lap, behind__address };
    assign behind__address = _2[3:0];
    assign behind__lap = _3;

A temporary that has a name as well gets it; equal ones become one; one that is used once, or is as short as a
name, is put in its place, as long as the line stays readable and Verilog evaluates it there to the same value.
"""

import re
from collections import Counter
from functools import cached_property

from .expressions import Expression, Unreadable, names, parse, rebuilt, render
from .substitute import put

__all__ = ["TEMPORARY", "fold"]

#: Begins the names of temporaries.
TEMPORARY = "_"

#: A line stays as short, and an expression within as many lines, unless it was longer.
_LINE, _LINES = 110, 16

_DECLARED = re.compile(r"^  (?:input |output )?(wire|reg) (?:\[(\d+):0\] )?(\w+)(?: = [^;]*)?;$")
_ASSIGN = re.compile(r"^(  assign )(\w+)((?:\[[\d:]+\])?) = (.*)(;)$")
_WRITE = re.compile(r"^( +)(\w+)((?:\[[\d:]+\])?) <?= (.*)(;)$")
_CONDITION = re.compile(r"^( +(?:end else )?if \()()()(.*)(\) begin)$")
_PORT = re.compile(r"^(    \.\w+\()()()(.*)(\),?)$")
_USE = re.compile(rf"\b{TEMPORARY}\d+\b")


class _Line:
    """A line with an expression, or one that is kept as it is (`root` is None)."""

    def __init__(self, text, widths):
        self.text, self._widths, self.changed = text, widths, False
        self.match = self.root = None
        #: The net that an `assign` drives as a whole.
        self.target = None
        self.uses = _USE.findall(text)
        if self.uses:  # few lines do
            forms = (_ASSIGN, _WRITE, _CONDITION, _PORT)
            self.match = next(filter(None, (form.match(text) for form in forms)), None)
        if self.match:
            self.root = _readable(self.match[4], widths)
            self.target = self.match[2] if self.match.re is _ASSIGN and not self.match[3] else None

    @cached_property
    def width(self):
        """Of what is assigned; None where the expression stands for itself."""
        _, target, part = self.match.groups()[:3]
        if not target or target not in self._widths:
            return None
        high, _, low = part.strip("[]").partition(":")
        return int(high) - int(low or high) + 1 if part else self._widths[target]

    def replace(self, root):
        self.changed |= root != self.root
        self.root = root

    def written(self, root=None):
        if self.root is None or root is None and not self.changed:
            return self.text
        written = self.text[:self.match.start(4)] + render(root or self.root) + self.match[5]
        return _wrapped(written) if self.match.re in (_ASSIGN, _WRITE) and len(written) > _LINE else written

    def takes(self, root):
        """Whether the line can be read with another expression."""
        lines = self.written(root).split("\n")
        return len(lines) <= _LINES and max(map(len, lines)) <= max(_LINE, len(self.text))


def fold(text):
    """Put temporaries in the places where they are used.

    Parameters
    ----------
    text : str
        A module without escaped names, whose temporaries are `TEMPORARY` and a number.

    Returns
    -------
    str
        The same logic.
    """
    declared = [match for match in map(_DECLARED.match, text.split("\n")) if match]
    widths = {match[3]: int(match[2] or 0) + 1 for match in declared}
    wires = {match[3] for match in declared if match[1] == "wire" and _USE.fullmatch(match[3])}
    lines = [_Line(line, widths) for line in text.split("\n")]
    module = _Module(lines, widths, wires)
    module.name()
    module.put_all()
    return module.written()


class _Module:
    def __init__(self, lines, widths, wires):
        self._lines, self._widths = lines, widths
        for line in lines:  # what a temporary is made of may have none in it
            if line.root is None and line.target in wires:
                line.root = _readable(line.match[4], widths)
        self._driven = {line.target: line for line in lines if line.target in wires and line.root is not None}

    def name(self):
        """Give temporaries the names that they have besides, and equal ones one name."""
        aliases = {}
        for line in self._lines:
            root, target = line.root, line.target
            if root is None or target is None or target in self._driven:
                continue
            if root.kind in ("name", "select") and names(root)[0] in self._driven:
                aliases.setdefault(root, (target, line))
        known, memo = {}, {}

        def renamed(node):
            if node in memo:
                return memo[node]
            found = node
            if node in aliases:
                found = Expression("name", aliases[node][0], (), node.width)
            elif node.kind == "name" and node.head in self._driven:
                found = equal(node)
            elif node.kind == "select" and node.head[0] in self._driven:
                base = equal(Expression("name", node.head[0], (), self._widths[node.head[0]]))
                found = Expression("select", (base.head, *node.head[1:]), (), node.width)
                found = Expression("name", aliases[found][0], (), node.width) if found in aliases else found
            elif node.parts:
                found = rebuilt(node, [renamed(part) for part in node.parts])
            memo[node] = found
            return found

        def equal(node):
            """The first temporary that is driven by the same, or the name that it has."""
            if node in aliases:
                return Expression("name", aliases[node][0], (), node.width)
            key = node.width, renamed(self._driven[node.head].root)
            return known.setdefault(key, node)

        for line in self._lines:
            if line.root is None:
                continue
            if line.root in aliases and aliases[line.root][1] is line:
                if line.root.kind == "select":  # it has no other name than its own
                    base = equal(Expression("name", line.root.head[0], (), self._widths[line.root.head[0]]))
                    line.replace(Expression("select", (base.head, *line.root.head[1:]), (), line.root.width))
                continue
            line.replace(renamed(line.root))
        self._take_names(aliases)
        self._name_concatenations()

    def _take_names(self, aliases):
        """What drove a temporary drives its name."""
        for root, (_, line) in aliases.items():
            if root.kind != "name":
                continue
            driver = self._driven.pop(root.head)
            line.replace(driver.root)
            self._lines.remove(driver)

    def _name_concatenations(self):
        """A concatenation that a net is named for is that net, wherever it is."""
        known = {line.root: line for line in reversed(self._lines)
                 if line.target and line.root is not None and line.root.kind == "cat"
                 and line.target not in self._driven}

        def renamed(node):
            if node in known:
                return Expression("name", known[node].target, (), node.width)
            return rebuilt(node, [renamed(part) for part in node.parts]) if node.parts else node

        named = set(map(id, known.values()))
        for line in self._lines if known else ():
            if line.root is not None and id(line) not in named:
                line.replace(renamed(line.root))

    def put_all(self):
        """Put each temporary in its places; from the outside, where a context is as narrow as it will be."""
        self._drop_unread()
        for line in self._lines:
            if line.root is not None:
                self._put_into(line)
        self._drop_unread()

    def _drop_unread(self):
        """Forget the lines of temporaries that nothing reads, and count the uses of the others."""
        while True:
            self._uses = Counter()
            for line in self._lines:
                if line.root is not None:
                    self._uses.update(names(line.root))
                elif line.uses and not _DECLARED.match(line.text):
                    self._uses.update(line.uses)
            kept = [line for line in self._lines if line.target not in self._driven or self._uses[line.target]]
            if len(kept) == len(self._lines):
                return
            self._lines = kept

    def _put_into(self, line):
        queue, seen = names(line.root), set()
        while queue:
            name = queue.pop(0)
            driver = self._driven.get(name)
            if driver is None or name in seen:
                continue
            seen.add(name)
            node = driver.root
            if self._uses[name] > 1 and not _is_short(node):
                continue
            root = put(line.root, line.width, name, node, self._widths[name])
            if root is not None and line.takes(root):
                line.replace(root)
                queue += names(node)
                if self._uses[name] > 1:
                    self._uses.update(names(node))

    def written(self):
        """The text, with no declaration of a temporary that is gone."""
        texts = [(line, line.written()) for line in self._lines]
        found = Counter(use for line, text in texts if line.uses for use in _USE.findall(text))
        gone = {name for name, count in found.items() if count == 1}
        return "\n".join(text for line, text in texts if not line.uses or _declared(text) not in gone)


def _wrapped(text):
    """An assignment on several lines, broken ahead of operators that no parentheses enclose."""
    pieces, depth, start = [], 0, 0
    for match in re.finditer(r"[({]|[)}]|(?<= )(?:[|&^+:*]|&&|\|\|) (?=.)", text):
        if match[0] in "({":
            depth += 1
        elif match[0] in ")}":
            depth -= 1
        elif depth == 0:
            pieces.append(text[start:match.start()])
            start = match.start()
    pieces.append(text[start:])
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) > _LINE:
            lines.append(indent)
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def _declared(text):
    match = _DECLARED.match(text)
    return match[3] if match else None


def _is_short(node):
    """As quick to read as a name for it."""
    if node.kind == "unary" and node.head in ("~", "!"):
        node = node.parts[0]
    return node.kind in ("name", "select", "constant")


def _readable(text, widths):
    try:
        return parse(text, widths)
    except Unreadable:
        return None
