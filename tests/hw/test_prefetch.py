"""Reading ahead."""

import pytest

from hw.paths.fetch import Prefetch


def test_prefetch(bench):
    bench(Prefetch(), "prefetch")


@pytest.mark.parametrize("room, message", [
    ("1'h1", "word .* is .*, not"),
    ("{} & ~coming", "one word a cycle"),
])
def test_broken(bench, room, message):
    bench.fails(Prefetch(), "prefetch", "prefetch.room", room, message, testcase="pressure=(never|some)")
