"""`eyeriss calibrate`: the mapper's cycle model held to the RTL, on random layers."""

import random

from compiler.mapping.density import Density
from compiler.mapping.lowering import lower
from compiler.mapping.search import find_mapping, timed_costs
from compiler.paper.networks import BenchmarkLayer
from golden.layer import LayerShape
from scripts.terminal.console import (
    BadInput,
    bad_input,
    check_targets,
    console,
    counts_table,
    require_simulator,
    write_json,
)
from sim.jobs.benchmark import layer_tasks, merge
from sim.jobs.workers import parse_workers
from sim.tools.files import BUILD

from .shared import fixed_point_chip, run_with_bar, search_with_bar

__all__ = ["calibrate", "random_layers"]


def random_layers(count, seed):
    """Layers of 20 to 120 million MACs, of shapes that networks have."""
    draw = random.Random(seed)
    layers = []
    while len(layers) < count:
        R = draw.choice((1, 3, 3, 3, 5, 7, 11))
        shape = LayerShape(
            N=draw.choice((1, 1, 2, 4)), M=draw.choice((16, 24, 32, 48, 64, 96, 128)),
            C=draw.choice((3, 8, 16, 32, 48, 64, 96)), H=draw.randint(R, 56), W=draw.randint(R, 56), R=R,
            S=R, U=draw.choice((1, 1, 1, 2, 4)), P=draw.choice((0, R // 2)))
        if 2e7 <= shape.macs <= 1.2e8:
            layers.append(BenchmarkLayer(f"random {len(layers) + 1}", shape,
                                         draw.choice((0.0, 0.3, 0.5, 0.75)), draw.choice((0.3, 0.6))))
    return layers


def calibrate(*, count, seed, chip, workers, simulator, json_target) -> int:
    """Run, print, write; 1 if a layer does not match."""
    check_targets(json=json_target, folders={"build": BUILD})
    if count < 1:
        raise BadInput(f"--count must be at least 1, not {count!r}")
    if seed < 0:
        raise BadInput(f"--seed must be 0 or more, not {seed!r}")

    def find(layer):
        density = Density(1 - layer.zeros, 1 - layer.ofmap_zeros)
        native = lower(layer.shape, chip)
        mapping = find_mapping(native, chip, density=density, coded=True)
        expected = timed_costs(native, chip, mapping, density)
        return mapping, expected, layer_tasks(layer, mapping, chip, seed=seed, simulator=simulator)

    with bad_input():
        chip = fixed_point_chip(chip)
        workers = parse_workers(workers)
        require_simulator(simulator)
        layers = random_layers(count, seed)
        plan = dict(zip(layers, search_with_bar(layers, find), strict=True))
    results = run_with_bar([task for *_, tasks in plan.values() for task in tasks], workers, fresh=False)
    rows, table = [], []
    for layer, (mapping, expected, tasks) in plan.items():
        found = merge([results[task] for task in tasks])
        cycles, model = found["cycles"]["total"], int(expected.cycles)
        values = " ".join(f"{name}{value}" for name, value in mapping.as_dict().items())
        table.append({"shape": str(layer.shape), "zeros": layer.zeros, "mapping": mapping.as_dict(),
                      "match": found["match"], "rtl_cycles": cycles, "model_cycles": model,
                      "binding": expected.binding(), "cycles": found["cycles"]})
        rows.append((str(layer.shape), values, "yes" if found["match"] else found["status"], f"{cycles:,}",
                     f"{model:,}", f"{model / cycles - 1:+.2%}", expected.binding()))
    write_json(json_target, {"layers": table})
    out = console(stderr=json_target == "-")
    out.print(counts_table(f"model and RTL, seed {seed}", (
        "layer", "mapping", "equal", "RTL cycles", "model", "error", "bound by"), rows,
        optional=("bound by", "mapping")))
    worst = max(abs(entry["model_cycles"] / entry["rtl_cycles"] - 1) for entry in table)
    out.print(f"largest error {worst:.2%}")
    return 0 if all(entry["match"] for entry in table) else 1
