"""The command line: `eyeriss`."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from compiler.energy.table import DEFAULT, TABLES
from compiler.paper.layers import CATALOGUE
from flow.yosys import FlowError
from host.serial_line import BoardLost
from hw.config import PRESETS, VERSION
from scripts.commands.board import build as fpga_build
from scripts.commands.board import run as board_run
from scripts.commands.energy.options import energy, export
from scripts.terminal.choices import Backend, Mappings, Objective, Ofmap, Part, Pixels, Simulator, Top
from scripts.terminal.console import BadInput, console, layer_table
from scripts.terminal.examples import EXAMPLES
from scripts.terminal.names import on_terminal
from sim.tools.files import BUILD
from sim.tools.find import SimulatorError

from .commands import asic as asic_flow
from .commands import benchmark as benchmarking
from .commands import calibrate as calibration
from .commands import compile as compilation
from .commands import generate as generation
from .commands import map as map_report
from .commands import simulate as simulation
from .commands.shared import choose_layer, choose_recording, load_tensors

__all__ = ["app", "main"]

INTERRUPTED = 130  # the exit status after Ctrl-C, by custom; Typer returns it as well

# The base of all that is wrong with options and commands: from the click that Typer brings along, if it does.
UsageError = typer.BadParameter.__base__


def _examples(name):
    """Lines below a command's options; Typer joins lines that no empty one parts."""
    return "\n\n".join(("Examples:", *EXAMPLES[name]))


def command(name):
    """A command with its examples."""
    return app.command(name, epilog=_examples(name))


def _output(kind, what="Directory."):
    """Where a command writes; in the checkout's build/ by default."""
    return typer.Option("-o", "--output", help=what, show_default=f"build/{kind}")


def _version(asked):
    if asked:
        print(f"eyeriss {VERSION}")
        raise typer.Exit


app = typer.Typer(add_completion=False, no_args_is_help=True, epilog=_examples(""),
                  help="Eyeriss as a generator: the row-stationary CNN accelerator in RTL.")


@app.callback()
def options(version: Annotated[bool, typer.Option(
        "--version", callback=_version, is_eager=True, help="Print the version and stop.")] = False):
    """Options of no command."""

Chip = Annotated[str, typer.Option(help=f"A preset ({', '.join(PRESETS)}) or a TOML file of ChipConfig's fields.")]

OfmapForm = Annotated[Ofmap, typer.Option(
    "--ofmap", help="Ofmaps in DRAM: run-length coded, raw, or what is smaller by the data or the stated zeros.")]

Energy = Annotated[str | None, typer.Option(
    "--energy-table", help=f"{', '.join(TABLES)} or a TOML file; @0.9 behind it for 0.9 V. {DEFAULT} reports "
    "unless given; if given, searches go by it as well.")]

Workers = Annotated[str, typer.Option(
    help="Simulations side by side on this machine, or the address of a Dask scheduler: tcp://HOST:PORT.")]

Waves = Annotated[Path | None, typer.Option(
    help="FST file for a waveform, with a file for GTKWave beside it; several simulations write several files.")]
WavesFrom = Annotated[int, typer.Option(help="First core cycle of the waveform, from the simulation's beginning.")]
WavesTo = Annotated[int | None, typer.Option(help="Core cycle at which the waveform ends.")]
WavesDepth = Annotated[int, typer.Option(help="Levels of instances in each scope of the waveform; 0: all.")]
WavesScope = Annotated[list[str] | None, typer.Option(
    help="An instance in the chip, such as array.row_3.pe_2, several times if need be; by default all but the array, "
         "and one PE.")]
Trace = Annotated[Path | None, typer.Option(
    help="Timeline of passes, bursts and stalls for Perfetto (.json), with a picture (.png) beside it.")]


