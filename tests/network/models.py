"""Small ONNX models, built node by node, and their execution without a chip."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from compiler.onnx.float_nodes import FloatConv
from compiler.onnx.graph import execute

__all__ = ["build", "conv", "features", "in_float", "mobilenet_block", "odd_conv", "resnet_block", "rng",
           "squeezenet"]

OPSET = [helper.make_opsetid("", 13)]


def rng(seed=1):
    return np.random.default_rng(seed)


def build(nodes, parameters, *, data=("N", 4, 9, 11), outputs=("y",), dtype=TensorProto.FLOAT):
    """A model of one input, `x`, and outputs of as many dimensions; parameters are arrays by name."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in parameters.items()]
    open_sizes = [None] * len(data)
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, open_sizes) for name in outputs]
    graph = helper.make_graph(nodes, "test", [helper.make_tensor_value_info("x", dtype, data)], made, tensors)
    return helper.make_model(graph, opset_imports=OPSET, ir_version=8)


def features(*dims, seed=2):
    return rng(seed).standard_normal(dims).astype(np.float32)


def conv(weights, *, data=("N", 4, 9, 11), bias=True, **attributes):
    """A model of one Conv, named `conv`, with weights of the given sizes."""
    parameters = {"w": _weights(rng(), weights)}
    if bias:
        parameters["b"] = features(weights[0], seed=3)
    node = helper.make_node("Conv", ["x", *parameters], ["y"], name="conv", **attributes)
    return build([node], parameters, data=data)


def odd_conv():
    """A dilated Conv with other padding on each side, and a ReLU."""
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", dilations=[2, 2], pads=[0, 1, 2, 3]),
             helper.make_node("Relu", ["c"], ["y"])]
    return build(nodes, {"w": _weights(rng(), (6, 4, 3, 3)), "b": features(6, seed=3)})


def resnet_block():
    """Two 3 x 3 layers with batch normalisation, the first of stride 2, beside a projection; added, then a ReLU."""
    block = _Block()
    left = block.unit(block.unit("x", "a", (16, 8, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1]),
                      "b", (16, 16, 3, 3), relu=False, pads=[1, 1, 1, 1])
    right = block.unit("x", "p", (16, 8, 1, 1), relu=False, strides=[2, 2])
    block.nodes += [helper.make_node("Add", [left, right], ["sum"]), helper.make_node("Relu", ["sum"], ["y"])]
    return build(block.nodes, block.parameters, data=("N", 8, 8, 8))


def mobilenet_block():
    """1 x 1 to more channels, depthwise 3 x 3 of stride 2, 1 x 1 to fewer; batch normalisation after each."""
    block = _Block()
    wide = block.unit("x", "expand", (16, 8, 1, 1))
    deep = block.unit(wide, "depthwise", (16, 1, 3, 3), group=16, strides=[2, 2], pads=[1, 1, 1, 1])
    block.unit(deep, "project", (8, 16, 1, 1), relu=False, output="y")
    return build(block.nodes, block.parameters, data=("N", 8, 8, 8))


def squeezenet():
    """A small SqueezeNet: three fire modules, whose halves are joined; pooling; a mean of each class's plane."""
    block = _Block()
    at = block.layer("x", "first", (16, 3, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 16
    for index, (narrow, wide) in enumerate(((8, 16), (8, 24), (12, 24))):
        if index != 1:
            at = block.node("MaxPool", [at], f"pool{index}", kernel_shape=[3, 3], strides=[2, 2],
                            ceil_mode=index // 2)
        squeezed = block.layer(at, f"squeeze{index}", (narrow, channels, 1, 1))
        halves = [block.layer(squeezed, f"one{index}", (wide, narrow, 1, 1)),
                  block.layer(squeezed, f"three{index}", (wide, narrow, 3, 3), pads=[1, 1, 1, 1])]
        at, channels = block.node("Concat", halves, f"fire{index}", axis=1), 2 * wide
    at = block.layer(at, "classes", (10, channels, 1, 1))
    block.node("GlobalAveragePool", [at], "mean")
    block.node("Flatten", ["mean"], "y")
    return build(block.nodes, block.parameters, data=("N", 3, 33, 31))


class _Block:
    def __init__(self):
        self.nodes, self.parameters, self._rng = [], {}, rng(4)

    def node(self, op, inputs, name, **attributes):
        """A node; its output has its name."""
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def layer(self, data, name, weights, **attributes):
        """Conv with a bias, and ReLU; the output's name."""
        self.parameters |= {f"{name}.w": _weights(self._rng, weights),
                            f"{name}.b": self._rng.normal(0, 0.1, weights[0]).astype(np.float32)}
        self.node("Conv", [data, f"{name}.w", f"{name}.b"], name, **attributes)
        return self.node("Relu", [name], f"{name}.relu")

    def unit(self, data, name, weights, *, relu=True, output=None, **attributes):
        """Conv, BatchNormalization and ReLU; the output's name."""
        M = weights[0]
        own = {f"{name}.w": _weights(self._rng, weights), f"{name}.scale": self._rng.uniform(0.5, 1.5, M),
               f"{name}.shift": self._rng.normal(0, 0.3, M), f"{name}.mean": self._rng.normal(0, 0.3, M),
               f"{name}.variance": self._rng.uniform(0.5, 2, M)}
        self.parameters |= {key: value.astype(np.float32) for key, value in own.items()}
        last = output or f"{name}.out"
        self.nodes += [
            helper.make_node("Conv", [data, f"{name}.w"], [f"{name}.conv"], name=name, **attributes),
            helper.make_node("BatchNormalization", [f"{name}.conv", *list(own)[1:]],
                             [f"{name}.norm" if relu else last])]
        if relu:
            self.nodes.append(helper.make_node("Relu", [f"{name}.norm"], [last]))
        return last


def _weights(generator, dims):
    return (generator.standard_normal(dims) / np.sqrt(np.prod(dims[1:]))).astype(np.float32)


def in_float(network, feeds):
    """Outputs of an imported network whose layers are computed in float, as `ChipLayer` describes them."""
    run = FloatConv()

    def chip(layer, x):
        sums = run(layer.ifmap(x), layer.filters(), layer.bias, layer.shape(x.shape))
        return layer.output_tensor(np.maximum(sums, 0) if layer.relu else sums, x.shape).astype(x.dtype)

    return execute(network, feeds, chip)
