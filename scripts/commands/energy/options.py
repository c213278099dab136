"""The options of `eyeriss energy`."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.terminal.choices import Network

from . import compare as comparing
from . import fit as fitting

__all__ = ["energy"]

energy = typer.Typer(no_args_is_help=True, help="Where the chip's power goes.")

Json = Annotated[str | None, typer.Option(help="File for the results, - for standard output.")]


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
    chip: Annotated[str, typer.Option(help="As for map.")] = "eyeriss",
    energy_table: Annotated[str | None, typer.Option(help="As for map.")] = None,
    json: Json = None,
):
    """Energy of a network by the paper's mappings and by ours, for latency and for energy."""
    comparing.compare(network.value, chip=chip, energy_table=energy_table, json_target=json)
