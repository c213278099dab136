"""AlexNet's shape in full as an ONNX file, with random weights: `python -m scripts.examples.alexnet DIR`.

Layers are those of the paper's Table I with pooling, response normalisation and the fully connected layers
around them (Krizhevsky 2012). Weights are as large as keep the activations' scale from layer to layer (He 2015);
each filter has a scale of its own, as trained ones do. What it says of a photograph means nothing; how exactly
the chip's fixed point repeats it does.
"""

import sys
from pathlib import Path

import onnx
from matplotlib.cbook import get_sample_data

from .chain import Chain

__all__ = ["build_alexnet", "main"]

#: name -> weights' shape (M, C/G, R, S), groups, stride, padding, and what follows the ReLU
_CONVS = {
    "CONV1": ((96, 3, 11, 11), 1, 4, 0, "norm pool"),
    "CONV2": ((256, 48, 5, 5), 2, 1, 2, "norm pool"),
    "CONV3": ((384, 256, 3, 3), 1, 1, 1, ""),
    "CONV4": ((384, 192, 3, 3), 2, 1, 1, ""),
    "CONV5": ((256, 192, 3, 3), 2, 1, 1, "pool"),
}
_DENSE = {"FC6": (4096, 9216), "FC7": (4096, 4096), "logits": (1000, 4096)}


def build_alexnet(seed=1) -> onnx.ModelProto:
    """The model: `data` float32 (N, 3, 227, 227) to `logits` (N, 1000) and their `softmax`."""
    net = Chain("data", seed)
    for name, (shape, groups, stride, padding, rest) in _CONVS.items():
        net.layer("Conv", name, shape, group=groups, strides=2 * [stride], pads=4 * [padding])
        net.then("Relu", f"{name}.relu")
        if "norm" in rest:
            net.then("LRN", f"{name}.norm", size=5, alpha=1e-4, beta=0.75, bias=1.0)
        if "pool" in rest:
            net.then("MaxPool", f"{name}.pool", kernel_shape=[3, 3], strides=[2, 2])
    net.then("Flatten", "flat")
    for name, weights in _DENSE.items():
        net.layer("Gemm", name, weights, transB=1)
        if name != "logits":
            net.then("Relu", f"{name}.relu")
    net.then("Softmax", "softmax", axis=1)
    return net.model("alexnet", ("N", 3, 227, 227), {"logits": ("N", 1000), "softmax": ("N", 1000)})


def main():
    """Write alexnet.onnx, and photo.jpg, a photograph that matplotlib brings along."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m scripts.examples.alexnet DIR")
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    onnx.save(build_alexnet(), directory / "alexnet.onnx")
    (directory / "photo.jpg").write_bytes(get_sample_data("grace_hopper.jpg").read())
    print(f"{directory / 'alexnet.onnx'} and {directory / 'photo.jpg'}")


if __name__ == "__main__":
    main()
