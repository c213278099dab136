"""The options of `eyeriss fpga`."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.commands.one_layer import load_inputs
from scripts.commands.shared import choose_chip, choose_layer
from scripts.terminal.choices import Ofmap
from scripts.terminal.console import BadInput
from scripts.terminal.options import (
    Batch,
    Bias,
    Chip,
    Ifmap,
    Json,
    JsonFile,
    Layer,
    MappingFile,
    OfmapForm,
    Relu,
    Save,
    Seed,
    Shape,
    Shift,
    Weights,
    Zeros,
    output_option,
)
from sim.tools.files import BUILD

from . import build as building
from . import run as running

__all__ = ["fpga"]

fpga = typer.Typer(no_args_is_help=True, help="The chip on an FPGA board.")


@fpga.command()
def build(
    board: Annotated[str, typer.Option(help="ulx3s-85f.")] = "ulx3s-85f",
    chip: Chip = "eyeriss",
    rows: Annotated[int | None, typer.Option(help="Rows of PEs; the chip's by default.")] = None,
    cols: Annotated[int | None, typer.Option(help="Columns of PEs; the chip's by default.")] = None,
    mhz: Annotated[int, typer.Option(help="Clock of the chip: 25, 50, 75, 100.")] = 50,
    memory_words: Annotated[int, typer.Option(help="64-bit words of block RAM in place of DRAM.")] = 4096,
    baud: Annotated[int, typer.Option(help="Bits a second of the serial line.")] = 1_000_000,
    output: Annotated[Path, output_option("fpga")] = BUILD / "fpga",
    json: JsonFile = None,
):
    """Build a board's bitstream with Yosys and nextpnr; what it uses, and its clock by nextpnr's report."""
    raise typer.Exit(building.build_board(
        board, chip, rows=rows, columns=cols, mhz=mhz, memory_words=memory_words, baud=baud, output=output,
        json_target=json))


@fpga.command(name="run")
def fpga_run(
    port: Annotated[str, typer.Option(help="The board's serial device, such as /dev/ttyUSB0.")],
    baud: Annotated[int, typer.Option(help="Bits a second, as the board was built for.")] = 1_000_000,
    layer: Layer = None,
    shape: Shape = None,
    batch: Batch = None,
    ifmap: Ifmap = None,
    weights: Weights = None,
    bias: Bias = None,
    shift: Shift = 0,
    relu: Relu = False,
    zeros: Zeros = 0.0,
    seed: Seed = 1,
    mapping: MappingFile = "auto",
    chip: Chip = "eyeriss",
    ofmap: OfmapForm = Ofmap.auto,
    save: Save = None,
    json: Json = None,
):
    """Run one layer on a board, read its ofmap back and compare every output with the golden model."""
    if baud < 1:
        raise BadInput(f"--baud must be at least 1, not {baud!r}")
    chosen = choose_layer(layer, shape, batch)
    config = choose_chip(chip)
    inputs = load_inputs(chosen.shape, config, ifmap, weights, bias, zeros=zeros, seed=seed, shift=shift, relu=relu)
    raise typer.Exit(running.run(
        chosen, inputs, port=port, baud=baud, chip=config, mapping=mapping, ofmap=ofmap.value, save=save,
        json_target=json))
