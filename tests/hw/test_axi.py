"""The modules of the AXI top, each by itself."""

import pytest

from hw.kit.crossing import LevelSync
from hw.shell.axi.control import AxiControl
from hw.shell.axi.master import AxiMaster, AxiReader, AxiSplitter, AxiWriter
from hw.shell.command_port import HostPort
from tests.hw.axi_lite_registers import AxiLiteRegisters

BLOCKS = {
    "axi_splitter": AxiSplitter, "axi_reader": AxiReader, "axi_writer": AxiWriter, "axi_lite": AxiLiteRegisters,
    "host_port": HostPort, "level_sync": LevelSync,
}


@pytest.mark.parametrize("name", BLOCKS)
def test_module(bench, name):
    bench(BLOCKS[name](), name)


def test_control(bench, tiny):
    bench(AxiControl(tiny), "axi_control")


@pytest.mark.parametrize("signal, expression, message, testcase", [
    ("halt", "{} & ~bus_idle", "halt|reset", "reset_while_running"),
    ("ends_well", "{} | finished", "status|cause", "life_of_a_layer/pressure=never"),
    ("registers__write_ready", "1'h1", "configuration|waits|withdrawn|changed", "life_of_a_layer/pressure=mostly"),
    ("writes_error", "1'h0", "cleared", "ends_with"),
])
def test_broken_control(bench, tiny, signal, expression, message, testcase):
    bench.fails(AxiControl(tiny), "axi_control", f"axi_control.{signal}", expression, message, testcase=testcase)


def test_master(bench, simulator):
    bench(AxiMaster(), "axi_master", simulator)


@pytest.mark.parametrize("name, signal, expression, message, testcase", [
    ("axi_splitter", "axi_splitter.length", "left", "word .* is .*, not", "splits.*zero/idle=never/pressure=never"),
    ("axi_splitter", "axi_splitter.idle", "1'h1", "idle|is .*, not|then none|withdrawn|changed|none expected",
     "splits.*zero/idle=never/pressure=some"),
    ("axi_splitter", "axi_splitter.bursts__ready", "idle", "after the halt|idle", "halts"),
    ("axi_reader", "axi_reader.error", "1'h0", "errors", "reads/idle=never/pressure=never"),
    ("axi_reader", "axi_reader.idle", "1'h1", "idle", "reads/idle=never/pressure=never"),
    ("axi_reader", "axi_reader.r__ready", "words__ready", "not taken", "discards"),
    ("axi_writer", "axi_writer.last", "1'h0", "words", "writes/idle=never/pressure=never"),
    ("axi_writer", "axi_writer.load", "{} & ~discard", "then none", "discards"),
    ("axi_writer", "axi_writer.idle", "~w__valid", "idle before", "waits"),
    ("axi_writer", "axi_writer.words__ready", "load", "words taken", "discards.*given=(1|7)/.*never"),
    ("axi_lite", "axi_lite_port.whole", "1'h1", "writes|is .*, not", "idle=never/pressure=never/wait=never"),
    ("host_port", "host_port.ended", "done | fault", "end before|ends|then none|none expected", "runs"),
    ("level_sync", "level_sync.o", "i", "late", None),
])
def test_broken(bench, name, signal, expression, message, testcase):
    bench.fails(BLOCKS[name](), name, signal, expression, message, testcase=testcase)
