"""`eyeriss simulate` and `eyeriss fpga run` with layers of 8 bits; commands of 16 bits alone refuse the chip."""

import re

import numpy as np
import pytest

from golden.int8 import Format, LayerFormats, conv_int8
from golden.layer import LayerShape
from hw.config import PRESETS
from scripts.commands import one_layer
from sim.chip.board import simulated_board

SHAPE = "M=5,C=4,H=6,W=7,R=3,P=1"
OUTPUTS = 5 * 6 * 7


def simulate(eyeriss, *options):
    return eyeriss("simulate", "--chip", "mini-int8", "--shape", SHAPE, *options)


@pytest.mark.parametrize("options, zero", [(("--relu", "--zeros", "0.5"), 0), ((), 128)])
def test_simulate(eyeriss, need, tmp_path, options, zero):
    """Outputs are those of the saved tensors; the zero point is 0 with a ReLU, and then nothing lies below it."""
    need("verilator")
    status, out, err = simulate(eyeriss, *options, "--save", "out")
    assert status == 0 and f"match: all {OUTPUTS} outputs equal the golden model's" in out, err
    x, w, b, factors, y = (np.load(tmp_path / "out" / f"{name}.npy")
                           for name in ("ifmap", "weights", "bias", "factors", "ofmap"))
    formats = LayerFormats(Format(np.float32(1)), factors, Format(np.float32(1), zero))
    assert np.array_equal(y, conv_int8(x, w, b, LayerShape.parse(SHAPE), formats))
    assert len(np.unique(y)) > 50 and np.count_nonzero(y == 0) > (OUTPUTS // 10 if zero == 0 else -1)


def test_tensors_of_ones_own(eyeriss, need, tmp_path):
    """A bias of 0 goes with given weights."""
    need("verilator")
    shape = LayerShape.parse(SHAPE)
    np.save(tmp_path / "x.npy", np.full(shape.ifmap_shape, 7, np.uint8))
    np.save(tmp_path / "w.npy", np.zeros(shape.weights_shape, np.int8))
    assert simulate(eyeriss, "--ifmap", "x.npy", "--weights", "w.npy", "--save", "out")[0] == 0
    assert not np.load(tmp_path / "out" / "bias.npy").any() and (np.load(tmp_path / "out" / "ofmap.npy") == 128).all()


@pytest.fixture
def wrong(monkeypatch):
    """One value of the golden ofmap."""
    def conv_int8_but_one(*arguments):
        ofmap = conv_int8(*arguments)
        ofmap[0, 2, 3, 4] ^= 1
        return ofmap

    monkeypatch.setattr(one_layer, "conv_int8", conv_int8_but_one)


def test_a_wrong_output_is_noticed(eyeriss, need, wrong):
    need("verilator")
    status, out, _ = simulate(eyeriss)
    assert status == 1 and f"MISMATCH in custom: 1 of {OUTPUTS} outputs differ, the first at (0, 2, 3, 4)" in out


def test_on_a_board(eyeriss, need, tmp_path):
    """Which knows itself from a chip of other psums."""
    need("verilator")
    (tmp_path / "narrow.toml").write_text('preset = "mini-int8"\npsum_width = 24\n')
    with simulated_board(PRESETS["mini-int8"], tmp_path / "board", memory_words=512) as port:
        status, out, err = eyeriss("fpga", "run", "--port", port, "--chip", "mini-int8", "--shape", SHAPE)
        assert status == 0 and f"match: all {OUTPUTS} outputs equal" in out, err
        status, _, err = eyeriss("fpga", "run", "--port", port, "--chip", "narrow.toml", "--shape", SHAPE)
    assert status == 2 and err == ("eyeriss: --chip must be what the board holds: its ARRAY is 0x20080506, that of "
                                   "narrow is 0x10080506\n")


@pytest.mark.parametrize("command", [("benchmark", "alexnet"), ("calibrate",), ("digits",)])
def test_commands_of_16_bits_refuse(eyeriss, command):
    status, _, err = eyeriss(*command, "--chip", "mini-int8")
    assert status == 2 and re.fullmatch(
        "eyeriss: --chip must have data_width 16, not 8 as mini-int8: 8-bit layers go to eyeriss simulate, 8-bit "
        "networks to eyeriss run\n", err)
