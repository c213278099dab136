"""What is written down of a simulation besides its result: a waveform, a timeline."""

import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vcd.gtkw import GTKWSave

from sim.tools.verilate import Module, Scope, modules

__all__ = ["NOTHING", "Recording", "check_scopes", "gtkw", "scopes"]

CHIP = "u_chip"  # the chip's instance in its harness
ARRAY, PE = "array", "array.row_0.pe_0"  # 168 PEs are most of the signals and much the same


@dataclass(frozen=True)
class Recording:
    """What a simulation writes besides its result.

    Cycles are those of the core clock from the beginning of the simulation, resets and configuration included.

    Attributes
    ----------
    waves : Path, optional
        An FST file; a file for GTKWave is put beside it.
    first, last : int, int or None
        The waveform's cycles; `last` is not among them, and None is the end.
    scopes : tuple of str
        Instances in the chip, such as `array.row_3.pe_2`, whose signals the waveform has; by default those of all
        but the array, and of one PE.
    depth : int
        Levels of instances below each of these, 1 for an instance's own signals; 0 is all.
    trace : Path, optional
        A timeline of passes, bursts and stalls.
    """

    waves: Path | None = None
    first: int = 0
    last: int | None = None
    scopes: tuple[str, ...] = ()
    depth: int = 0
    trace: Path | None = None

    def __bool__(self) -> bool:
        return self.waves is not None or self.trace is not None

    def of(self, name: str) -> "Recording":
        """The recording of one simulation of several: files called FILE-NAME."""
        def named(path: Path | None) -> Path | None:
            return path and path.with_stem(f"{path.stem}-{name}")

        return replace(self, waves=named(self.waves), trace=named(self.trace))


NOTHING = Recording()


def scopes(recording: Recording, found: Mapping[str, Module], top: str) -> list[Scope]:
    """The scopes of a recording's waveform, from the harness on.

    Parameters
    ----------
    recording : Recording
    found : dict of str to Module
    top : str
        The harness.

    Raises
    ------
    ValueError
        There is no such instance.
    """
    if recording.waves is None:
        return []
    chip = f"{top}.{CHIP}"
    if recording.scopes:
        for name in recording.scopes:
            _module(found, f"{chip}.{name}")  # is there
        return [Scope(f"{chip}.{name}", recording.depth) for name in recording.scopes]
    parts = [name for name in _module(found, chip).instances if name != ARRAY]
    return [Scope(top, 1), Scope(chip, 1), Scope(f"{chip}.{ARRAY}", 1),
            *(Scope(f"{chip}.{name}", recording.depth) for name in (*parts, PE))]


def check_scopes(recording: Recording, verilog: Sequence[Path]) -> None:
    """Raise ValueError where the chip of these files, its top's first, has no instance of the recording's scopes."""
    top = Module({}, {CHIP: verilog[0].stem})
    scopes(recording, {"harness": top, **modules(verilog)}, "harness")


def _module(found: Mapping[str, Module], path: str) -> Module:
    """The module of an instance."""
    top, *names = path.split(".")
    module = found[top]
    for place, name in enumerate(names):
        if name not in module.instances:
            where = ".".join(names[1:place]) or "the chip"
            raise ValueError(f"--waves-scope must be instances in the chip, such as {PE}: {where} has no {name}, "
                             f"but {', '.join(module.instances) or 'no instances'}")
        module = found[module.instances[name]]
    return module


def gtkw(waves: Path, traced: Sequence[Scope], found: Mapping[str, Module]) -> str:
    """A file for GTKWave (`gtkwave FILE.gtkw`): the ports of each traced instance as a group.

    The chip's own are in two groups, that of the link and that of the host; groups of the array and the PE are
    closed at first.
    """
    out = io.StringIO()
    save = GTKWSave(out)
    save.dumpfile(str(waves.resolve()))
    for scope in traced:
        module = _module(found, scope.path)
        name = scope.path.partition(f".{CHIP}.")[2]
        if name:
            groups = {name: list(module.ports)}
        elif scope.path.endswith(f".{CHIP}"):
            by_use = itertools.groupby(sorted(module.ports, key=_of_link), _of_link)
            groups = {("host", "link")[link]: list(ports) for link, ports in by_use}
        else:
            continue  # the harness
        for title, ports in groups.items():
            with save.group(title, closed=title.startswith(ARRAY)):
                for port in ports:
                    width = module.ports[port]
                    save.trace(f"{scope.path}.{port}" + (f"[{width - 1}:0]" if width > 1 else ""))
    return out.getvalue()


def _of_link(port: str) -> bool:
    return port.startswith(("dram_", "link_", "m_axi_"))
