"""`eyeriss fpga run`: a layer on a board."""

import time

from compiler.image.program import compile_layer
from compiler.mapping.density import Density, density_of
from golden.conv import conv_layer
from hw.config import load_chip
from hw.config.counters import COUNTERS
from hw.config.serial_ops import Status
from scripts.commands.simulate import deliver, with_mapping
from scripts.terminal.console import BadInput, bad_input, check_targets, passes_bar
from sim.chip.layer import LayerResult, compare, fault_causes

from .host import BoardHost

__all__ = ["run"]

POLL_SECONDS = 0.02
#: Without a MAC and without an end; the chip's own watchdog is a thousand times faster.
HANG_SECONDS = 20


def run(layer, tensors, *, port, baud, chip, mapping, shift, relu, ofmap, save=None, json_target=None) -> int:
    """Run a layer on a board and report as for a simulation; the exit status."""
    check_targets(json=json_target, folders={"save": save})
    with bad_input():
        chip = load_chip(chip)
        expected = conv_layer(*tensors, layer.shape, shift=shift, relu=relu)
        density = Density(density_of(tensors.ifmap), density_of(expected), ofmap)
        program = with_mapping(
            lambda chosen: compile_layer(layer.shape, chosen, chip, *tensors, shift=shift, relu=relu,
                                         ofmap_coded=density.ofmap_coded),
            mapping, layer.shape, chip, density)
    with BoardHost(port, baud=baud) as board:
        board.synchronise()
        memory_words = board.check(chip)
        if len(program.dram) > memory_words:
            raise BadInput(f"{layer.name} needs {len(program.dram)} words of memory, the board has {memory_words}")
        result = _run(board, program, expected)
    return deliver(layer, tensors, result, save=save, json_target=json_target)


def _run(board, program, expected):
    started = time.monotonic()
    words = sum(job.ofmap_count for job in program.jobs)
    with passes_bar("load", "words") as progress:
        board.put(0, program.dram, lambda done: progress(done, len(program.dram)))
    counters, status, faults = dict.fromkeys(COUNTERS, 0), "done", ()
    for number, job in enumerate(program.jobs):
        with passes_bar(f"job {number + 1} of {len(program.jobs)}") as progress:
            status, out_of_range = _job(board, job, progress)
        counted = board.counters()
        for name, value in counted.items():
            counters[name] += value
        if status == "fault":
            faults = fault_causes(counted, out_of_range=out_of_range)
        if status != "done":
            break
    dram, done = program.dram.copy(), 0
    with passes_bar("read", "words") as progress:
        for job in program.jobs:
            place = slice(job.ofmap_base, job.ofmap_base + job.ofmap_count)
            dram[place] = board.get(job.ofmap_base, job.ofmap_count,
                                    lambda read, done=done: progress(done + read, words))
            done += job.ofmap_count
    ofmap, difference, status = compare(program, expected, dram, status)
    seconds = time.monotonic() - started
    return LayerResult(program, ofmap, difference, status, counters, None, "board",
                       counters["cycles"] / seconds, seconds, faults, number + 1)


def _job(board, job, progress):
    """One job from reset to end: "done", "fault" or "hang", and whether it left the board's memory."""
    board.reset()
    board.configure(job.bits)
    board.start()
    alive, alive_at = -1, time.monotonic()
    while Status.BUSY in (status := board.status()):
        progress(board.counter("passes"), job.placement.passes)
        if (macs := board.counter("macs")) != alive:
            alive, alive_at = macs, time.monotonic()
        if time.monotonic() - alive_at > HANG_SECONDS:
            return "hang", False
        time.sleep(POLL_SECONDS)
    out_of_range = Status.OUT_OF_RANGE in status
    return "fault" if out_of_range or Status.FAULT in status else "done", out_of_range


