"""Queue of several depths."""

import pytest

from hw.kit.stream import Queue


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_queue(bench, depth):
    bench(Queue(8, depth), "queue", depth=depth)


@pytest.mark.parametrize("signal, expression, message", [
    ("push", "{} & ~&i__payload[2:0]", "level is 0, not 1"),
    ("read__addr", "{0} == 2'h2 ? 2'h0 : {0}", "o: word .* is .*, not"),
    ("o__valid", "level > 2'h1", r"o: \d+ of 150 words, then none"),
    ("i__ready", "1'h1", "level is 0, not 4"),
    ("pop", "o__ready", "level is 3, not 0"),
    ("o__payload", "{} ^ (level == 2'h3)", "o: payload changed"),
])
def test_broken_queue(bench, signal, expression, message):
    bench.fails(Queue(8, 3), "queue", f"queue_8x3.{signal}", expression, message, testcase="passes_all",
                depth=3)


def test_refuses_depth():
    with pytest.raises(ValueError, match=r"^depth must be at least 1, not 0$"):
        Queue(8, 0)
