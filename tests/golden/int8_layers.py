"""Random quantized layers, and nodes of onnxruntime that compute the same."""

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from golden.int8 import Format, LayerFormats
from golden.layer import LayerShape

__all__ = ["Int8Layer", "format_feeds", "ort_conv", "ort_run", "random_format", "saturates"]


@dataclass(frozen=True)
class Int8Layer:
    """The arguments of `golden.int8.conv_int8`; `pads` are the sides that QLinearConv pads, `shape` has none."""

    shape: LayerShape
    pads: tuple
    x: np.ndarray  # not padded
    weights: np.ndarray
    bias: np.ndarray
    formats: LayerFormats

    @property
    def ifmap(self):
        """As the layer's `shape` has it: padded."""
        top, left, bottom, right = self.pads
        return np.pad(self.x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=self.formats.ifmap.zero)

    @classmethod
    def random(cls, seed, *, most_weight=127, depth=24):
        """A layer of up to `depth` channels a group; half of all have powers of two for scales, which makes ties."""
        chance = np.random.default_rng(seed)
        G = int(chance.choice([1, 1, 1, 2, 3, 8]))
        per_group = 1 if G == 8 else int(chance.integers(1, depth + 1))
        R, S, U, V, D = (int(chance.integers(1, most + 1)) for most in (4, 4, 3, 3, 2))
        pads = tuple(int(chance.integers(0, window)) for window in (R, S, R, S))
        H, W = (max(1, D * (window - 1) + 1 - before - after) + int(chance.integers(0, 8))
                for window, before, after in zip((R, S), pads[:2], pads[2:], strict=True))
        N, M, C = int(chance.integers(1, 3)), G * int(chance.integers(1, 6)), G * per_group
        shape = LayerShape(N=N, M=M, C=C, H=H + pads[0] + pads[2], W=W + pads[1] + pads[3], R=R, S=S, U=U, V=V, G=G,
                           D=D)
        return cls.of(shape, chance, pads=pads, most_weight=most_weight)

    @classmethod
    def of(cls, shape, chance, *, pads=(0, 0, 0, 0), most_weight=127, zeros=0.0):
        """Random tensors and formats of a shape, which has the pads in it; `zeros` of the ifmap are 0 in the chip."""
        M, C, per_group, R, S = shape.M, shape.C, shape.C // shape.G, shape.R, shape.S
        top, left, bottom, right = pads
        tie = bool(chance.integers(2))
        signed = bool(chance.integers(2))
        x_format = random_format(chance, tie, signed)
        low, high = (x_format.least, x_format.most)
        x = chance.integers(low, high + 1, (shape.N, C, shape.H - top - bottom, shape.W - left - right))
        x = x.astype(x_format.dtype)
        weights = chance.integers(-most_weight - 1, most_weight + 1, shape.weights_shape).astype(np.int8)
        scales = 2.0 ** chance.integers(-9, -5, M) if tie else chance.uniform(1e-3, 2e-2, M)
        if chance.integers(2):
            scales = np.full(M, scales[0])  # per tensor
        # a sum has the deviation of C/G R S products of about 74 x 74; outputs use their range, and some saturate
        spread = 74 * 74 * np.sqrt(per_group * R * S) * float(x_format.scale) * scales[0]
        scale = spread / chance.uniform(20, 80)
        scale = 2.0 ** np.rint(np.log2(scale)) if tie else scale
        bias = chance.integers(-1 << 14, 1 << 14, M).astype(np.int32)
        ofmap = Format(np.float32(scale), int(chance.integers(low, high + 1)), signed)
        if zeros:
            x[chance.random(x.shape) < zeros] = low
        return cls(shape, pads, x, weights, bias, LayerFormats(x_format, scales.astype(np.float32), ofmap))


def random_format(chance, tie, signed):
    """A scale, a power of two if `tie`, and any zero point, which is the least integer in a third of all cases."""
    scale = 2.0 ** chance.integers(-7, -3) if tie else chance.uniform(1e-2, 1e-1)
    least = -128 if signed else 0
    zero = least if chance.integers(3) == 0 else int(chance.integers(least, least + 256))
    return Format(np.float32(scale), zero, signed)


def ort_run(node, feeds):
    """A node's one output by onnxruntime."""
    feeds = {name: np.asarray(value) for name, value in feeds.items()}
    inputs = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
              for name, value in feeds.items()]
    graph = helper.make_graph([node], "node", inputs, [onnx.ValueInfoProto(name=node.output[0])])
    model = helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def format_feeds(name, form):
    """A format as the two inputs of a node."""
    return {f"{name}_scale": form.scale, f"{name}_zero": np.array(form.zero, form.dtype)}


def ort_conv(layer):
    """The layer by QLinearConv."""
    scales = layer.formats.weight_scales
    single = bool((scales == scales[0]).all())
    feeds = {"x": layer.x, **format_feeds("x", layer.formats.ifmap), "w": layer.weights,
             "w_scale": scales[0] if single else scales,
             "w_zero": np.zeros(() if single else scales.shape, np.int8), **format_feeds("y", layer.formats.ofmap),
             "bias": layer.bias}
    shape = layer.shape
    node = helper.make_node("QLinearConv", list(feeds), ["y"], pads=layer.pads, strides=[shape.U, shape.V],
                            dilations=[shape.D, shape.D], group=shape.G)
    return ort_run(node, feeds)


def saturates():
    """Whether this machine's onnxruntime saturates pairs of uint8 x int8 products at 16 bits.

    It does on x86 processors without VNNI: results there are not the standard's, unless weights have 7 bits.
    """
    one = np.float32(1)
    x, w = np.full((1, 8, 1, 1), 255, np.uint8), np.full((1, 8, 1, 1), 127, np.int8)
    layer = Int8Layer(LayerShape.parse("M=1,C=8,H=1,W=1,R=1"), (0, 0, 0, 0), x, w, np.zeros(1, np.int32),
                      LayerFormats(Format(one), np.ones(1, np.float32), Format(np.float32(2048))))
    return int(ort_conv(layer).item()) != round(8 * 255 * 127 / 2048)


