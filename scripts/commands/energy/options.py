"""The options of `eyeriss energy` and `eyeriss export`."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.commands.shared import choose_layer
from scripts.terminal.choices import Network
from scripts.terminal.options import Batch, Chip, Energy, Json, Layer, MappingFile, Seed, Shape
from sim.tools.files import BUILD

from . import compare as comparing
from . import crossbar as crossing
from . import export as exporting
from . import figures as drawing
from . import fit as fitting

__all__ = ["energy", "export"]

energy = typer.Typer(no_args_is_help=True, help="Where the chip's power goes.")

export = typer.Typer(no_args_is_help=True, help="A layer as files for other tools.")

Pictures = Annotated[Path, typer.Option("-o", "--output", help="Directory of the pictures.",
                                        show_default="build/energy")]


@energy.command()
def fit(
    table: Annotated[Path | None, typer.Option(help="TOML file for the fitted table.")] = None,
    json: Json = None,
):
    """Fit the 65 nm table to AlexNet's measured power, and predict VGG-16's layer by layer."""
    fitting.fit_table(table_target=table, json_target=json)


@energy.command()
def compare(
    network: Annotated[Network, typer.Argument(help="alexnet or vgg16.")] = Network.alexnet,
    chip: Chip = "eyeriss",
    energy_table: Energy = None,
    json: Json = None,
):
    """Energy of a network by the paper's mappings and by ours, for latency and for energy."""
    comparing.compare(network.value, chip=chip, energy_table=energy_table, json_target=json)


@energy.command()
def figures(
    energy_table: Energy = None,
    output: Pictures = BUILD / "energy",
    json: Json = None,
):
    """Draw the power's breakdown (Fig. 16), energy by level and layer, and voltage scaling (Fig. 17)."""
    drawing.figures(energy_table=energy_table, output=output, json_target=json)


@energy.command()
def crossbar(
    crossbar: Annotated[Path | None, typer.Option(
        help="TOML: weight_bits cell_bits input_bits dac_bits dac_pj adc_pj cell_pj slice_ns.")] = None,
    output: Pictures = BUILD / "energy",
    json: Json = None,
):
    """Crossbars of 128 to 4,096 rows and columns in place of the PE array: cells used, and energy, by network."""
    crossing.crossbars(crossbar=crossbar, output=output, json_target=json)


@energy.command()
def noise(
    count: Annotated[int, typer.Option(help="Held-out digits, up to 360.")] = 360,
    output: Pictures = BUILD / "energy",
    json: Json = None,
):
    """Accuracy on the digits under Gaussian noise at the ofmaps, and with weights of fewer bits."""
    from . import noise as shaking  # here, as onnxruntime takes its time to import

    shaking.noise(count=count, output=output, json_target=json)


Zeros = Annotated[float, typer.Option(help="Fraction of zeros in the ifmaps.")]
Folder = Annotated[Path, typer.Option("-o", "--output", help="Directory.", show_default="build/export")]


@export.command()
def accelergy(
    layer: Layer = None, shape: Shape = None, batch: Batch = None, chip: Chip = "eyeriss",
    mapping: MappingFile = "auto", zeros: Zeros = 0.0,
    seed: Seed = 1,
    energy_table: Energy = None,
    planned: Annotated[bool, typer.Option("--planned", help="Counts by the cycle model: no simulation.")] = False,
    output: Folder = BUILD / "export",
):
    """Architecture, energies, areas and action counts of a layer in RTL, for Accelergy 0.4."""
    raise typer.Exit(exporting.export_accelergy(
        choose_layer(layer, shape, batch), chip=chip, mapping=mapping, zeros=zeros, seed=seed,
        energy_table=energy_table, planned=planned, simulator="verilator", output=output))


@export.command()
def timeloop(
    layer: Layer = None, shape: Shape = None, batch: Batch = None, chip: Chip = "eyeriss",
    mapping: MappingFile = "auto", zeros: Zeros = 0.0, output: Folder = BUILD / "export",
):
    """Architecture, problem, our mapping as loops, and row-stationary constraints, for Timeloop 0.4."""
    exporting.export_timeloop(choose_layer(layer, shape, batch), chip=chip, mapping=mapping, zeros=zeros,
                              output=output)
