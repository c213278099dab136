"""Random small ONNX graphs of all operators that the importer knows, written as unlike exporters write them.

`Graph(seed)` draws a graph; `model()` writes it in its own operator set and style, `plain()` the same in a plain one
that onnxruntime runs as it is. Sizes coincide on purpose: an axis that is mistaken for another still fits.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["Graph"]

PLAIN = 13
OPSETS = (6, 7, 9, 11, 13, 17, 21, onnx.defs.onnx_opset_version())
SIZES = (4, 4, 4, 4, 5, 3)
NAMES = ("", "", "n", "n", "c", "c#2", "t1", "t2", "a,b", "x=y", "block[/a]/conv", "a b", "größe", "$w_1$", "2")
TENSORS = ("t{}", "t#{}", "{}", "out[/{}]", "a b {}", "c{}", "n,{}")
FLOAT = np.float32


class Graph:
    """A graph, drawn from a seed: the draws do not depend on how it is written."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)
        self.opset = int(self._rng.choice(OPSETS))
        rank = self._rng.choice([2, 3, 3, 4, 4, 4])
        self.dims = tuple(int(size) for size in self._rng.choice(SIZES, rank))
        if rank == 4:
            self.dims = (*self.dims[:2], *(size + 3 * int(self._rng.integers(2)) for size in self.dims[2:]))
        self.open = self._rng.choice(["fixed", "open", "-1"])
        self.x = self._rng.standard_normal(self.dims).astype(FLOAT)
        self._steps = []  # (operator, inputs, outputs, attributes), constants by name beside them
        self._constants = {}  # name: (value, how it is made)
        self._values = {"x": self.dims}
        self._last = "x"
        self._count = 0
        for _ in range(int(self._rng.integers(2, 9))):
            self._grow()
        made = [name for name in self._values if name != "x"]
        ends = [name for name in made if not any(name in step[1] for step in self._steps)] or made[-1:]
        more = [str(name) for name in self._rng.permutation([*made, "x"])[:int(self._rng.integers(3))]]
        self.outputs = list(dict.fromkeys([*ends, *more])) or ["x"]
        self._names = [str(self._rng.choice(NAMES)) for _ in range(200)]

    # -- drawing ------------------------------------------------------------------------------------

    def _pick(self, *choices):
        return choices[int(self._rng.integers(len(choices)))]

    def _new(self):
        self._count += 1
        return self._pick(*TENSORS).format(self._count)

    def _constant(self, value, style=None):
        name = self._new() + "w"
        value = np.asarray(value)
        value = value.astype(FLOAT) if value.dtype.kind == "f" else value
        self._constants[name] = value, style or self._pick(
            "initializer", "initializer", "node", "identity", "identities", "shape", "sparse")
        return name

    def _weights(self, *dims):
        return self._constant(self._rng.standard_normal(dims) / np.sqrt(max(1, np.prod(dims[1:]))))

    def _per(self, size, least=None):
        values = self._rng.standard_normal(size)
        return self._constant(values if least is None else least + np.abs(values))

    def _add(self, operator, inputs, dims, **attributes):
        name = self._new()
        self._steps.append((operator, inputs, [name], attributes))
        self._values[name] = tuple(int(size) for size in dims)
        self._last = name
        return name

    def _grow(self):
        # Mostly from what came last, so that chains form that fold.
        x = self._last if self._rng.random() < 0.8 else str(self._rng.choice(list(self._values)))
        dims = self._values[x]
        rank = len(dims)
        rules = [self._simple, self._reshape, self._transpose, self._join, self._sequence, self._relu, self._clip,
                 self._norm, self._scale, self._scale]
        rules += [self._matmul] * 3
        rules += {2: [self._gemm] * 5, 3: [self._conv] * 4 + [self._pad], 4: [self._conv] * 6 + [self._pad] * 2 + [
            self._pool]}.get(rank, [])
        if x == self._last and self._steps and self._steps[-1][0] in ("Conv", "Gemm", "MatMul"):
            rules = [self._norm, self._norm, self._relu, self._clip, self._scale, self._scale, *rules[:6]]  # may fold
        if self._rng.random() < 0.04:
            rules = [self._nothing]
        if 0 in dims:
            rules = [self._relu, self._matmul, self._scale] + [self._gemm] * (rank == 2)
        self._pick(*rules)(x, dims)

    def _conv(self, x, dims):
        C, axes = dims[1], len(dims) - 2
        groups = self._pick(1, 1, 1, C, 2 if C % 2 == 0 else 1)
        M = groups * self._pick(1, 1, 2) if groups > 1 else int(self._rng.choice(SIZES))
        kernel = [int(min(self._pick(1, 2, 3, 3), size)) for size in dims[2:]]
        strides = [self._pick(1, 1, 2) for _ in kernel]
        dilations = [self._pick(1, 1, 2) if 2 * (k - 1) < size else 1
                     for k, size in zip(kernel, dims[2:], strict=True)]
        pads = [self._pick(0, 0, 1, 2) for _ in range(2 * axes)]
        attributes = {"strides": strides, "group": groups}
        auto = self._pick(None, None, None, "SAME_UPPER", "SAME_LOWER", "VALID")
        if auto is None:
            attributes |= {"pads": pads, "dilations": dilations}
        else:
            attributes["auto_pad"], dilations = auto, [1] * axes
            pads = [0] * 2 * axes
        made = [(size + a + b - d * (k - 1) - 1) // s + 1 if auto in (None, "VALID") else -(-size // s)
                for size, a, b, d, k, s in zip(dims[2:], pads, pads[axes:], dilations, kernel, strides, strict=False)]
        inputs = [x, self._weights(M, C // groups, *kernel)] + [self._per(M)] * self._pick(0, 1)
        self._add("Conv", inputs, (dims[0], M, *made), **attributes)

    def _gemm(self, x, dims):
        M, turned = int(self._rng.choice(SIZES)), self._pick(0, 1)
        weights = self._weights(M, dims[1]) if turned else self._weights(dims[1], M)
        inputs = [x, weights, self._constant(self._rng.standard_normal(self._pick((M,), (1, M), (1,), (1, 1))))]
        self._add("Gemm", inputs, (dims[0], M), transB=turned, alpha=self._pick(1.0, 0.5), beta=self._pick(1.0, 2.0))

    def _matmul(self, x, dims):
        M = self._pick(int(self._rng.choice(SIZES)), dims[1])
        self._add("MatMul", [x, self._weights(dims[-1], M)], (*dims[:-1], M))

    def _norm(self, x, dims):
        C = dims[1]
        inputs = [x, self._per(C), self._per(C), self._per(C), self._per(C, least=0.5)]
        self._add("BatchNormalization", inputs, dims, epsilon=self._pick(1e-5, 1e-3))

    def _relu(self, x, dims):
        self._add("Relu", [x], dims)

    def _clip(self, x, dims):
        least, most = self._pick((0.0, 6.0), (0.0, 1.0), (-1.0, 1.0), (0.5, 2.0))
        self._add("Clip", [x], dims, min=least, max=most)

    def _scale(self, x, dims):
        """A constant for a channel, for a column, for all, of the last sizes or of all of them."""
        channel = (dims[1], *[1] * (len(dims) - 2))
        own = self._pick((1, *channel), channel, (dims[-1],), (), (1,), dims[1:])
        self._add(self._pick("Add", "Mul"), [x, self._per(own)], dims)

    def _simple(self, x, dims):
        self._add(self._pick("Identity", "Sigmoid", "LeakyRelu", "Abs", "Tanh", "Dropout"), [x], dims)

    def _reshape(self, x, dims):
        """The first size by a chain of Shape, the others in one."""
        self._add("Flatten~", [x], (dims[0], int(np.prod(dims[1:]))))

    def _transpose(self, x, dims):
        order = [int(axis) for axis in (0, *self._rng.permutation(range(1, len(dims))))]
        self._add("Transpose", [x], [dims[axis] for axis in order], perm=order)

    def _join(self, x, dims):
        other = [name for name, sizes in self._values.items() if sizes == dims and name != x]
        other = str(self._rng.choice(other)) if other else x
        if self._rng.random() < 0.5:
            self._add("Add", [x, other], dims)
        else:
            self._add("Concat", [x, other], (dims[0], 2 * dims[1], *dims[2:]), axis=1)

    def _sequence(self, x, dims):
        self._add("Sequence~", [x], (dims[0], 1, *dims[2:]), at=int(self._rng.integers(dims[1])))

    def _pad(self, x, dims):
        axes = len(dims) - 2
        pads = [[0, 0] + [self._pick(0, 1, 2) for _ in range(axes)] for _ in range(2)]
        made = [size + a + b for size, a, b in zip(dims, *pads, strict=True)]
        self._add("Pad~", [x], made, pads=pads[0] + pads[1], style=self._pick("plain", "chain", "shape"))

    def _pool(self, x, dims):
        if min(dims[2:]) < 2:
            return self._relu(x, dims)
        if self._rng.random() < 0.3:
            return self._add("GlobalAveragePool", [x], (*dims[:2], 1, 1))
        return self._add(self._pick("MaxPool", "AveragePool"), [x], (*dims[:2], dims[2] - 1, dims[3] - 1),
                         kernel_shape=[2, 2])

    def _nothing(self, x, dims):
        self._add("Compress~", [x], (0, *dims[1:]))

    # -- writing ------------------------------------------------------------------------------------

    def model(self):
        """As an unlike exporter writes it, in its own operator set."""
        return self._write(self.opset, plain=False)

    def plain(self):
        """The same function in operators and styles that need no importer."""
        return self._write(PLAIN, plain=True)

    def _write(self, opset, plain):
        return _Writer(self, opset, plain).write()


class _Writer:
    def __init__(self, graph, opset, plain):
        self._graph, self._opset, self._plain = graph, opset, plain
        self.nodes, self.initializers, self.sparse = [], [], []
        self._given = set()

    def write(self):
        graph = self._graph
        for operator, inputs, outputs, attributes in graph._steps:
            inputs = [self._input(name) for name in inputs]
            special = {"Flatten~": self._flatten, "Sequence~": self._sequence, "Pad~": self._pad,
                       "Compress~": self._compress, "Clip": self._clip, "Add": self._arithmetic,
                       "Mul": self._arithmetic, "Dropout": self._dropout}.get(operator)
            if special:
                special(operator, inputs, outputs[0], attributes)
            else:
                self._node(operator, inputs, outputs, **attributes)
        first = {"fixed": graph.dims[0], "open": "N", "-1": -1}[graph.open]
        dims = [first, *graph.dims[1:]] if not self._plain else graph.dims
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None if self._plain else [
            None] * len(graph._values[name])) for name in graph.outputs]
        made = helper.make_graph(self.nodes, "random", [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
                                 outputs, self.initializers, sparse_initializer=self.sparse)
        ir = 8 if self._plain else 4 if self._opset < 9 else 8 if self._opset < 21 else onnx.IR_VERSION
        return helper.make_model(made, opset_imports=[helper.make_opsetid("", self._opset)], ir_version=ir)

    def _node(self, operator, inputs, outputs, **attributes):
        name = "" if self._plain else self._graph._names[len(self.nodes) % 200]
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=name, **attributes))
        return outputs[0]

    def _input(self, name):
        """A tensor by name; the first time a constant is read it is written, in its style."""
        if name not in self._graph._constants or name in self._given:
            return name
        self._given.add(name)
        value, style = self._graph._constants[name]
        return self._constant(name, value, "initializer" if self._plain else style)

    def _constant(self, name, value, style):
        if style == "sparse" and (self._opset < 11 or value.dtype.kind != "f" or not value.ndim):
            style = "initializer"
        if style == "shape" and value.ndim == 4:
            turned = np.ascontiguousarray(value.transpose(1, 0, 2, 3))
            self.initializers.append(numpy_helper.from_array(turned, f"{name} turned"))
            return self._node("Transpose", [f"{name} turned"], [name], perm=[1, 0, 2, 3])
        if style == "node":
            return self._node("Constant", [], [name], value=numpy_helper.from_array(value))
        if style in ("identity", "identities"):
            self.initializers.append(numpy_helper.from_array(value, f"{name} 0"))
            inner = f"{name} 0"
            if style == "identities":
                inner = self._node("Identity", [inner], [f"{name} 1"])
            return self._node("Identity", [inner], [name])
        if style == "sparse":
            places = np.flatnonzero(value)
            self.sparse.append(helper.make_sparse_tensor(
                numpy_helper.from_array(value.ravel()[places], name),
                numpy_helper.from_array(places, f"{name} places"), list(value.shape)))
            return name
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def _integers(self, hint, values, style="initializer"):
        return self._constant(f"{hint} amounts {len(self.nodes)} {len(self.initializers)}",
                              np.asarray(values, np.int64), style)

    def _flatten(self, _, inputs, output, attributes):
        if self._plain or self._opset < 11:
            return self._node("Flatten", inputs, [output], axis=1)
        shape = self._node("Shape", inputs, [f"{output} shape"])
        first = self._node("Gather", [shape, self._integers(output, [0])], [f"{output} first"], axis=0)
        whole = self._node("Concat", [first, self._integers(output, [-1])], [f"{output} sizes"], axis=0)
        return self._node("Reshape", [*inputs, whole], [output])

    def _sequence(self, _, inputs, output, attributes):
        at = attributes["at"]
        if self._plain or self._opset < 11:
            sizes = self._graph._values[inputs[0]][1]
            parts = [output if index == at else f"{output} part {index}" for index in range(sizes)]
            if self._opset >= 13:
                return self._node("Split", [*inputs, self._integers(output, [1] * sizes)], parts, axis=1)
            return self._node("Split", inputs, parts, axis=1, split=[1] * sizes)
        sequence = self._node("SplitToSequence", inputs, [f"{output} parts"], axis=1, keepdims=1)
        place = self._constant(f"{output} at", np.array(at), "initializer")
        return self._node("SequenceAt", [sequence, place], [output])

    def _pad(self, _, inputs, output, attributes):
        pads, style = attributes["pads"], attributes["style"]
        if self._opset < 11:
            return self._node("Pad", inputs, [output], pads=pads)
        half = len(pads) // 2
        if self._plain or style == "plain":
            amounts = self._integers(output, pads)
        elif style == "chain":  # as TorchScript does: last axis first, pairs turned round
            pairs = [[pads[axis], pads[half + axis]] for axis in reversed(range(half))]
            flat = self._integers(output, np.ravel(pairs[:half - 1]), "node")
            rest = self._node("ConstantOfShape", [self._integers(output, [2])], [f"{output} rest"],
                              value=helper.make_tensor("value", TensorProto.INT64, [1], [0]))
            joined = self._node("Concat", [flat, rest], [f"{output} joined"], axis=0)
            table = self._node("Reshape", [joined, self._integers(output, [-1, 2])], [f"{output} table"])
            turned = self._node("Slice", [table, self._integers(output, [-1]), self._integers(
                output, [-9223372036854775807]), self._integers(output, [0]), self._integers(output, [-1])],
                [f"{output} turned"])
            across = self._node("Transpose", [turned], [f"{output} across"], perm=[1, 0])
            amounts = self._node("Reshape", [across, self._integers(output, [-1])], [f"{output} pads"])
        else:  # by the sizes of the input: its last size less itself, plus the amounts
            shape = self._node("Shape", inputs, [f"{output} shape"])
            last = self._node("Gather", [shape, self._integers(output, [-1])], [f"{output} last"], axis=0)
            none = self._node("Sub", [last, last], [f"{output} none"])
            amounts = self._node("Add", [self._integers(output, pads), none], [f"{output} pads"])
        return self._node("Pad", [*inputs, amounts], [output])

    def _compress(self, _, inputs, output, attributes):
        """Rows of which a sum is beyond all that there is: none."""
        axes = list(range(1, len(self._graph._values[inputs[0]])))
        if self._opset < 9:  # without Compress: rows from the end on
            return self._node("Slice", inputs, [output], axes=[0], starts=[1000], ends=[2000])
        if self._opset >= 13:
            sums = self._node("ReduceSum", [*inputs, self._integers(output, axes)], [f"{output} sums"], keepdims=0)
        else:
            sums = self._node("ReduceSum", inputs, [f"{output} sums"], axes=axes, keepdims=0)
        much = self._constant(f"{output} much", np.array(1e9, FLOAT), "initializer")
        chosen = self._node("Greater", [sums, much], [f"{output} chosen"])
        return self._node("Compress", [*inputs, chosen], [output], axis=0)

    def _clip(self, _, inputs, output, attributes):
        if self._opset < 11:
            return self._node("Clip", inputs, [output], **attributes)
        limits = [self._constant(f"{output} {name}", np.array(value, FLOAT), "initializer")
                  for name, value in attributes.items()]
        return self._node("Clip", [*inputs, *limits], [output])

    def _arithmetic(self, operator, inputs, output, attributes):
        if self._opset >= 7:
            return self._node(operator, inputs, [output])
        own = self._graph._constants.get(inputs[1], (None,))[0]
        if own is None:
            return self._node(operator, inputs, [output])
        sizes = self._graph._values[inputs[0]]
        lean = own
        while lean.ndim and lean.shape[-1] == 1 and lean.ndim > 1:  # an axis in place of the ones behind
            lean = lean[..., 0]
        while lean.ndim > 1 and lean.shape[0] == 1:
            lean = lean[0]
        axis = len(sizes) - own.ndim + [size != 1 for size in own.shape].index(True) if own.size > 1 else 0
        name = self._constant(f"{output} lean", lean, "initializer")
        more = {"axis": axis} if lean.ndim and own.size > 1 else {}
        return self._node(operator, [inputs[0], name], [output], broadcast=1, **more)

    def _dropout(self, operator, inputs, output, attributes):
        more = {"is_test": 1} if self._opset < 7 else {}
        return self._node(operator, inputs, [output], **more)
