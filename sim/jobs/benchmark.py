"""Whole networks: layers cut into tasks, tasks run side by side, results kept."""

import platform
from collections.abc import Callable, Iterable
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from compiler.image.program import Shard
from compiler.mapping.lowering import lower
from compiler.mapping.mapping import Mapping
from compiler.mapping.placement import Placement
from compiler.paper.networks import BenchmarkLayer, benchmark_tensors
from golden.layer import LayerShape
from hw.config import ChipConfig
from sim.chip.layer import simulate_layer
from sim.chip.recording import NOTHING, Recording
from sim.chip.simulate import Settings
from sim.tools.files import BUILD
from sim.tools.find import require

from . import cache
from .workers import executor

#: A result as plain data: the keys of `eyeriss simulate --json` and `shards`, `difference`.
Table = dict[str, Any]

__all__ = ["Task", "layer_tasks", "merge", "record_tasks", "run_tasks", "sample_shards", "tile_mapping"]


@dataclass(frozen=True)
class Task:
    """Some shards of a layer, run one after another on one simulated chip.

    Attributes
    ----------
    layer : BenchmarkLayer
    mapping : Mapping
    chip : ChipConfig
    shards : tuple of Shard
    seed : int
    simulator : str
    ofmap : str
        How ofmaps lie in DRAM, as in `simulate_layer`.
    record : Recording
        What is recorded; then the task runs, though its result be kept.
    """

    layer: BenchmarkLayer
    mapping: Mapping
    chip: ChipConfig
    shards: tuple[Shard, ...]
    seed: int
    simulator: str
    ofmap: str = "auto"
    record: Recording = NOTHING

    def key(self) -> str:
        """Names the result: what the task is, the simulator's version, and the code that computes it."""
        return cache.key(replace(self, record=NOTHING), require(self.simulator).version)


