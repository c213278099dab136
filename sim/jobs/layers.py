"""Layers of networks on the simulated chip: one at a time, or side by side where their tensors are known."""

import platform
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.image.program import Program, compile_int8, compile_layer
from compiler.mapping.mapping import Mapping as LayerMapping
from golden.int8 import LayerFormats
from golden.layer import LayerShape
from golden.tensors import Tensors
from host.driver import Status
from hw.config import ChipConfig
from sim.chip.programs import simulate_programs
from sim.chip.recording import NOTHING, Recording
from sim.chip.simulate import Settings
from sim.tools.files import BUILD
from sim.tools.find import require

from . import cache
from .workers import executor

__all__ = ["ChipFailure", "Int8Task", "LayerTask", "RtlLayers"]

#: The ofmap, and the object of `eyeriss simulate --json` with `kept`: whether the layer was simulated before.
Simulated = tuple[NDArray[Any], dict[str, Any]]


class ChipFailure(Exception):
    """The simulated chip did not finish a layer, so that there is nothing to go on with."""


@dataclass(frozen=True)
class LayerTask:
    """All that a layer's program is made of.

    Attributes
    ----------
    shape : LayerShape
        As the chip runs it: with rounding channels.
    mapping : Mapping
    tensors : Tensors
    shift : int
    relu, ofmap_coded : bool
    """

    shape: LayerShape
    mapping: LayerMapping
    tensors: Tensors
    shift: int
    relu: bool
    ofmap_coded: bool

    @property
    def subject(self) -> tuple[Any, ...]:
        """All of it, for the name of its result."""
        return self.shape, self.mapping, self.shift, self.relu, self.ofmap_coded, *self.tensors

    def program(self, chip: ChipConfig) -> Program:
        return compile_layer(self.shape, self.mapping, chip, *self.tensors, shift=self.shift, relu=self.relu,
                             ofmap_coded=self.ofmap_coded)


@dataclass(frozen=True)
class Int8Task:
    """The same of a layer of an 8-bit network.

    Attributes
    ----------
    shape : LayerShape
    mapping : Mapping
    ifmap, weights, bias : ndarray
        As of `golden.int8.conv_int8`.
    formats : LayerFormats
    ofmap_coded : bool
    """

    shape: LayerShape
    mapping: LayerMapping
    ifmap: NDArray[Any]
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    formats: LayerFormats
    ofmap_coded: bool

    @property
    def subject(self) -> tuple[Any, ...]:
        """All of it, for the name of its result."""
        return (self.shape, self.mapping, self.ofmap_coded, self.formats.ifmap, self.formats.ofmap,
                self.formats.weight_scales, self.ifmap, self.weights, self.bias)

    def program(self, chip: ChipConfig) -> Program:
        """Raises ValueError where the chip's psums may not hold the sums."""
        return compile_int8(self.shape, self.mapping, chip, self.ifmap, self.weights, self.bias, self.formats,
                            ofmap_coded=self.ofmap_coded)


class RtlLayers:
    """Layers on the simulated chip; what was once simulated is kept on disk. Nothing is compared here.

    Parameters
    ----------
    chip : ChipConfig
    simulator : str
    build : Path
    fresh : bool
        Simulate again what is kept.
    progress : callable, optional
        Called by `run` with (passes done, passes in all) of the layer at hand.
    """

    def __init__(self, chip: ChipConfig, simulator: str = "verilator", *, build: Path = BUILD, fresh: bool = False,
                 progress: Callable[[int, int], None] | None = None) -> None:
        self._chip, self._simulator, self._build = chip, simulator, build
        self._fresh, self._progress = fresh, progress
        self._kept = cache.Cache("layers", build)

    def run(self, task: LayerTask | Int8Task, record: Recording = NOTHING) -> Simulated:
        """A layer; one to be recorded runs, though its result be kept.

        Raises
        ------
        ChipFailure
            The chip hangs, faults, or leaves no ofmap.
        """
        key = _key(task, self._chip, self._simulator)
        if not record and (kept := self._known(key)):
            return kept
        settings = Settings(simulator=self._simulator, build=self._build, record=record)
        ofmap, table = _simulate(task, self._chip, settings, self._progress)
        self._kept.put(key, table, ofmap=ofmap)
        return ofmap, table | {"kept": False}

    def run_all(self, tasks: Sequence[tuple[str, LayerTask | Int8Task]], workers: int | str,
                report: Callable[[int, Simulated], None]) -> None:
        """Layers side by side, begun in this order; each is kept as it ends, whatever becomes of the others.

        Parameters
        ----------
        tasks : sequence of (str, LayerTask or Int8Task)
            With what messages call the layer.
        workers : int or str
            As in `sim.jobs.workers.executor`.
        report : callable
            Called with (place in `tasks`, result): first for all layers that were kept, then as each ends.

        Raises
        ------
        ChipFailure
            As in `run`, for the first layer that fails.
        ValueError
            A layer that the chip's psums may not hold, or a worker that runs other code.
        """
        keys = [_key(task, self._chip, self._simulator) for _, task in tasks]
        waiting = []
        for place, key in enumerate(keys):
            if kept := self._known(key):
                report(place, kept)
            else:
                waiting.append(place)
        with executor(workers) as pool:
            futures = {pool.submit(_simulate_here, tasks[place][1], keys[place], self._chip, self._simulator,
                                   self._build): place for place in waiting}
            for future in as_completed(futures):
                place = futures[future]
                try:
                    ofmap, table = future.result()
                except ChipFailure as error:
                    raise ChipFailure(f"{tasks[place][0]}: {error}") from None
                except ValueError as error:
                    raise ValueError(f"{tasks[place][0]}: {error}") from None
                self._kept.put(keys[place], table, ofmap=ofmap)
                report(place, (ofmap, table | {"kept": False}))

    def _known(self, key: str) -> Simulated | None:
        found = None if self._fresh else self._kept.get(key)
        return found and (found[1]["ofmap"], found[0] | {"kept": True})


def _key(task: LayerTask | Int8Task, chip: ChipConfig, simulator: str) -> str:
    return cache.key(chip, simulator, require(simulator).version, *task.subject)


def _simulate_here(task: LayerTask | Int8Task, key: str, chip: ChipConfig, simulator: str, build: Path) -> Simulated:
    """Run a layer in a worker's process."""
    if _key(task, chip, simulator) != key:
        raise ValueError(f"worker {platform.node()} runs other code than the client: bring its tree up to date")
    return _simulate(task, chip, Settings(simulator=simulator, build=build))


def _simulate(task: LayerTask | Int8Task, chip: ChipConfig, settings: Settings,
              progress: Callable[[int, int], None] | None = None) -> Simulated:
    result, = simulate_programs([task.program(chip)], [None], chip, settings, progress=progress)
    if result.status != Status.DONE:
        raise ChipFailure("; ".join((f"the chip's run ended as {result.status}", *result.faults)))
    return result.ofmap, result.as_dict()
