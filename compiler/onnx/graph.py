"""From an ONNX graph to steps: layers for the chip, nodes for the host.

`tensors` folds constants, `chip_nodes` chooses the chip's layers; the host does all other nodes.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from .chip_layer import ChipLayer
from .chip_nodes import LayerMaker
from .file import GraphError, Port, Sizes, model_inputs
from .float_macs import host_macs
from .float_nodes import NodeRunner, free_names
from .qlinear import fused, int8_layer, tensor_types
from .tensors import GraphTensors

__all__ = ["HostNode", "Network", "execute", "import_graph"]


@dataclass(frozen=True)
class HostNode:
    """A step that onnxruntime does.

    Attributes
    ----------
    node : onnx.NodeProto
    inputs, outputs : tuple of str
        Without the constants that it reads.
    macs : int or None
        Multiply-accumulates; None where they do not follow from the sizes of the model's inputs.
    rectifies : bool
        It turns negative values into zeros, as a ReLU does.
    """

    node: onnx.NodeProto
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    macs: int | None = 0
    rectifies: bool = False


Step = ChipLayer | HostNode


@dataclass(frozen=True)
class Network:
    """A model as steps in order.

    Attributes
    ----------
    inputs : dict of str to Port
    outputs : list of str
    steps : list of ChipLayer and HostNode
    constants : dict of str to ndarray
        That host nodes read; empty where only shapes were imported.
    runner : NodeRunner
    dims : dict of str to tuple
        Sizes of the layers' inputs, as far as they follow from those of the model's inputs.
    model : onnx.ModelProto
    sizes : dict of str to tuple, or None
        Of the model's inputs, if the steps hold for these only.
    fused : onnx.ModelProto, optional
        The model in the integer operators that its steps are of; of a network of 8-bit layers.
    """

    inputs: dict[str, Port]
    outputs: list[str]
    steps: list[Step]
    constants: dict[str, np.ndarray]
    runner: NodeRunner
    dims: Sizes
    model: onnx.ModelProto
    sizes: Sizes | None = None
    fused: onnx.ModelProto | None = None
    _others: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def layers(self) -> list[ChipLayer]:
        """The chip's steps."""
        return [step for step in self.steps if isinstance(step, ChipLayer)]

    def fed(self, feeds: dict[str, np.ndarray]) -> "Network":
        """The network for inputs of these sizes: this one, if its steps do not depend on them."""
        sizes = {name: np.shape(value) for name, value in feeds.items()}
        if self.sizes is None or sizes == self.sizes:
            return self
        if sizes not in self._others.values():
            self._others.clear()  # one at a time: it has weights of its own
            other = import_graph(self.model, sizes, int8=self.fused is not None)
            self._others.update({"network": other, "sizes": sizes})
        return self._others["network"]


def import_graph(model: onnx.ModelProto, sizes: Sizes | None = None, *, weights: bool = True,
                 int8: bool = False) -> Network:
    """Cut a model into steps.

    Parameters
    ----------
    model : onnx.ModelProto
        From `load_model`.
    sizes : dict of str to tuple, optional
        Of the inputs, where the model leaves them open.
    weights : bool
        Compute weights; without, only shapes are known, which is enough to plan. The steps are the same.
    int8 : bool
        The chip's layers are the quantized ones, in 8-bit integers; its weights are always needed.

    Raises
    ------
    GraphError
        Nodes that contradict the sizes, or weights that are not finite.
    """
    given, known = model, {}
    if int8:
        model = fused(given)
        known = tensor_types(model, sizes) if sizes else {}
    runner = NodeRunner(model)
    tensors = GraphTensors(model, sizes or {}, runner, known)
    live = _live(model, tensors)
    maker = LayerMaker(model, tensors, live, weights)
    found: dict[int, Step] = {}
    folded: set[int] = set()
    for index in live:
        if index in folded:
            continue
        node = model.graph.node[index]
        layer = int8_layer(index, node, tensors) if int8 else maker.layer(index, node)
        if layer is None:
            reads = tuple(name for name in free_names(node) if name not in tensors)
            found[index] = HostNode(node, reads, tuple(name for name in node.output if name),
                                    host_macs(node, tensors), maker.least(node) == 0)
            continue
        if int8:
            found[index] = layer
            continue
        layer, before = maker.absorb(layer, [place for place, step in found.items() if isinstance(step, HostNode)])
        for place in before:
            del found[place]
        layer, after = maker.fold(layer)
        folded.update(after)
        if weights:
            _check_finite(layer)
        found[index] = layer
    steps, outputs = list(found.values()), [value.name for value in model.graph.output]
    constants: dict[str, np.ndarray] = {}
    if weights:
        read = {name for step in steps if isinstance(step, HostNode) for name in free_names(step.node)} | set(outputs)
        constants = {name: tensors.value(name) for name in read if name in tensors}
    dims = {step.input: tensors.dims(step.input) for step in steps if isinstance(step, ChipLayer)}
    planned = {name: sizes for name, sizes in dims.items() if sizes is not None}
    return Network(model_inputs(model), outputs, steps, constants, runner, planned, given,
                   dict(sizes or {}) if tensors.sized or sizes and int8 else None, model if int8 else None)


def _live(model: onnx.ModelProto, tensors: GraphTensors) -> list[int]:
    """Places of the nodes that have to run: those that are not constant and whose outputs are used."""
    needed, places = {value.name for value in model.graph.output}, []
    for index, node in reversed(list(enumerate(model.graph.node))):
        if needed.intersection(filter(None, node.output)) and not tensors.is_constant(index):
            needed.update(free_names(node))
            places.append(index)
    return places[::-1]


def _check_finite(layer: ChipLayer) -> None:
    for what, values in zip(("weights", "bias"), layer.parameters, strict=True):
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise GraphError(f"{layer}: its {what} must be finite numbers; "
                             f"{bad} of {values.size} are NaN or infinite")


def execute(network: Network, feeds: dict[str, np.ndarray], chip: Callable[[ChipLayer, np.ndarray], np.ndarray], *,
            after: Callable[[Step], None] | None = None) -> dict[str, np.ndarray]:
    """Run a network.

    Parameters
    ----------
    feeds : dict of str to ndarray
    chip : callable
        Gets a ChipLayer and its input, returns its output; is not asked where the input has no values.
    after : callable, optional
        Called with each step when it is done.

    Returns
    -------
    dict of str to ndarray
        The outputs.
    """
    network = network.fed(feeds)
    left = Counter(network.outputs)
    for step in network.steps:
        left.update((step.input,) if isinstance(step, ChipLayer) else step.inputs)
    values = dict(network.constants) | feeds
    read: tuple[str, ...]
    for step in network.steps:
        if isinstance(step, ChipLayer):
            x = values[step.input]
            y = chip(step, x) if x.size else np.zeros(step.output_dims(x.shape), x.dtype)
            read, made = (step.input,), {step.output: y}
        else:
            read, made = step.inputs, network.runner.run(step.node, values, network.constants)
        values |= made
        for name in read:
            left[name] -= 1
            if not left[name]:
                del values[name]  # large tensors go as soon as nothing reads them any more
        if after:
            after(step)
    return {name: values[name] for name in network.outputs}