@command("generate")
def generate(chip: Chip = "eyeriss",
             top: Annotated[Top, typer.Option(help="The chip itself, or the chip behind AXI4.")] = Top.chip,
             prefix: Annotated[str, typer.Option(
                 help="What all modules' names begin with, so that they stand beside others.")] = "",
             output: Annotated[Path, _output("rtl")] = BUILD / "rtl"):
    """Write the chip's Verilog, one module a file, and a JSON of its ports, fields and counters.

    With --top axi also the register map as a Markdown page and a C header, a FuseSoC core file, an IP-XACT component.
    """
    generation.generate(chip, output, top.value, prefix)


@app.command()
def layers():
    """List the layers that are known by name."""
    console().print(layer_table(CATALOGUE))


@command("simulate")
def simulate(
    layer: Annotated[str | None, typer.Option(help="A name of `eyeriss layers`.")] = None,
    shape: Annotated[str | None, typer.Option(
        help="N=1,M=32,C=16,H=20,W=24,R=3,S=5,U=1[,V=2][,P=1][,G=1][,D=1]; H, W before padding.")] = None,
    batch: Annotated[int | None, typer.Option(help="N.")] = None,
    ifmap: Annotated[Path | None, typer.Option(help="int16 (N, C, H, W) as .npy; else random.")] = None,
    weights: Annotated[Path | None, typer.Option(help="int16 (M, C/G, R, S) as .npy; else random.")] = None,
    bias: Annotated[Path | None, typer.Option(help="int16 (M,) as .npy; else random, 0 with --weights.")] = None,
    shift: Annotated[int, typer.Option(help="Right shift of the 32-bit products, 0..16.")] = 0,
    relu: Annotated[bool, typer.Option("--relu/--no-relu", help="ReLU on the ofmap.")] = False,
    zeros: Annotated[float, typer.Option(help="Fraction of zeros in random ifmaps.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the random tensors.")] = 1,
    mapping: Annotated[str, typer.Option(help="auto, or a JSON file with m n e f p q r t.")] = "auto",
    chip: Chip = "eyeriss",
    ofmap: OfmapForm = Ofmap.auto,
    energy_table: Energy = None,
    sim: Annotated[Simulator, typer.Option(help="Simulator.")] = Simulator.verilator,
    waves: Waves = None,
    waves_from: WavesFrom = 0,
    waves_to: WavesTo = None,
    waves_depth: WavesDepth = 0,
    waves_scope: WavesScope = None,
    trace: Trace = None,
    save: Annotated[Path | None, typer.Option(help="Directory for the tensors as .npy.")] = None,
    json: Annotated[str | None, typer.Option(help="File for the results, - for standard output.")] = None,
):
    """Run one layer in the chip's RTL and compare every output with the golden model.

    Exit status 0 if all are equal, 1 if not, 2 for bad input.
    """
    recording = choose_recording(waves, waves_from, waves_to, waves_depth, waves_scope, trace)
    chosen = choose_layer(layer, shape, batch)
    tensors = load_tensors(chosen.shape, ifmap, weights, bias, zeros=zeros, seed=seed, shift=shift, chip=chip)
    raise typer.Exit(simulation.simulate(
        chosen, tensors, chip=chip, mapping=mapping, shift=shift, relu=relu, ofmap=ofmap.value, simulator=sim.value,
        energy_table=energy_table, recording=recording, save=save, json_target=json))


