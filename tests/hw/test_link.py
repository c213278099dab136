"""Every crossing between the core clock and the link clock."""

from hw.kit.crossing import AsyncQueue, Link


def test_queue(bench):
    bench(AsyncQueue(64, 8), "async_queue")


def test_broken_queue(bench):
    bench.fails(AsyncQueue(64, 8), "async_queue", "async_queue_64x8.empty", "1'h1",
                "empty while words are held", testcase="empty")


def test_link(bench, simulator):
    bench(Link(), "link", simulator)


def test_broken_link(bench):
    bench.fails(Link(), "link", "link.written", "commands__empty", "written", testcase="written_waits")
