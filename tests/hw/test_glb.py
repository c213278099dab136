"""The global buffer."""

import pytest

from hw.paths.glb import Glb, PsumPointer


def test_glb(bench, tiny, simulator):
    bench(Glb(tiny), "glb", simulator)


@pytest.mark.parametrize("signal, expression, message", [
    ("psum_read__ready", "1'h1", "psum_read: grant"),
    ("psum_read_chosen", "{} & 3'h3", "psum_read: data"),
    ("psum_write_hits_3", "1'h0", "_read: data|contains non-0/1"),
])
def test_broken_glb(bench, tiny, signal, expression, message):
    bench.fails(Glb(tiny), "glb", f"glb.{signal}", expression, message)


def test_pointer(bench, tiny):
    bench(PsumPointer(tiny), "psum_pointer")


def test_broken_pointer(bench, tiny):
    bench.fails(PsumPointer(tiny), "psum_pointer", "psum_pointer.after", "{} ^ mark", "place")