@command("compile")
def compile_command(
    layer: Annotated[str | None, typer.Option(help="A name of `eyeriss layers`.")] = None,
    shape: Annotated[str | None, typer.Option(help="As for simulate.")] = None,
    batch: Annotated[int | None, typer.Option(help="N.")] = None,
    ifmap: Annotated[Path | None, typer.Option(help="int16 (N, C, H, W) as .npy; else random.")] = None,
    weights: Annotated[Path | None, typer.Option(help="int16 (M, C/G, R, S) as .npy; else random.")] = None,
    bias: Annotated[Path | None, typer.Option(help="int16 (M,) as .npy; else random, 0 with --weights.")] = None,
    shift: Annotated[int, typer.Option(help="Right shift of the 32-bit products, 0..16.")] = 0,
    relu: Annotated[bool, typer.Option("--relu/--no-relu", help="ReLU on the ofmap.")] = False,
    zeros: Annotated[float, typer.Option(help="Fraction of zeros in random ifmaps.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the random tensors.")] = 1,
    mapping: Annotated[str, typer.Option(help="auto, or a JSON file with m n e f p q r t.")] = "auto",
    chip: Chip = "eyeriss",
    ofmap: OfmapForm = Ofmap.auto,
    base: Annotated[str, typer.Option(help="Byte address of the image behind AXI, a multiple of 8.")] = "0",
    output: Annotated[Path, _output("compiled")] = BUILD / "compiled",
):
    """Write a layer as files for a bench or driver of your own: memory, configuration, register writes, result."""
    chosen = choose_layer(layer, shape, batch)
    tensors = load_tensors(chosen.shape, ifmap, weights, bias, zeros=zeros, seed=seed, shift=shift, chip=chip)
    compilation.compile_files(chosen, tensors, output, chip=chip, mapping=mapping, shift=shift, relu=relu,
                              ofmap=ofmap.value, base=base)


@command("map")
def map_command(
    layer: Annotated[str | None, typer.Option(help="A name of `eyeriss layers`.")] = None,
    shape: Annotated[str | None, typer.Option(help="As for simulate.")] = None,
    batch: Annotated[int | None, typer.Option(help="N.")] = None,
    chip: Chip = "eyeriss",
    objective: Annotated[Objective, typer.Option(help="What counts most.")] = Objective.latency,
    mapping: Annotated[str, typer.Option(help="auto, or a JSON file whose costs to report.")] = "auto",
    zeros: Annotated[float, typer.Option(help="Fraction of zeros in the ifmaps.")] = 0.0,
    ofmap_zeros: Annotated[float, typer.Option(help="Fraction of zeros in the ofmaps.")] = 0.0,
    ofmap: OfmapForm = Ofmap.auto,
    energy_table: Energy = None,
    json: Annotated[str | None, typer.Option(help="File for the results, - for standard output.")] = None,
    picture: Annotated[Path | None, typer.Option(
        help="Picture of the mapping as Fig. 5 draws it: .png, .svg or .pdf.")] = None,
):
    """Find a layer's mapping: cycles by binding resource, traffic, energy, and why the runner-up lost."""
    map_report.map_layer(
        choose_layer(layer, shape, batch), chip=chip, objective=objective.value, mapping=mapping,
        zeros=zeros, ofmap_zeros=ofmap_zeros, ofmap=ofmap.value, energy_table=energy_table, json_target=json,
        picture=picture)


@command("benchmark")
def benchmark(
    network: Annotated[str, typer.Argument(help="alexnet or vgg16.")],
    batch: Annotated[int | None, typer.Option(help="N; the paper's by default.")] = None,
    layers: Annotated[str | None, typer.Option(help="Some layers only: CONV1,CONV3.")] = None,
    workers: Workers = "2",
    chip: Chip = "eyeriss",
    mappings: Annotated[Mappings, typer.Option(help="Found, or those of Table III.")] = Mappings.auto,
    objective: Annotated[Objective, typer.Option(help="What mappings are searched for.")] = Objective.latency,
    ofmap: OfmapForm = Ofmap.auto,
    part: Annotated[Part, typer.Option(help="all; a block of each kind; or a tile of 2 x 2 outputs.")] = Part.all,
    shards: Annotated[int, typer.Option(help="Cut each layer into so many parts.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the random tensors.")] = 1,
    energy_table: Energy = None,
    sim: Annotated[Simulator, typer.Option(help="Simulator.")] = Simulator.verilator,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not use results of earlier runs.")] = False,
    waves: Waves = None,
    waves_from: WavesFrom = 0,
    waves_to: WavesTo = None,
    waves_depth: WavesDepth = 0,
    waves_scope: WavesScope = None,
    trace: Trace = None,
    json: Annotated[str | None, typer.Option(help="File for the results, - for standard output.")] = None,
    page: Annotated[Path | None, typer.Option(help="HTML page; in build/benchmark by default.")] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Write no page.")] = False,
):
    """Run a network's CONV layers in RTL, at the paper's zeros, beside Table V or VI; resumes if interrupted."""
    recording = choose_recording(waves, waves_from, waves_to, waves_depth, waves_scope, trace)
    raise typer.Exit(benchmarking.benchmark(
        network, batch=batch, chosen=layers.split(",") if layers else None, workers=workers, chip=chip,
        mappings=mappings.value,
        objective=objective.value, part=part.value, ofmap=ofmap.value, shards=shards, seed=seed, simulator=sim.value,
        energy_table=energy_table, fresh=fresh, recording=recording, json_target=json, page=page, no_page=no_page))


