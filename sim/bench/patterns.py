"""When a bench idles: streams of bools, by name, so that a test is named after them.

A pattern yields one bool a clock cycle, true where a source has nothing to
offer or a sink takes nothing.
"""

import random
from collections.abc import Iterable, Iterator

#: Name to a function of a seed.
PATTERNS = {
    "never": lambda seed: never(),
    "some": lambda seed: random_idle(seed, 0.2),
    "mostly": lambda seed: random_idle(seed, 0.8),
    "burst": lambda seed: burst(5, 7),
}


def never() -> Iterator[bool]:
    """Never idle: full rate."""
    while True:
        yield False


def random_idle(seed: int, p: float) -> Iterator[bool]:
    """Idle in a fraction `p` of the cycles."""
    if not 0 <= p < 1:
        raise ValueError(f"p must be at least 0 and below 1, not {p!r}")
    chance = random.Random(seed)
    while True:
        yield chance.random() < p


def burst(busy: int, idle: int) -> Iterator[bool]:
    """`busy` cycles at full rate, then `idle` without, and again."""
    if busy < 1 or idle < 0:
        raise ValueError(f"busy must be at least 1 and idle at least 0, not {busy!r}, {idle!r}")
    while True:
        for _ in range(busy):
            yield False
        for _ in range(idle):
            yield True


def pattern(name: str | Iterator[bool], seed: int = 0) -> Iterator[bool]:
    """The pattern of a name in `PATTERNS`; an iterator is passed through."""
    return PATTERNS[name](seed) if isinstance(name, str) else name


def cross(idle: Iterable[str] = tuple(PATTERNS),
          pressure: Iterable[str] = tuple(PATTERNS)) -> tuple[tuple[str, str], list[tuple[str, str]]]:
    """The cross product idle x back-pressure.

    Returns
    -------
    tuple
        What ``@pytest.mark.parametrize(*cross())`` and
        ``@cocotb.parametrize(cross())`` take.
    """
    return ("idle", "pressure"), [(i, p) for i in idle for p in pressure]
