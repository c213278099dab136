"""The modules of a board, each by itself."""

import pytest

from hw.config import PRESETS
from hw.shell.serial.board import Board, BoardMemory
from hw.shell.serial.device import SerialHost
from hw.shell.serial.uart import UartReceiver, UartTransmitter
from hw.verilog.generate import write
from sim.tools.find import available
from sim.tools.lint import lint

SENDS, RECEIVES = "transmits", "receives|no_stop"


@pytest.mark.parametrize("clocks_per_bit", [4, 7])
def test_uart(bench, clocks_per_bit):
    bench(UartTransmitter(clocks_per_bit), "uart", testcase=SENDS, clocks_per_bit=clocks_per_bit)
    bench(UartReceiver(clocks_per_bit), "uart", testcase=RECEIVES, clocks_per_bit=clocks_per_bit)


def test_serial_host(bench, tiny):
    bench(SerialHost(tiny, 64), "serial_host")


def test_memory(bench):
    bench(BoardMemory(256), "board_memory", words=256)


@pytest.mark.parametrize("block, name, signal, expression, message, testcase", [
    (UartTransmitter(4), "uart", "uart_transmitter.i__ready", "1'h1", "byte|stop bit|start bit", SENDS),
    (UartReceiver(4), "uart", "uart_receiver.o__valid", "bits == 4'd1 && ticks == 0", "is .*, not", "no_stop"),
    (BoardMemory(256), "board_memory", "board_memory.dram__write_words__ready", "|left & write", "words", "bursts"),
    (BoardMemory(256), "board_memory", "board_memory.out_of_range", "1'h0", "range", "out_of_range"),
])
def test_broken(bench, block, name, signal, expression, message, testcase):
    bench.fails(block, name, signal, expression, message, testcase=testcase, clocks_per_bit=4, words=256)


@pytest.mark.parametrize("words", [0, 1, 1000])
def test_memory_size_refused(words):
    with pytest.raises(ValueError, match=rf"^words must be a power of two, not {words}$"):
        BoardMemory(words)


def test_bit_too_short_refused():
    with pytest.raises(ValueError, match=r"^clocks_per_bit must be at least 4, not 3$"):
        UartReceiver(3)


@pytest.mark.slow
def test_lint(tmp_path):
    if not available("verilator"):
        pytest.skip("no verilator")
    board = Board(PRESETS["mini"], memory_words=1024, clocks_per_bit=50)
    assert lint(write(board, tmp_path), board.module_name) == []