@command("calibrate")
def calibrate(
    count: Annotated[int, typer.Option(help="Random layers.")] = 20,
    seed: Annotated[int, typer.Option(help="Of layers and tensors.")] = 1,
    chip: Chip = "eyeriss",
    workers: Workers = "2",
    sim: Annotated[Simulator, typer.Option(help="Simulator.")] = Simulator.verilator,
    json: Annotated[str | None, typer.Option(help="File for the results.")] = None,
):
    """Hold the mapper's cycle model to the RTL on random layers."""
    raise typer.Exit(calibration.calibrate(count=count, seed=seed, chip=chip, workers=workers,
                                           simulator=sim.value, json_target=json))


@command("asic")
def asic(
    chip: Chip = "eyeriss",
    liberty: Annotated[Path | None, typer.Option(help="Cell library; OSU's 0.18 um one by default.")] = None,
    output: Annotated[Path, _output("asic")] = BUILD / "asic",
    timing: Annotated[bool, typer.Option(help="Static timing of PE, networks and chip.")] = True,
    json: Annotated[Path | None, typer.Option(help="File for the results.")] = None,
):
    """Synthesise to standard cells: area of each module in NAND2 beside the paper's, static timing."""
    raise typer.Exit(asic_flow.asic(chip, liberty, output, timing=timing, json_target=json))


@command("run")
def run(
    model: Annotated[Path, typer.Argument(help="An ONNX file.")],
    input: Annotated[list[str] | None, typer.Option(
        help="[NAME=]FILE: a .npy file or a picture, for each input.")] = None,
    output: Annotated[Path | None, typer.Option(help=".npy of the output, .npz of several.")] = None,
    calibrate: Annotated[Path | None, typer.Option(
        help="Directory of .npy files or pictures, or .npz by input name; by default the input itself.")] = None,
    backend: Annotated[Backend, typer.Option(help="numpy; RTL; or both, compared.")] = Backend.model,
    layers: Annotated[list[str] | None, typer.Option(
        help="Layers for the RTL, the model does the others: A,B.")] = None,
    chip: Chip = "eyeriss",
    objective: Annotated[Objective, typer.Option(help="What mappings are searched for.")] = Objective.latency,
    ofmap: OfmapForm = Ofmap.auto,
    pixels: Annotated[Pixels, typer.Option(help="What pixels of a picture become.")] = Pixels.imagenet,
    energy_table: Energy = None,
    sim: Annotated[Simulator, typer.Option(help="Simulator.")] = Simulator.verilator,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not use layers of earlier runs.")] = False,
    waves: Waves = None,
    waves_from: WavesFrom = 0,
    waves_to: WavesTo = None,
    waves_depth: WavesDepth = 0,
    waves_scope: WavesScope = None,
    trace: Trace = None,
    json: Annotated[str | None, typer.Option(help="File for the results, - for standard output.")] = None,
    page: Annotated[Path | None, typer.Option(help="HTML page; in build/run by default.")] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Write no page.")] = False,
):
    """Run an ONNX model in the chip's fixed point; an interrupted run in RTL resumes.

    Exit status 0, or 1 if the RTL differs from the model or does not finish, 2 for bad input.
    """
    from scripts.commands.network import run as network_run  # here, as onnxruntime takes its time to import

    recording = choose_recording(waves, waves_from, waves_to, waves_depth, waves_scope, trace)
    raise typer.Exit(network_run.run(
        model, inputs=input or [], output=output, calibration=calibrate, backend=backend.value,
        layers=layers or None, chip=chip, objective=objective.value, ofmap=ofmap.value, simulator=sim.value,
        pixels=pixels.value, energy_table=energy_table, fresh=fresh, recording=recording, json_target=json, page=page,
        no_page=no_page))


