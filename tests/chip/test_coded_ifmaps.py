"""Ifmaps that stay run-length coded in the GLB, and are decoded on their way to the array."""

import pytest

from compiler.mapping.mapping import MappingError
from tests.chip.layers import check, run

# m groups, blocks, channel groups, filter groups, ragged strips and spans: streams are read again and dropped
SHAPE = "N=2,M=20,C=8,H=13,W=14,R=3,P=1"
MAPPING = "m=8 n=3 e=5 f=6 p=4 q=2 r=2 t=1"


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.97])
@pytest.mark.parametrize("coded", [3, 4])
def test_matches(zeros, coded, need):
    need("verilator")
    check(run(SHAPE, f"{MAPPING} coded={coded}", zeros=zeros, compress=True))


def test_matches_under_icarus(need):
    need("icarus")
    check(run("M=8,C=4,H=8,W=8,R=3", "m=8 n=2 e=3 f=3 p=4 q=1 r=2 t=1 coded=1", zeros=0.6, compress=True,
              simulator="icarus"))


@pytest.mark.parametrize("link_mhz", [20, 400])
def test_other_links(link_mhz, need):
    need("verilator")
    check(run(SHAPE, f"{MAPPING} coded=3", zeros=0.6, compress=True, link_mhz=link_mhz))


def test_fewer_glb_reads(need):
    need("verilator")
    reads = [run(SHAPE, f"{MAPPING} coded={coded}", zeros=0.8, compress=True).counters["glb_ifmap_reads"]
             for coded in (0, 2)]
    assert reads[1] < 0.45 * reads[0]


def test_groups(need):
    need("verilator")
    check(run("M=12,C=8,H=9,W=9,R=3,P=1,G=2", "m=3 n=2 e=3 f=5 p=3 q=2 r=1 t=1 coded=1", zeros=0.7))


@pytest.mark.parametrize("coded, compress, message", [
    (1, True, r"coded ifmaps of a channel group take \d+ words, coded = 1 banks hold 128: give them more, or coded"),
    (3, False, "a mapping with coded ifmaps needs run-length coded ones: compress, or coded = 0"),
])
def test_refused(coded, compress, message):
    with pytest.raises(MappingError, match=message):
        run(SHAPE, f"{MAPPING} coded={coded}", zeros=0.0, compress=compress)
