"""`eyeriss compile`: a layer as files for somebody else's bench or driver."""

from pathlib import Path

from compiler.timeline.schedule import schedule
from host.folder import FILES, CompiledFolder
from hw.config import ChipConfig
from scripts.terminal.console import BadInput, bad_input, check_targets, console, place, working
from sim.tools.files import write_file

from .one_layer import LayerInputs, compile_chosen
from .shared import NamedLayer

__all__ = ["compile_files"]

ADDRESSES = 1 << 64  # bytes that the AXI master reaches


def compile_files(layer: NamedLayer, inputs: LayerInputs, output: Path, *, chip: ChipConfig, mapping: str, ofmap: str,
                  base: str) -> None:
    """Compile a layer and write all files of it into a folder."""
    check_targets(folders={"output": output})
    for file in FILES:
        if (output / file).is_dir():
            raise BadInput(f"{output / file} must be a file, not a directory: choose another --output")
    first = _address(base)
    with bad_input(), working("mapping"):
        compiled = compile_chosen(layer.shape, inputs, chip, mapping=mapping, ofmap=ofmap)
    words, jobs = len(compiled.program.dram), len(compiled.program.jobs)
    if first + 8 * words > ADDRESSES:
        raise BadInput(f"--base must leave {8 * words:,} bytes below 2^64, not {base}")
    # of one job; where a layer has several, each is a group, all of one shape
    cycles = int(schedule(compiled.program.jobs[0].placement, compiled.density).cycles)
    folder = CompiledFolder(layer.name, compiled.program, {**inputs.arrays(), "ofmap": compiled.expected},
                            inputs.shift, inputs.relu, cycles, first)
    files = folder.files()
    # the last file is there only with all the others, and none is there that this layer does not have
    for name in [list(FILES)[-1], *(FILES.keys() - files)]:
        (output / name).unlink(missing_ok=True)
    for name, content in files.items():
        write_file(output / name, content)
    console().print(f"{layer.name} on {chip.name}: {words:,} words, {jobs} {'job' if jobs == 1 else 'jobs'}, "
                    f"{folder.cycles * jobs:,} cycles planned, in {place(output)}")


def _address(base: str) -> int:
    try:
        first = int(base, 0)
    except ValueError:
        first = -1
    if not 0 <= first < ADDRESSES or first % 8:
        raise BadInput(f"--base must be a byte address, a multiple of 8 such as 0x80000000, not {base!r}")
    return first
