"""The command line: `eyeriss`."""

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from compiler.paper.layers import CATALOGUE
from flow.yosys import FlowError
from host.serial_line import BoardLost
from hw.config import VERSION
from scripts.commands.board.options import fpga
from scripts.commands.energy.options import energy, export
from scripts.commands.network.options import digits, imagenet, plan, run
from scripts.terminal.choices import Mappings, Objective, Ofmap, Part, Simulator, Spads, Top
from scripts.terminal.console import BadInput, console, layer_table
from scripts.terminal.examples import EXAMPLES
from scripts.terminal.names import on_terminal
from scripts.terminal.options import (
    Batch,
    Bias,
    Chip,
    Energy,
    Ifmap,
    Json,
    JsonFile,
    Layer,
    MappingFile,
    NoPage,
    OfmapForm,
    Relu,
    Save,
    Searched,
    Seed,
    Shape,
    Shift,
    Sim,
    Trace,
    Waves,
    WavesDepth,
    WavesFrom,
    WavesScope,
    WavesTo,
    Weights,
    WeightZeros,
    Workers,
    Zeros,
    output_option,
)
from sim.tools.files import BUILD
from sim.tools.find import SimulatorError

from .commands import asic as asic_flow
from .commands import benchmark as benchmarking
from .commands import calibrate as calibration
from .commands import compile as compilation
from .commands import generate as generation
from .commands import map as map_report
from .commands import simulate as simulation
from .commands.one_layer import load_inputs
from .commands.shared import choose_chip, choose_layer, choose_recording

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


@command("generate")
def generate(chip: Chip = "eyeriss",
             top: Annotated[Top, typer.Option(help="The chip itself, or the chip behind AXI4.")] = Top.chip,
             prefix: Annotated[str, typer.Option(
                 help="What all modules' names begin with, so that they stand beside others.")] = "",
             output: Annotated[Path, output_option("rtl")] = BUILD / "rtl"):
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
    layer: Layer = None,
    shape: Shape = None,
    batch: Batch = None,
    ifmap: Ifmap = None,
    weights: Weights = None,
    bias: Bias = None,
    shift: Shift = 0,
    relu: Relu = False,
    zeros: Zeros = 0.0,
    weight_zeros: WeightZeros = 0.0,
    seed: Seed = 1,
    mapping: MappingFile = "auto",
    chip: Chip = "eyeriss",
    ofmap: OfmapForm = Ofmap.auto,
    energy_table: Energy = None,
    sim: Sim = Simulator.verilator,
    waves: Waves = None,
    waves_from: WavesFrom = 0,
    waves_to: WavesTo = None,
    waves_depth: WavesDepth = 0,
    waves_scope: WavesScope = None,
    trace: Trace = None,
    save: Save = None,
    json: Json = None,
):
    """Run one layer in the chip's RTL and compare every output with the golden model.

    Exit status 0 if all are equal, 1 if not, 2 for bad input.
    """
    recording = choose_recording(waves, waves_from, waves_to, waves_depth, waves_scope, trace)
    chosen = choose_layer(layer, shape, batch)
    config = choose_chip(chip)
    inputs = load_inputs(chosen.shape, config, ifmap, weights, bias, zeros=zeros, weight_zeros=weight_zeros,
                         seed=seed, shift=shift, relu=relu)
    raise typer.Exit(simulation.simulate(
        chosen, inputs, chip=config, mapping=mapping, ofmap=ofmap.value, simulator=sim.value,
        energy_table=energy_table, recording=recording, save=save, json_target=json))


@command("compile")
def compile_command(
    layer: Layer = None,
    shape: Shape = None,
    batch: Batch = None,
    ifmap: Ifmap = None,
    weights: Weights = None,
    bias: Bias = None,
    shift: Shift = 0,
    relu: Relu = False,
    zeros: Zeros = 0.0,
    weight_zeros: WeightZeros = 0.0,
    seed: Seed = 1,
    mapping: MappingFile = "auto",
    chip: Chip = "eyeriss",
    ofmap: OfmapForm = Ofmap.auto,
    base: Annotated[str, typer.Option(help="Byte address of the image behind AXI, a multiple of 8.")] = "0",
    output: Annotated[Path, output_option("compiled")] = BUILD / "compiled",
):
    """Write a layer as files for a bench or driver of your own: memory, configuration, register writes, result."""
    chosen = choose_layer(layer, shape, batch)
    config = choose_chip(chip)
    inputs = load_inputs(chosen.shape, config, ifmap, weights, bias, zeros=zeros, weight_zeros=weight_zeros,
                         seed=seed, shift=shift, relu=relu)
    compilation.compile_files(chosen, inputs, output, chip=config, mapping=mapping, ofmap=ofmap.value, base=base)


