"""Trains the CNN of `eyeriss digits` and writes it as ONNX: `python -m scripts.examples.train_digits [FILE.onnx]`.

Three convolutions and two fully connected layers, 23,000 weights, in a minute on one core. Seeds are fixed.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .digits_data import load_digits

__all__ = ["MODEL", "main", "to_onnx", "train"]

MODEL = Path(__file__).with_name("models") / "digits.onnx"
EPOCHS, BATCH, STEP, DECAY = 24, 64, 2e-3, 1e-4

#: name -> weights' shape; convolutions are 3 x 3 with padding, a pooling layer follows the last two
SHAPES = {"conv1": (16, 1, 3, 3), "conv2": (32, 16, 3, 3), "conv3": (32, 32, 3, 3), "fc1": (64, 128), "fc2": (10, 64)}


def _forward(parameters, x, np):
    """Logits (N, 10) of pictures (N, 1, 8, 8); `np` is numpy or autograd's."""
    for name in ("conv1", "conv2", "conv3"):
        weights, bias = parameters[name]
        N, C, H, W = x.shape
        rows = np.zeros((N, C, 1, W))
        padded = np.concatenate([rows, x, rows], axis=2)
        columns = np.zeros((N, C, H + 2, 1))
        padded = np.concatenate([columns, padded, columns], axis=3)
        x = sum(np.einsum("nchw,mc->nmhw", padded[:, :, r:r + H, s:s + W], weights[:, :, r, s])
                for r in range(3) for s in range(3)) + bias[:, None, None]
        x = np.maximum(x, 0)
        if name != "conv1":
            N, M, E, F = x.shape
            x = np.max(np.max(np.reshape(x, (N, M, E // 2, 2, F // 2, 2)), axis=5), axis=3)
    x = np.reshape(x, (x.shape[0], -1))
    x = np.maximum(np.dot(x, parameters["fc1"][0].T) + parameters["fc1"][1], 0)
    return np.dot(x, parameters["fc2"][0].T) + parameters["fc2"][1]


def _moved(images, rng):
    """Each picture moved by up to a pixel."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    places = rng.integers(0, 3, (len(images), 2))
    return np.stack([padded[i, :, y:y + 8, x:x + 8] for i, (y, x) in enumerate(places)])


def train(images, labels, *, epochs=EPOCHS, seed=1) -> dict:
    """Weights and biases by layer, from pictures (N, 1, 8, 8) and their digits, by Adam on the cross entropy."""
    import autograd.numpy as anp
    from autograd import grad
    from autograd.misc.optimizers import adam
    from autograd.scipy.special import logsumexp

    rng = np.random.default_rng(seed)
    parameters = {name: (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:])), np.zeros(shape[0]))
                  for name, shape in SHAPES.items()}
    batches = len(images) // BATCH
    order = np.concatenate([rng.permutation(len(images))[:batches * BATCH] for _ in range(epochs)]).reshape(-1, BATCH)

    def loss(parameters, step):
        chosen = order[step]
        logits = _forward(parameters, _moved(images[chosen], np.random.default_rng([seed, step])), anp)
        right = logits[np.arange(BATCH), labels[chosen]]
        weight = sum(anp.sum(weights ** 2) for weights, _ in parameters.values())
        return anp.mean(logsumexp(logits, axis=1) - right) + DECAY * weight

    def show(parameters, step, _):
        if step % batches == 0:
            print(f"\repoch {step // batches + 1} of {epochs}", end="", file=sys.stderr, flush=True)

    found = adam(grad(loss), parameters, callback=show, num_iters=len(order), step_size=STEP)
    print(file=sys.stderr)
    return found


def to_onnx(parameters) -> onnx.ModelProto:
    """The network: `image` float32 (N, 1, 8, 8) to `scores` (N, 10)."""
    nodes, at = [], "image"

    def add(op, name, *inputs, **attributes):
        nonlocal at
        nodes.append(helper.make_node(op, [at, *inputs], [name], name=name, **attributes))
        at = name

    for name in ("conv1", "conv2", "conv3"):
        add("Conv", name, f"{name}.weight", f"{name}.bias", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        add("Relu", f"{name}.relu")
        if name != "conv1":
            add("MaxPool", f"{name}.pool", kernel_shape=[2, 2], strides=[2, 2])
    add("Flatten", "flat")
    add("Gemm", "fc1", "fc1.weight", "fc1.bias", transB=1)
    add("Relu", "fc1.relu")
    add("Gemm", "fc2", "fc2.weight", "fc2.bias", transB=1)
    nodes[-1].output[0] = "scores"
    tensors = [numpy_helper.from_array(value.astype(np.float32), f"{name}.{kind}")
               for name, pair in parameters.items() for kind, value in zip(("weight", "bias"), pair, strict=True)]
    graph = helper.make_graph(
        nodes, "digits", [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["N", 10])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def main():
    """Train, write, and print how many of the held-out digits are right."""
    if len(sys.argv) > 2:
        sys.exit("usage: python -m scripts.examples.train_digits [FILE.onnx]")
    path = Path(sys.argv[1]) if len(sys.argv) == 2 else MODEL
    data = load_digits()
    parameters = train(data.train, data.train_labels)
    onnx.save(to_onnx(parameters), path)
    right = int((_forward(parameters, data.held_out, np).argmax(axis=1) == data.held_out_labels).sum())
    print(f"{path}: {right} of {len(data.held_out)} held-out digits right, in float")


if __name__ == "__main__":
    main()
