"""AlexNet's shape in full as an ONNX file, with random weights: `python -m scripts.examples.alexnet DIR`.

Layers are those of the paper's Table I with pooling, response normalisation and the fully connected layers
around them (Krizhevsky 2012). Weights are as large as keep the activations' scale from layer to layer (He 2015);
each filter has a scale of its own, as trained ones do. What it says of a photograph means nothing; how exactly
the chip's fixed point repeats it does.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from matplotlib.cbook import get_sample_data
from onnx import helper, numpy_helper

__all__ = ["build_alexnet", "main"]

#: name -> weights' shape (M, C/G, R, S), groups, stride, padding, and what follows the ReLU
_CONVS = {
    "CONV1": ((96, 3, 11, 11), 1, 4, 0, "norm pool"),
    "CONV2": ((256, 48, 5, 5), 2, 1, 2, "norm pool"),
    "CONV3": ((384, 256, 3, 3), 1, 1, 1, ""),
    "CONV4": ((384, 192, 3, 3), 2, 1, 1, ""),
    "CONV5": ((256, 192, 3, 3), 2, 1, 1, "pool"),
}
_DENSE = {"FC6": (4096, 9216), "FC7": (4096, 4096), "FC8": (1000, 4096)}


def _weights(rng, shape):
    """Gaussian, with a scale for each filter that spreads by a factor of about 1.4."""
    scale = np.sqrt(2 / np.prod(shape[1:])) * np.exp(0.35 * rng.standard_normal(shape[0]))
    return rng.standard_normal(shape) * scale.reshape(-1, *[1] * (len(shape) - 1))


def build_alexnet(seed=1) -> onnx.ModelProto:
    """The model: `data` float32 (N, 3, 227, 227) to `logits` (N, 1000) and their `softmax`."""
    rng = np.random.default_rng(seed)
    nodes, parameters, at = [], [], "data"

    def layer(op, name, shape, **attributes):
        nonlocal at
        for suffix, values in (("w", _weights(rng, shape)), ("b", 0.05 * rng.standard_normal(shape[0]))):
            parameters.append(numpy_helper.from_array(values.astype(np.float32), f"{name}.{suffix}"))
        nodes.append(helper.make_node(op, [at, f"{name}.w", f"{name}.b"], [name], name=name, **attributes))
        at = name

    def then(op, name, **attributes):
        nonlocal at
        nodes.append(helper.make_node(op, [at], [name], name=name, **attributes))
        at = name

    for name, (shape, groups, stride, padding, rest) in _CONVS.items():
        layer("Conv", name, shape, group=groups, strides=2 * [stride], pads=4 * [padding])
        then("Relu", f"{name}.relu")
        if "norm" in rest:
            then("LRN", f"{name}.norm", size=5, alpha=1e-4, beta=0.75, bias=1.0)
        if "pool" in rest:
            then("MaxPool", f"{name}.pool", kernel_shape=[3, 3], strides=[2, 2])
    then("Flatten", "flat")
    for name, weights in _DENSE.items():
        layer("Gemm", name, weights, transB=1)
        if name != "FC8":
            then("Relu", f"{name}.relu")
    nodes[-1].output[0] = at = "logits"
    then("Softmax", "softmax", axis=1)
    sizes: dict[str, list[str | int | None]] = {
        "data": ["N", 3, 227, 227], "logits": ["N", 1000], "softmax": ["N", 1000]}
    values = {name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims) for name, dims in sizes.items()}
    graph = helper.make_graph(nodes, "alexnet", [values["data"]], [values["logits"], values["softmax"]], parameters)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


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