@command("map")
def map_command(
    layer: Layer = None,
    shape: Shape = None,
    batch: Batch = None,
    chip: Chip = "eyeriss",
    objective: Annotated[Objective, typer.Option(help="What counts most.")] = Objective.latency,
    mapping: Annotated[str, typer.Option(help="auto, or a JSON file whose costs to report.")] = "auto",
    zeros: Annotated[float, typer.Option(help="Fraction of zeros in the ifmaps.")] = 0.0,
    ofmap_zeros: Annotated[float, typer.Option(help="Fraction of zeros in the ofmaps.")] = 0.0,
    weight_zeros: WeightZeros = 0.0,
    ofmap: OfmapForm = Ofmap.auto,
    energy_table: Energy = None,
    json: Json = None,
    picture: Annotated[Path | None, typer.Option(
        help="Picture of the mapping as Fig. 5 draws it: .png, .svg or .pdf.")] = None,
):
    """Find a layer's mapping: cycles by binding resource, traffic, energy, and why the runner-up lost."""
    map_report.map_layer(
        choose_layer(layer, shape, batch), chip=chip, objective=objective.value, mapping=mapping,
        zeros=zeros, ofmap_zeros=ofmap_zeros, weight_zeros=weight_zeros, ofmap=ofmap.value,
        energy_table=energy_table, json_target=json, picture=picture)


@command("benchmark")
def benchmark(
    network: Annotated[str, typer.Argument(help="alexnet or vgg16.")],
    batch: Annotated[int | None, typer.Option(help="N; the paper's by default.")] = None,
    layers: Annotated[str | None, typer.Option(help="Some layers only: CONV1,CONV3.")] = None,
    workers: Workers = "2",
    chip: Chip = "eyeriss",
    mappings: Annotated[Mappings, typer.Option(help="Found, or those of Table III.")] = Mappings.auto,
    objective: Searched = Objective.latency,
    ofmap: OfmapForm = Ofmap.auto,
    part: Annotated[Part, typer.Option(help="all; a block of each kind; or a tile of 2 x 2 outputs.")] = Part.all,
    shards: Annotated[int, typer.Option(help="Cut each layer into so many parts.")] = 1,
    seed: Seed = 1,
    energy_table: Energy = None,
    sim: Sim = Simulator.verilator,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not use results of earlier runs.")] = False,
    waves: Waves = None,
    waves_from: WavesFrom = 0,
    waves_to: WavesTo = None,
    waves_depth: WavesDepth = 0,
    waves_scope: WavesScope = None,
    trace: Trace = None,
    json: Json = None,
    page: Annotated[Path | None, typer.Option(help="HTML page; in build/benchmark by default.")] = None,
    no_page: NoPage = False,
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
    sim: Sim = Simulator.verilator,
    json: Annotated[str | None, typer.Option(help="File for the results.")] = None,
):
    """Hold the mapper's cycle model to the RTL on random layers."""
    raise typer.Exit(calibration.calibrate(count=count, seed=seed, chip=chip, workers=workers,
                                           simulator=sim.value, json_target=json))


@command("asic")
def asic(
    chip: Chip = "eyeriss",
    liberty: Annotated[Path | None, typer.Option(help="Cell library; OSU's 0.18 um one by default.")] = None,
    spads: Annotated[Spads, typer.Option(help="Register files of the ifmap and psum spads: flip-flops or latches.")]
        = Spads.registers,
    output: Annotated[Path, output_option("asic")] = BUILD / "asic",
    timing: Annotated[bool, typer.Option(help="Static timing of PE, networks and chip.")] = True,
    power: Annotated[bool, typer.Option(
        "--power", help="Power of PE, GINs and GLB control at the gates, under AlexNet's CONV1 and CONV5.")] = False,
    json: JsonFile = None,
):
    """Synthesise to standard cells: area of each module in NAND2 beside the paper's, static timing."""
    raise typer.Exit(asic_flow.asic(chip, liberty, output, spads=spads.value, timing=timing, power=power,
                                   json_target=json))


for name, function in (("run", run), ("plan", plan), ("digits", digits), ("imagenet", imagenet)):
    command(name)(function)


@command("demo")
def demo(sim: Sim = Simulator.verilator,
         output: Annotated[Path, output_option("demo", "Directory for the pictures.")] = BUILD / "demo"):
    """AlexNet's CONV1 of a photograph on the paper's chip, beside the published figures."""
    from .commands import photo_layer  # matplotlib is slow to import

    raise typer.Exit(photo_layer.demo(sim.value, output))


app.add_typer(fpga, name="fpga")
app.add_typer(energy, name="energy")
app.add_typer(export, name="export")


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
