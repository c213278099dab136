"""What options of the command line choose from."""

from enum import StrEnum

__all__ = ["Backend", "Mappings", "Network", "Objective", "Ofmap", "Part", "Pixels", "Simulator", "Top"]


class Mappings(StrEnum):
    """Where the mappings of a network come from."""

    auto = "auto"
    paper = "paper"


class Network(StrEnum):
    """The paper's networks."""

    alexnet = "alexnet"
    vgg16 = "vgg16"


class Objective(StrEnum):
    """What a mapping is searched for."""

    latency = "latency"
    energy = "energy"
    dram = "dram"


class Part(StrEnum):
    """How much of each layer is simulated."""

    all = "all"
    sample = "sample"
    tile = "tile"


class Top(StrEnum):
    """Tops that there is Verilog of."""

    chip = "chip"
    axi = "axi"


class Backend(StrEnum):
    """Who computes a network's layers."""

    model = "model"
    rtl = "rtl"
    both = "both"


class Pixels(StrEnum):
    """What a picture's pixels become: less ImageNet's mean over its deviation; 0 to 1; 0 to 255; less 127, by 128."""

    imagenet = "imagenet"
    unit = "unit"
    byte = "byte"
    lite = "lite"


class Ofmap(StrEnum):
    """How ofmaps lie in DRAM: run-length coded, as they are, or the smaller of both."""

    auto = "auto"
    coded = "coded"
    raw = "raw"


class Simulator(StrEnum):
    """Simulators that a layer can run on."""

    verilator = "verilator"
    icarus = "icarus"


class Spads(StrEnum):
    """What the register files of the ifmap and psum spads are made of in standard cells."""

    registers = "registers"
    latch = "latch"