@command("plan")
def plan(
    model: Annotated[Path, typer.Argument(help="An ONNX file; its weights are not needed.")],
    shape: Annotated[list[str] | None, typer.Option(
        help="[NAME=]1x3x224x224, where the model leaves sizes open.")] = None,
    chip: Chip = "eyeriss",
    objective: Annotated[Objective, typer.Option(help="What counts most.")] = Objective.latency,
    clock: Annotated[int | None, typer.Option(help="Core clock in MHz; the chip's by default.")] = None,
    zeros: Annotated[float, typer.Option(help="Fraction of zeros in what comes from a ReLU.")] = 0.0,
    ofmap: OfmapForm = Ofmap.auto,
    energy_table: Energy = None,
    json: Annotated[str | None, typer.Option(help="File for the results, - for standard output.")] = None,
    page: Annotated[Path | None, typer.Option(help="HTML page; in build/plan by default.")] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Write no page.")] = False,
):
    """Say what the chip would do with an ONNX model: mappings, cycles, traffic, energy, what binds."""
    from scripts.commands.network import plan as network_planning

    network_planning.plan(model, shapes=shape or [], chip=chip, objective=objective.value, clock=clock, zeros=zeros,
                          ofmap=ofmap.value, energy_table=energy_table, json_target=json, page=page, no_page=no_page)


@command("digits")
def digits(
    count: Annotated[int, typer.Option(help="Held-out digits, up to 360.")] = 20,
    backend: Annotated[Backend, typer.Option(help="numpy; RTL; or both, compared.")] = Backend.both,
    chip: Chip = "eyeriss",
    sim: Annotated[Simulator, typer.Option(help="Simulator.")] = Simulator.verilator,
    output: Annotated[Path, _output("digits", "Directory for picture, page and figures.")] = BUILD / "digits",
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not use layers of earlier runs.")] = False,
):
    """Classify held-out handwritten digits on the chip: pictures, predictions, cycles."""
    from scripts.commands.network import digits as digits_demo

    raise typer.Exit(digits_demo.digits(count=count, backend=backend.value, chip=chip, simulator=sim.value,
                                        output=output, fresh=fresh))


@command("demo")
def demo(sim: Annotated[Simulator, typer.Option(help="Simulator.")] = Simulator.verilator,
         output: Annotated[Path, _output("demo", "Directory for the pictures.")] = BUILD / "demo"):
    """AlexNet's CONV1 of a photograph on the paper's chip, beside the published figures."""
    from .commands import photo_layer  # matplotlib is slow to import

    raise typer.Exit(photo_layer.demo(sim.value, output))


fpga = typer.Typer(no_args_is_help=True, help="The chip on an FPGA board.")
app.add_typer(fpga, name="fpga")
app.add_typer(energy, name="energy")
app.add_typer(export, name="export")


