"""The options of the commands for networks: `eyeriss run`, `plan`, `digits` and `imagenet`.

Their modules are imported as they are called: onnxruntime takes its time to import.
"""

from pathlib import Path
from typing import Annotated

import typer

from scripts.commands.shared import choose_recording
from scripts.terminal.choices import Backend, Objective, Ofmap, Pixels, Simulator
from scripts.terminal.options import (
    Chip,
    Energy,
    Json,
    NoPage,
    OfmapForm,
    Searched,
    Sim,
    Trace,
    Waves,
    WavesDepth,
    WavesFrom,
    WavesScope,
    WavesTo,
    WeightZeros,
    Workers,
    output_option,
)
from sim.tools.files import BUILD

__all__ = ["digits", "imagenet", "plan", "run"]


Sizes = Annotated[list[str] | None, typer.Option(
    "--shape", help="[NAME=]1x3x224x224, where the model leaves sizes open.")]


def run(
    model: Annotated[Path, typer.Argument(help="An ONNX file.")],
    input: Annotated[list[str] | None, typer.Option(
        help="[NAME=]FILE: a .npy file or a picture, for each input.")] = None,
    shape: Sizes = None,
    output: Annotated[Path | None, typer.Option(help=".npy of the output, .npz of several.")] = None,
    calibrate: Annotated[Path | None, typer.Option(
        help="Directory of .npy files or pictures, or .npz by input name; by default the input itself.")] = None,
    quantize: Annotated[Path | None, typer.Option(
        help="The same; of a float model onnxruntime's quantizer makes one of 8 bits by it, which is run.")] = None,
    backend: Annotated[Backend, typer.Option(help="numpy; RTL; or both, compared.")] = Backend.model,
    layers: Annotated[list[str] | None, typer.Option(
        help="Layers for the RTL, the model does the others: A,B.")] = None,
    chip: Chip = "eyeriss",
    objective: Searched = Objective.latency,
    ofmap: OfmapForm = Ofmap.auto,
    pixels: Annotated[Pixels, typer.Option(help="What pixels of a picture become.")] = Pixels.imagenet,
    crop: Annotated[float, typer.Option(
        help="Share of a picture's width and height that is taken, in the middle: 0.875 for many networks.")] = 1.0,
    classes: Annotated[Path | None, typer.Option(help="Text file with the classes' names, a line each.")] = None,
    energy_table: Energy = None,
    sim: Sim = Simulator.verilator,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not use layers of earlier runs.")] = False,
    waves: Waves = None,
    waves_from: WavesFrom = 0,
    waves_to: WavesTo = None,
    waves_depth: WavesDepth = 0,
    waves_scope: WavesScope = None,
    trace: Trace = None,
    json: Json = None,
    page: Annotated[Path | None, typer.Option(help="HTML page; in build/run by default.")] = None,
    no_page: NoPage = False,
):
    """Run an ONNX model in the chip's fixed point; an interrupted run in RTL resumes.

    Exit status 0, or 1 if the RTL differs from the model or does not finish, 2 for bad input.
    """
    from . import run as network_run

    recording = choose_recording(waves, waves_from, waves_to, waves_depth, waves_scope, trace)
    raise typer.Exit(network_run.run(
        model, inputs=input or [], shapes=shape or [], output=output, calibration=calibrate, quantization=quantize,
        backend=backend.value, layers=layers or None, chip=chip, objective=objective.value, ofmap=ofmap.value,
        simulator=sim.value, pixels=pixels.value, crop=crop, classes=classes, energy_table=energy_table, fresh=fresh,
        recording=recording, json_target=json, page=page, no_page=no_page))


def plan(
    model: Annotated[Path, typer.Argument(help="An ONNX file; its weights are not needed.")],
    shape: Sizes = None,
    chip: Chip = "eyeriss",
    objective: Annotated[Objective, typer.Option(help="What counts most.")] = Objective.latency,
    clock: Annotated[int | None, typer.Option(help="Core clock in MHz; the chip's by default.")] = None,
    zeros: Annotated[float, typer.Option(help="Fraction of zeros in what comes from a ReLU.")] = 0.0,
    weight_zeros: WeightZeros = 0.0,
    ofmap: OfmapForm = Ofmap.auto,
    energy_table: Energy = None,
    json: Json = None,
    page: Annotated[Path | None, typer.Option(help="HTML page; in build/plan by default.")] = None,
    no_page: NoPage = False,
):
    """Say what the chip would do with an ONNX model: mappings, cycles, traffic, energy, what binds."""
    from . import plan as network_planning

    network_planning.plan(model, shapes=shape or [], chip=chip, objective=objective.value, clock=clock, zeros=zeros,
                          weight_zeros=weight_zeros, ofmap=ofmap.value, energy_table=energy_table, json_target=json,
                          page=page, no_page=no_page)


def digits(
    count: Annotated[int, typer.Option(help="Held-out digits, up to 360.")] = 20,
    backend: Annotated[Backend, typer.Option(help="numpy; RTL; or both, compared.")] = Backend.both,
    chip: Chip = "eyeriss",
    sim: Sim = Simulator.verilator,
    output: Annotated[Path, output_option("digits", "Directory for picture, page and figures.")] = BUILD / "digits",
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not use layers of earlier runs.")] = False,
):
    """Classify held-out handwritten digits on the chip: pictures, predictions, cycles."""
    from . import digits as digits_demo

    raise typer.Exit(digits_demo.digits(count=count, backend=backend.value, chip=chip, simulator=sim.value,
                                        output=output, fresh=fresh))


def imagenet(
    photographs: Annotated[list[Path] | None, typer.Argument(
        metavar="[PHOTO]...", help="Pictures; without any, a photograph that comes with a package.")] = None,
    weights: Annotated[Path | None, typer.Option(
        help="The file of trained weights, where its package is not installed.")] = None,
    backend: Annotated[Backend, typer.Option(help="numpy; RTL; or both, compared.")] = Backend.model,
    layers: Annotated[list[str] | None, typer.Option(
        help="Layers for the RTL, the model does the others: A,B.")] = None,
    chip: Chip = "eyeriss",
    workers: Workers = "2",
    energy_table: Energy = None,
    sim: Sim = Simulator.verilator,
    output: Annotated[Path, output_option("imagenet", "Directory for pages, pictures and figures.")
                      ] = BUILD / "imagenet",
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not use layers of earlier runs.")] = False,
):
    """Say what photographs show: EfficientNet-Lite0, trained on ImageNet's 1,000 classes, on the chip.

    On a chip of 8-bit data it is the network that onnxruntime quantizes, and each value is held to onnxruntime's.
    With --backend both layers run in RTL side by side; an interrupted run resumes. Exit status as that of run.
    """
    from . import imagenet as classification

    raise typer.Exit(classification.imagenet(
        photographs or [], weights=weights, backend=backend.value, layers=layers or None, chip=chip,
        simulator=sim.value, workers=workers, energy_table=energy_table, output=output, fresh=fresh))
