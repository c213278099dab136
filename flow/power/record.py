"""The ports of some modules of the chip, cycle by cycle, in RTL that computes a layer.

    harness.sv --> eyeriss (RTL) --> recorder: a line a cycle and module, all ports in hexadecimal

The recorder is an instance that is put into the chip's own Verilog. It begins when the chip starts: until then no
module has got a word, so a module that is reset is where the recorded one was.
"""

from dataclasses import dataclass
from pathlib import Path

from compiler.image.program import Shard
from sim.chip.layer import simulate_layer
from sim.chip.simulate import Settings
from sim.chip.verilog import chip_verilog
from sim.tools.verilate import modules

from ..ports import module_ports
from ..yosys import FlowError

__all__ = ["Place", "Ports", "Window", "record"]


@dataclass(frozen=True)
class Window:
    """Core cycles from the chip's start: activity counts from `first` on, `last` is not among them."""

    first: int
    last: int


@dataclass(frozen=True)
class Place:
    """An instance in the chip, such as `array.row_5.pe_6`, and what it is called in reports."""

    title: str
    path: str


@dataclass(frozen=True)
class Ports:
    """What was recorded of one instance.

    Attributes
    ----------
    module : str
    ports : list of (str, str, int)
        (name, "input" or "output", width) of all but `clk` and `rst`, most significant first.
    file : Path
        A line for each cycle from the chip's start on.
    window : Window
    """

    module: str
    ports: list
    file: Path
    window: Window


def record(shape, mapping, chip, tensors, places, window, directory, name, *, shift, relu, block=0, filters=None,
           simulator="verilator", progress=None):
    """Compute one block of a layer in RTL, compare its outputs with golden, and record.

    Parameters
    ----------
    places : list of Place
    window : Window
    directory : Path
        For the recorder, the same for each layer, so that layers share the simulator's build.
    name : str
        What the recordings in it are called.
    shift, relu : as in `simulate_layer`.
    block : int
        Of the mapping's blocks, of group 0.
    filters : int, optional
        All by default.
    simulator : str
    progress : callable, optional
        As in `simulate_layer`.

    Returns
    -------
    dict of str to Ports
        By the places' titles.

    Raises
    ------
    FlowError
        The block is over before the window is, or its outputs are wrong.
    SimulatorError
    """
    directory = Path(directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    verilog = chip_verilog(chip)
    found = modules(verilog)
    recorded = {}
    for index, place in enumerate(places):
        module = verilog[0].stem
        for instance in place.path.split("."):
            module = found[module].instances[instance]
        file = next(file for file in verilog if file.stem == module)
        ports = [port for port in module_ports(file) if port[0] not in ("clk", "rst")]
        recorded[place.title] = Ports(module, ports, directory / f"{name}-{index}.hex", window)
    files = [directory / f"recorded-{index}.hex" for index in range(len(places))]
    sources = _with_recorder(verilog, places, recorded, files, window, directory)
    result = simulate_layer(
        shape, mapping, chip, tensors, Settings(simulator=simulator, optimize=False, train=False), shift=shift,
        relu=relu, shards=[Shard(0, filters=filters, first_block=block, blocks=1)], verilog=sources,
        progress=progress)
    if not result.match:
        raise FlowError(f"the chip's outputs must be golden's, they are not: {result.verdict('block')}")
    for file, ports in zip(files, recorded.values(), strict=True):
        file.rename(ports.file)
        with ports.file.open() as lines:
            cycles = sum(1 for _ in lines)
        if cycles < window.last:
            raise FlowError(f"the window must end before the block does, at cycle {cycles}, not at {window.last}")
    return recorded


def _with_recorder(verilog, places, recorded, files, window, directory):
    """The chip's files, the top's with a recorder in it."""
    taps = [", ".join(f"{place.path}.{port}" for port, _, _ in recorded[place.title].ports) for place in places]
    widths = [sum(width for _, _, width in recorded[place.title].ports) for place in places]
    inputs = "".join(f", input [{width - 1}:0] tap_{index}" for index, width in enumerate(widths))
    opened = "".join(f'    file_{index} = $fopen("{file}", "w");\n' for index, file in enumerate(files))
    written = "".join(f'      $fwrite(file_{index}, "%h\\n", tap_{index});\n' for index in range(len(places)))
    closed = "".join(f"      $fclose(file_{index});\n" for index in range(len(places)))
    (directory / "recorder.sv").write_text(
        f"module recorder(input clk, input start{inputs});\n"
        f"  integer cycle = 0, {', '.join(f'file_{index}' for index in range(len(places)))};\n  reg on = 0;\n"
        f"  initial begin\n{opened}  end\n"
        f"  always @(posedge clk) begin\n    if (start) on <= 1;\n"
        f"    if ((on || start) && cycle <= {window.last}) begin\n      cycle <= cycle + 1;\n"
        f"      if (cycle == {window.last}) begin\n{closed}      end else begin\n{written}      end\n"
        "    end\n  end\nendmodule\n")
    connected = "".join(f", .tap_{index}({{{tap}}})" for index, tap in enumerate(taps))
    text, end, rest = verilog[0].read_text().rpartition("endmodule")
    top = directory / verilog[0].name
    top.write_text(f"{text}  recorder u_recorder(.clk(clk), .start(start){connected});\n{end}{rest}")
    return [top, directory / "recorder.sv", *verilog[1:]]