@fpga.command()
def build(
    board: Annotated[str, typer.Option(help="ulx3s-85f.")] = "ulx3s-85f",
    chip: Chip = "eyeriss",
    rows: Annotated[int | None, typer.Option(help="Rows of PEs; the chip's by default.")] = None,
    cols: Annotated[int | None, typer.Option(help="Columns of PEs; the chip's by default.")] = None,
    mhz: Annotated[int, typer.Option(help="Clock of the chip: 25, 50, 75, 100.")] = 50,
    memory_words: Annotated[int, typer.Option(help="64-bit words of block RAM in place of DRAM.")] = 4096,
    baud: Annotated[int, typer.Option(help="Bits a second of the serial line.")] = 1_000_000,
    output: Annotated[Path, _output("fpga")] = BUILD / "fpga",
    json: Annotated[Path | None, typer.Option(help="File for the results.")] = None,
):
    """Build a board's bitstream with Yosys and nextpnr; what it uses, and its clock by nextpnr's report."""
    raise typer.Exit(fpga_build.build_board(
        board, chip, rows=rows, columns=cols, mhz=mhz, memory_words=memory_words, baud=baud, output=output,
        json_target=json))


@fpga.command(name="run")
def fpga_run(
    port: Annotated[str, typer.Option(help="The board's serial device, such as /dev/ttyUSB0.")],
    baud: Annotated[int, typer.Option(help="Bits a second, as the board was built for.")] = 1_000_000,
    layer: Annotated[str | None, typer.Option(help="A name of `eyeriss layers`.")] = None,
    shape: Annotated[str | None, typer.Option(help="As for simulate.")] = None,
    batch: Annotated[int | None, typer.Option(help="N.")] = None,
    ifmap: Annotated[Path | None, typer.Option(help="int16 (N, C, H, W) as .npy; else random.")] = None,
    weights: Annotated[Path | None, typer.Option(help="int16 (M, C/G, R, S) as .npy; else random.")] = None,
    bias: Annotated[Path | None, typer.Option(help="int16 (M,) as .npy; else random, 0 with --weights.")] = None,
    shift: Annotated[int, typer.Option(help="Right shift of the 32-bit products, 0..16.")] = 0,
    relu: Annotated[bool, typer.Option("--relu/--no-relu", help="ReLU on the ofmap.")] = False,
    zeros: Annotated[float, typer.Option(help="Fraction of zeros in random ifmaps.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the random tensors.")] = 1,
    mapping: Annotated[str, typer.Option(help="auto, or a JSON file with m n e f p q r t.")] = "auto",
    chip: Chip = "eyeriss",
    ofmap: OfmapForm = Ofmap.auto,
    save: Annotated[Path | None, typer.Option(help="Directory for the tensors as .npy.")] = None,
    json: Annotated[str | None, typer.Option(help="File for the results, - for standard output.")] = None,
):
    """Run one layer on a board, read its ofmap back and compare every output with the golden model."""
    if baud < 1:
        raise BadInput(f"--baud must be at least 1, not {baud!r}")
    chosen = choose_layer(layer, shape, batch)
    tensors = load_tensors(chosen.shape, ifmap, weights, bias, zeros=zeros, seed=seed, shift=shift, chip=chip)
    raise typer.Exit(board_run.run(
        chosen, tensors, port=port, baud=baud, chip=chip, mapping=mapping, shift=shift, relu=relu, ofmap=ofmap.value,
        save=save, json_target=json))


def main():
    """Run the command line; bad input is one line on standard error and exit status 2."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what is at work cleans up after itself
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # who read standard output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (BadInput, UsageError) as error:
        message = error.format_message() if isinstance(error, UsageError) else str(error)
        print("eyeriss: " + on_terminal(" ".join(message.split())), file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # the disk is full, a folder has gone
        print(f"eyeriss: {on_terminal(error)}", file=sys.stderr)
        sys.exit(1)
    except (SimulatorError, FlowError, BoardLost) as error:
        print(f"eyeriss: {error}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:
        print("eyeriss: interrupted", file=sys.stderr)
    sys.exit(status or 0)


if __name__ == "__main__":
    main()
