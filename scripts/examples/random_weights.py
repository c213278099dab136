"""Networks of the onnx package with random weights: `python -m scripts.examples.random_weights NAME FILE.onnx`.

The package's "light" models have the graphs and shapes of real networks, and for each tensor of weights a node that
makes it of one constant. Here such tensors are random: Gaussian weights as large as keep the activations' scale from
layer to layer (He 2015), and 0.5 to 1.5 for each channel's own numbers, such as those of a BatchNormalization.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test import __file__ as package

__all__ = ["main", "with_random_weights"]

LIGHT = Path(package).parent / "data" / "light"


def with_random_weights(model: onnx.ModelProto, seed=1) -> onnx.ModelProto:
    """A copy in which tensors of one constant, of a shape that the file has, are random initializers."""
    rng, model = np.random.default_rng(seed), onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    shapes = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    made = {node.output[0]: shapes[node.input[0]] for node in graph.node
            if node.op_type == "ConstantOfShape" and node.input[0] in shapes}
    for name, shape in made.items():
        values = (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1
                  else rng.uniform(0.5, 1.5, shape))
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    left = [node for node in graph.node if not set(node.output) & set(made)]
    given = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in given]
    del graph.node[:], graph.input[:]
    graph.node.extend(left)
    graph.input.extend(inputs)
    model.ir_version = 8  # in which initializers are no inputs
    return model


def main():
    """Write one of the models."""
    known = sorted(path.stem.removeprefix("light_") for path in LIGHT.glob("light_*.onnx"))
    if len(sys.argv) != 3 or sys.argv[1] not in known:
        sys.exit(f"usage: python -m scripts.examples.random_weights NAME FILE.onnx; NAME is {', '.join(known)}")
    target = Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(with_random_weights(onnx.load(LIGHT / f"light_{sys.argv[1]}.onnx")), target)
    print(target)


if __name__ == "__main__":
    main()
