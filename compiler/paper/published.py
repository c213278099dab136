"""The paper's published results: Tables III, V and VI (Chen et al., JSSC 2017).

Measured at 1 V with the core at 200 MHz and the link at 60 MHz, for batches of N = 4 (AlexNet) and N = 3
(VGG-16); times, MACs and megabytes are those of the whole batch. 1 MB is 1e6 B, 1 KB is 1024 B.
"""

__all__ = ["FIG_17", "MEASURED", "PAPER_MAPPINGS", "TABLE_III", "TABLE_III_GLB_KB"]

_COLUMNS = ("power_mW", "total_ms", "processing_ms", "macs_G", "active_pes", "zeros_pct", "glb_MB", "dram_MB")

_TABLE_V = {
    "alexnet/CONV1": (332, 20.9, 16.5, 0.42, 154, 0.01, 18.5, 5.0),
    "alexnet/CONV2": (288, 41.9, 39.2, 0.90, 135, 38.7, 77.6, 4.0),
    "alexnet/CONV3": (266, 23.6, 21.8, 0.60, 156, 72.5, 50.2, 3.0),
    "alexnet/CONV4": (235, 18.4, 16.0, 0.45, 156, 79.3, 37.4, 2.1),
    "alexnet/CONV5": (236, 10.5, 10.0, 0.30, 156, 77.6, 24.9, 1.3),
}

_TABLE_VI = {
    "vgg16/CONV1-1": (247, 76.2, 38.0, 0.26, 156, 1.6, 112.6, 15.4),
    "vgg16/CONV1-2": (218, 910.3, 810.6, 5.55, 156, 47.7, 2402.8, 54.0),
    "vgg16/CONV2-1": (242, 470.3, 405.3, 2.77, 156, 24.8, 1201.4, 33.4),
    "vgg16/CONV2-2": (231, 894.3, 810.8, 5.55, 156, 38.7, 2402.8, 48.5),
    "vgg16/CONV3-1": (254, 241.1, 204.0, 2.77, 156, 39.7, 607.4, 20.2),
    "vgg16/CONV3-2": (235, 460.9, 408.1, 5.55, 156, 58.1, 1214.8, 32.2),
    "vgg16/CONV3-3": (233, 457.7, 408.1, 5.55, 156, 58.7, 1214.8, 30.8),
    "vgg16/CONV4-1": (278, 135.8, 105.1, 2.77, 168, 64.3, 321.8, 17.8),
    "vgg16/CONV4-2": (261, 254.8, 210.0, 5.55, 168, 74.7, 643.7, 28.6),
    "vgg16/CONV4-3": (240, 246.3, 210.0, 5.55, 168, 85.4, 643.7, 22.8),
    "vgg16/CONV5-1": (258, 54.3, 48.3, 1.39, 168, 79.4, 90.0, 6.3),
    "vgg16/CONV5-2": (236, 53.7, 48.5, 1.39, 168, 87.4, 90.0, 5.7),
    "vgg16/CONV5-3": (230, 53.7, 48.5, 1.39, 168, 88.5, 90.0, 5.6),
}

#: Tables V and VI: layer name -> column -> value, with the batch size as "N".
MEASURED: dict[str, dict[str, float]] = {
    name: {"N": N, **dict(zip(_COLUMNS, row, strict=True))}
    for N, table in ((4, _TABLE_V), (3, _TABLE_VI)) for name, row in table.items()
}

#: Table III: layer name -> the chip's row-stationary mapping. Table V's GLB traffic of CONV3, 50.2 MB,
#: follows from CONV4's row and not from its own (69.2 MB), so the chip seems to have run CONV3 with that.
TABLE_III: dict[str, dict[str, int]] = {
    "alexnet/CONV1": dict(m=96, n=1, e=7, p=16, q=1, r=1, t=2),
    "alexnet/CONV2": dict(m=64, n=1, e=27, p=16, q=2, r=1, t=1),
    "alexnet/CONV3": dict(m=64, n=4, e=13, p=16, q=4, r=1, t=4),
    "alexnet/CONV4": dict(m=64, n=4, e=13, p=16, q=3, r=2, t=2),
    "alexnet/CONV5": dict(m=64, n=4, e=13, p=16, q=3, r=2, t=2),
}

#: Table III, and for CONV3 the mapping that Table V's bytes are of.
PAPER_MAPPINGS = TABLE_III | {"alexnet/CONV3": TABLE_III["alexnet/CONV4"]}

#: Fig. 17's end points, AlexNet, as the text gives them; the clocks are the ends of Table IV's range.
FIG_17: dict[str, dict[str, float]] = {
    "best_efficiency": dict(volts=0.82, core_mhz=100, gmacs_per_watt=122.8),
    "best_throughput": dict(volts=1.17, core_mhz=250, frames_per_second=45),
}

#: Table III: layer name -> KB of the GLB allocated to ifmaps and to psums.
TABLE_III_GLB_KB: dict[str, dict[str, float]] = {
    "alexnet/CONV1": dict(ifmap=15.5, psum=72.2),
    "alexnet/CONV2": dict(ifmap=3.8, psum=91.1),
    "alexnet/CONV3": dict(ifmap=7.0, psum=84.5),
    "alexnet/CONV4": dict(ifmap=10.5, psum=84.5),
    "alexnet/CONV5": dict(ifmap=10.5, psum=84.5),
}
