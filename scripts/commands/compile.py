"""`eyeriss compile`: a layer as files for somebody else's bench or driver."""

from pathlib import Path

from compiler.mapping.density import Density, density_of
from compiler.mapping.timeline import schedule
from golden.tensors import Tensors
from host.folder import FILES, CompiledFolder
from scripts.terminal.console import BadInput, bad_input, check_targets, console, place, working
from sim.tools.files import write_file

from .shared import CompiledLayer, NamedLayer, compile_chosen, fixed_point_chip

__all__ = ["compile_files"]

ADDRESSES = 1 << 64  # bytes that the AXI master reaches


def compile_files(layer: NamedLayer, tensors: Tensors, output: Path, *, chip: str, mapping: str, shift: int,
                  relu: bool, ofmap: str, base: str) -> None:
    """Compile a layer and write all files of it into a folder."""
    check_targets(folders={"output": output})
    for file in FILES:
        if (output / file).is_dir():
            raise BadInput(f"{output / file} must be a file, not a directory: choose another --output")
    first = _address(base)
    with bad_input(), working("mapping"):
        config = fixed_point_chip(chip)
        compiled = compile_chosen(layer.shape, tensors, config, mapping=mapping, shift=shift, relu=relu, ofmap=ofmap)
    words = len(compiled.program.dram)
    if first + 8 * words > ADDRESSES:
        raise BadInput(f"--base must leave {8 * words:,} bytes below 2^64, not {base}")
    folder = CompiledFolder(layer.name, compiled.program, tensors, compiled.expected, shift, relu,
                            _cycles(compiled, tensors, ofmap), first)
    files = folder.files()
    # the last file is there only with all the others
    (output / list(FILES)[-1]).unlink(missing_ok=True)
    for name, content in files.items():
        write_file(output / name, content)
    jobs = len(compiled.program.jobs)
    console().print(f"{layer.name} on {config.name}: {words:,} words, {jobs} {'job' if jobs == 1 else 'jobs'}, "
                    f"{folder.cycles * jobs:,} cycles planned, in {place(output)}")


def _address(base: str) -> int:
    try:
        first = int(base, 0)
    except ValueError:
        first = -1
    if not 0 <= first < ADDRESSES or first % 8:
        raise BadInput(f"--base must be a byte address, a multiple of 8 such as 0x80000000, not {base!r}")
    return first


def _cycles(compiled: CompiledLayer, tensors: Tensors, ofmap: str) -> int:
    """Of one job, by its timeline; where a layer has several, each is a group, all of one shape."""
    density = Density(density_of(tensors.ifmap), density_of(compiled.expected), ofmap)
    return int(schedule(compiled.program.jobs[0].placement, density).cycles)
