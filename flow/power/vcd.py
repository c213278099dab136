"""How often each net changed in a VCD file, and how long it was 1."""

import re

__all__ = ["count"]

_VAR = re.compile(r"\$var \w+ (\d+) (\S+) (\S+)(?: \[(\d+)(?::(\d+))?\])? \$end")


class _Net:
    """A scalar or a vector: its value, and of each bit from the least on changes and time at 1."""

    def __init__(self, width):
        self.value, self.since = None, 0
        self.changes, self.high = [0] * width, [0] * width

    def move(self, bits, now):
        """The value as written, the most significant bit first; X counts as 0."""
        value = int(bits.replace("x", "0").replace("z", "0"), 2)
        if self.value is not None:
            self.hold(now)
            moved, bit = value ^ self.value, 0
            while moved:
                self.changes[bit] += moved & 1
                moved, bit = moved >> 1, bit + 1
        self.value, self.since = value, now

    def hold(self, now):
        """Add the time until now."""
        value, bit = self.value, 0
        while value:
            self.high[bit] += (now - self.since) * (value & 1)
            value, bit = value >> 1, bit + 1


def count(path):
    """Count from the first values that are dumped until `$dumpoff`.

    Parameters
    ----------
    path : Path
        Icarus's, of instances in `dut` of a module `replay`.

    Returns
    -------
    dict of str to (int, float)
        "instance/net" or "instance/net[bit]", from `dut` on -> (changes, share of the time at 1).
    """
    with path.open() as file:
        places, nets = _header(file)
        first = now = None
        for line in file:
            kind = line[0]
            if kind in "01xz":
                nets[line[1:-1]].move(kind, now)
            elif kind == "b":
                bits, code = line[1:-1].split(" ")
                nets[code].move(bits, now)
            elif kind == "#":
                now = int(line[1:])
                first = now if first is None else first
            elif line.startswith("$dumpoff"):
                break
    for net in nets.values():
        net.hold(now)
    return {name: (nets[code].changes[bit], nets[code].high[bit] / (now - first))
            for name, (code, bit) in places.items()}


def _header(file):
    """({name of a bit: (code, bit)}, {code: _Net}); reads up to the values."""
    scope, places, nets = [], {}, {}
    for line in file:
        words = line.split()
        if words[0] == "$scope":
            scope.append(words[2])
        elif words[0] == "$upscope":
            scope.pop()
        elif words[0] == "$enddefinitions":
            break
        elif match := _VAR.match(line.strip()):
            width, code, name = int(match[1]), match[2], "/".join([*scope[2:], match[3]]).replace("\\", "")
            nets.setdefault(code, _Net(width))
            if match[4] is None:
                places[name] = code, 0
            else:
                low = min(int(match[4]), int(match[5] or match[4]))
                places |= {f"{name}[{low + bit}]": (code, bit) for bit in range(width)}
    return places, nets
