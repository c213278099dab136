"""Options that several commands have: the type of each, with its words for `--help`."""

from pathlib import Path
from typing import Annotated

import typer

from compiler.energy.table import DEFAULT, TABLES
from hw.config import PRESETS
from scripts.terminal.choices import Objective, Ofmap, Simulator

__all__ = ["Batch", "Bias", "Chip", "Energy", "Ifmap", "Json", "JsonFile", "Layer", "MappingFile", "NoPage",
           "OfmapForm", "Relu", "Save", "Searched", "Seed", "Shape", "Shift", "Sim", "Trace", "Waves",
           "WavesDepth", "WavesFrom", "WavesScope", "WavesTo", "WeightZeros", "Weights", "Workers", "Zeros",
           "output_option"]

# a layer and its tensors
Layer = Annotated[str | None, typer.Option(help="A name of `eyeriss layers`.")]
Shape = Annotated[str | None, typer.Option(
    help="N=1,M=32,C=16,H=20,W=24,R=3,S=5,U=1[,V=2][,P=1][,G=1][,D=1]; H, W before padding.")]
Batch = Annotated[int | None, typer.Option(help="N.")]
Ifmap = Annotated[Path | None, typer.Option(
    help="int16 (N, C, H, W) as .npy, uint8 for a chip of 8 bits; else random.")]
Weights = Annotated[Path | None, typer.Option(
    help="int16 (M, C/G, R, S) as .npy, int8 for a chip of 8 bits; else random.")]
Bias = Annotated[Path | None, typer.Option(
    help="int16 (M,) as .npy, int32 for a chip of 8 bits; else random, 0 with --weights.")]
Shift = Annotated[int, typer.Option(help="Right shift of the 32-bit products, 0..16; none on a chip of 8 bits.")]
Relu = Annotated[bool, typer.Option(
    "--relu/--no-relu", help="ReLU on the ofmap; on a chip of 8 bits by its zero point, 0 instead of 128.")]
Zeros = Annotated[float, typer.Option(help="Fraction of zeros in random ifmaps.")]
WeightZeros = Annotated[float, typer.Option(
    help="Fraction of zeros in the weights, as of a pruned network: fewer words on a chip with coded_weights.")]
Seed = Annotated[int, typer.Option(help="Of the random tensors.")]

# the chip, how a layer is mapped to it, and who runs it
Chip = Annotated[str, typer.Option(help=f"A preset ({', '.join(PRESETS)}) or a TOML file of ChipConfig's fields.")]
MappingFile = Annotated[str, typer.Option("--mapping", help="auto, or a JSON file with m n e f p q r t.")]
Searched = Annotated[Objective, typer.Option(help="What mappings are searched for.")]
OfmapForm = Annotated[Ofmap, typer.Option(
    "--ofmap", help="Ofmaps in DRAM: run-length coded, raw, or what is smaller by the data or the stated zeros.")]
Energy = Annotated[str | None, typer.Option(
    "--energy-table", help=f"{', '.join(TABLES)} or a TOML file; @0.9 behind it for 0.9 V. {DEFAULT} reports "
    "unless given; if given, searches go by it as well.")]
Sim = Annotated[Simulator, typer.Option(help="Simulator.")]
Workers = Annotated[str, typer.Option(
    help="Simulations side by side on this machine, or the address of a Dask scheduler: tcp://HOST:PORT.")]

# what a command writes
Save = Annotated[Path | None, typer.Option(help="Directory for the tensors as .npy.")]
Json = Annotated[str | None, typer.Option(help="File for the results, - for standard output.")]
JsonFile = Annotated[Path | None, typer.Option(help="File for the results.")]
NoPage = Annotated[bool, typer.Option("--no-page", help="Write no page.")]
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


def output_option(kind, what="Directory."):
    """Where a command writes; in the checkout's build/ by default."""
    return typer.Option("-o", "--output", help=what, show_default=f"build/{kind}")