def layer_tasks(layer: BenchmarkLayer, mapping: Mapping, chip: ChipConfig, *, seed: int, simulator: str,
                shards: int = 1, part: str = "all", ofmap: str = "auto") -> list[Task]:
    """The tasks of a layer.

    Parameters
    ----------
    shards : int
        Tasks that each of the layer's groups is cut into, by blocks: cycles then add up to a little more
        than those of the whole layer, as each shard starts and ends on its own.
    part : str
        "all"; "sample": of the first m group a block of each kind; "tile": a tile of 2 x 2 outputs of two
        filters, with all channels.
    ofmap : str
        How ofmaps lie in DRAM, as in `simulate_layer`.
    """
    def task(parts: Iterable[Shard]) -> Task:
        return Task(layer, mapping, chip, tuple(parts), seed, simulator, ofmap)

    if part == "tile":
        return [task([Shard(0, filters=mapping.m, blocks=1)])]
    if part == "sample":
        return [task([shard]) for shard in sample_shards(layer.shape, mapping, chip)]
    tasks = []
    for native in lower(layer.shape, chip).each():
        blocks = Placement(native, mapping, chip).all_blocks
        count = min(shards, blocks)
        bounds = [blocks * index // count for index in range(count + 1)]
        for first, last in zip(bounds[:-1], bounds[1:], strict=True):
            whole = count == 1
            tasks.append(task([Shard(native.group, first_block=first, blocks=None if whole else last - first)]))
    return tasks


def record_tasks(tasks: list[list[Task]], record: Recording) -> list[list[Task]]:
    """Each layer's tasks with a recording: of several tasks each has files of its own, FILE-LAYER or FILE-LAYER-1."""
    if sum(map(len, tasks)) == 1:
        return [[replace(tasks[0][0], record=record)]]

    def name(task: Task, listed: list[Task]) -> str:
        own = task.layer.name.rpartition("/")[2]
        return own if len(listed) == 1 else f"{own}-{listed.index(task) + 1}"

    return [[replace(task, record=record.of(name(task, listed))) for task in listed] for listed in tasks]


def tile_mapping(shape: LayerShape, chip: ChipConfig) -> Mapping:
    """The mapping of a small tile: as many channels at once as the array and the spads take."""
    layer = lower(shape, chip)
    q = min(layer.C, chip.ifmap_spad_words // layer.S)
    r = max(1, min(-(-layer.C // q), chip.rows // layer.R))
    p = min(2, layer.M)
    return Mapping(m=p, n=1, e=min(2, layer.E), f=min(2, layer.F), p=p, q=q, r=r, t=1)


def sample_shards(shape: LayerShape, mapping: Mapping, chip: ChipConfig) -> list[Shard]:
    """A block of each kind: the first, the last, and those with tiles of another size; first m group."""
    placement = Placement(lower(shape, chip), mapping, chip)
    kinds: dict[tuple[tuple[int, int], ...], int] = {}
    for block, tiles in enumerate(placement.tiles_of_blocks):
        kinds.setdefault(tuple((tile.rows, tile.columns) for tile in tiles), block)
    chosen = sorted({0, placement.all_blocks - 1, *kinds.values()})
    filters = min(placement.layer.M, placement.groups_of_m * placement.pass_filters)
    return [Shard(0, filters=filters, first_block=block, blocks=1) for block in chosen]


def run_task(task: Task, key: str, build: Path = BUILD) -> Table:
    """Run a task in this process; the result as plain data.

    Raises
    ------
    ValueError
        The code here is not the one that made `key`: a worker of another machine is out of date.
    """
    if task.key() != key:
        raise ValueError(f"worker {platform.node()} runs other code than the client: bring its tree up to date")
    tensors, shift = benchmark_tensors(task.layer, task.seed)
    result = simulate_layer(task.layer.shape, task.mapping, task.chip, tensors,
                            Settings(simulator=task.simulator, build=build, record=task.record), shift=shift,
                            relu=True, ofmap=task.ofmap, shards=list(task.shards))
    return {"shards": [asdict(shard) for shard in task.shards], **result.as_dict(),
            "difference": result.difference and asdict(result.difference)}


def run_tasks(tasks: Iterable[Task], *, workers: int | str, build: Path = BUILD, fresh: bool = False,
              report: Callable[[Task, Table, bool], None] | None = None) -> dict:
    """Run tasks on several processes or machines; results of earlier runs are taken from disk.

    Parameters
    ----------
    workers : int or str
        As in `sim.jobs.workers.executor`.
    report : callable, optional
        Called with (task, result, whether it was already there) as tasks end.

    Returns
    -------
    dict of Task to dict
    """
    kept, results, waiting = cache.Cache("benchmark", build), {}, []
    for task in tasks:
        found = None if fresh or task.record else kept.get(task.key())
        if found:
            results[task], _ = found
            if report:
                report(task, results[task], True)
        else:
            waiting.append(task)
    # The longest first, so that no worker is left alone with one at the end.
    waiting.sort(key=lambda task: -_work(task))
    with executor(workers) as pool:
        futures = {pool.submit(run_task, task, task.key(), build): task for task in waiting}
        for future in as_completed(futures):
            task = futures[future]
            results[task] = future.result()
            kept.put(task.key(), results[task])
            if report:
                report(task, results[task], False)
    return results


def _work(task: Task) -> float:
    shape = task.layer.shape
    return shape.macs / shape.G * sum(shard.blocks or 1e6 for shard in task.shards)


def merge(results: list[Table]) -> Table:
    """One object for a layer from its tasks': counts add up, the rest is the first's."""
    def add(first: Any, *others: Any) -> Any:
        if isinstance(first, dict):
            return {name: add(first[name], *(other[name] for other in others)) for name in first}
        return first + sum(others)

    merged = dict(results[0])
    for name in ("cycles", "configuration_cycles", "milliseconds", "macs", "gated_macs", "passes", "glb_bytes",
                 "dram_bytes", "counters", "outputs", "mismatches", "wall_seconds"):
        merged[name] = add(*(result[name] for result in results))
    merged["match"] = all(result["match"] for result in results)
    merged["shards"] = [shard for result in results for shard in result["shards"]]
    worst = [result["status"] for result in results if result["status"] != "done"]
    merged["status"] = worst[0] if worst else "done"
    merged["faults"] = sorted({cause for result in results for cause in result["faults"]})
    return merged
