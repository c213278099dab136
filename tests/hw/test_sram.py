"""The two SRAMs."""

import pytest

from hw.kit.memory import SinglePortSram, TwoPortSram


@pytest.mark.parametrize("depth, width", [(16, 64), (24, 16)])
def test_single_port(bench, depth, width):
    bench(SinglePortSram(depth, width), "sram", testcase="single_port", depth=depth, width=width)


@pytest.mark.parametrize("depth, width", [(16, 64), (24, 16)])
def test_two_ports(bench, depth, width):
    bench(TwoPortSram(depth, width), "sram", testcase="two_ports", depth=depth, width=width)


def test_broken(bench):
    bench.fails(SinglePortSram(16, 64), "sram", "sram_1p_16x64.read_data", "{} ^ (enable & ~write)", "data",
                testcase="single_port", depth=16, width=64)
