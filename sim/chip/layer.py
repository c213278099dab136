"""One layer on the simulated chip: compile, simulate, read the ofmap back, compare with golden."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import hw
from compiler.image.program import Program, compile_layer
from compiler.mapping.cost import costs
from compiler.mapping.density import Density, density_of
from golden.conv import conv_layer
from golden.rlc import MalformedStream
from golden.tensors import first_difference
from hw.chip import Eyeriss
from hw.config import ChipConfig
from hw.config.counters import COUNTERS, FAULTS, counter_index
from hw.shell.axi import EyerissAxi
from hw.verilog.generate import write
from sim.tools.files import BUILD, locked, scratch_folder

from . import simulate as chip_simulation

__all__ = ["LayerResult", "fault_causes", "chip_verilog", "compare", "simulate_layer", "simulate_programs"]

#: Cycles times PEs from which it takes less time to compile for speed, and then to simulate fast.
LONG = 20_000_000

TOPS = {"chip": Eyeriss, "axi": EyerissAxi}


def chip_verilog(chip: ChipConfig, build=BUILD, top="chip") -> list[Path]:
    """The SystemVerilog of a top of TOPS, generated once for each state of hw/ and each configuration."""
    sources = sorted(Path(hw.__file__).parent.rglob("*.py"))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + repr((chip, top)).encode()).hexdigest()
    block = TOPS[top](chip)
    directory = Path(build) / "verilog" / f"{chip.name}-{top}-{key[:16]}"
    if not directory.is_dir():
        with locked(directory.parent / "locks" / directory.name):
            if not directory.is_dir():  # another process was faster
                with scratch_folder(directory) as scratch:
                    write(block, scratch)
                    scratch.rename(directory)
    return sorted(directory.glob("*.sv"), key=lambda path: (path.stem != block.module_name, path.stem))


@dataclass(frozen=True)
class LayerResult:
    """A simulated layer.

    Attributes
    ----------
    program : Program
    ofmap : ndarray of int16 (N, M, E, F) as read back from the simulated DRAM.
    difference : the first difference to golden, or None.
    status : "done"; "hang" or "fault"; "malformed" where the ofmap in DRAM is no RLC stream; "not run".
    faults : tuple of str
        What was wrong in the last job that ran, where it is a fault: see `fault_causes`.
    job : int
        The last job that ran, from 1.
    counters : dict
        Sums over the layer's jobs.
    configuration_cycles : int or None
        Core cycles of resets and of loading the scan chain, of all jobs; None on a board, whose serial line it is
        that takes the time.
    """

    program: Program
    ofmap: np.ndarray
    difference: object
    status: str
    counters: dict
    configuration_cycles: int | None
    simulator: str
    cycles_per_second: float
    wall_seconds: float
    faults: tuple = ()
    job: int = 0

    @property
    def match(self) -> bool:
        return self.status == "done" and self.difference is None

    def as_dict(self) -> dict:
        """The keys of `eyeriss simulate --json`; bytes are those of the counted 64-bit words.

        `macs` are those that the PEs did, padding of strips, channels and filters included; `layer_macs`
        are the layer's own, and `utilization` is these per cycle and PE of the chip.
        """
        counts, program = self.counters, self.program
        placement = program.jobs[0].placement
        waits = sum(counts[f"wait_{cause}_cycles"] for cause in ("ifmap", "filter", "ofmap"))
        configuration = self.configuration_cycles
        return {
            "shape": str(program.shape), "chip": program.chip.name, "mapping": program.mapping.as_dict(),
            "match": self.match, "status": self.status, "faults": list(self.faults),
            "outputs": int(self.program.covered().sum()),
            "mismatches": int(self.difference.count) if self.difference else 0,
            "cycles": {
                "total": counts["cycles"], "processing": counts["cycles"] - waits,
                "mac": counts["mac_cycles"], "ramp": counts["ramp_cycles"],
                **{f"wait_{cause}": counts[f"wait_{cause}_cycles"] for cause in ("ifmap", "filter", "ofmap")},
            },
            "configuration_cycles": configuration,
            "milliseconds": None if configuration is None
            else (counts["cycles"] + configuration) / program.chip.core_mhz / 1e3,
            "layer_macs": program.shape.macs, "macs": counts["macs"], "gated_macs": counts["gated_macs"],
            "active_pes": placement.active_pes,
            "utilization": program.shape.macs / max(1, counts["cycles"]) / program.chip.pes,
            "passes": counts["passes"],
            "glb_bytes": {
                "ifmap": 8 * counts["glb_ifmap_reads"],
                "psum_read": 8 * (counts["glb_psum_reads"] + counts["glb_ofmap_reads"]),
                "psum_write": 8 * counts["glb_psum_writes"], "filter": 8 * counts["glb_filter_reads"],
            },
            "dram_bytes": {name: 8 * counts[f"dram_{name}"] for name in ("ifmap", "filter", "bias", "ofmap")},
            "counters": counts,
            "simulator": self.simulator, "simulated_cycles_per_second": self.cycles_per_second,
            "wall_seconds": self.wall_seconds,
        }


def simulate_layer(shape, mapping, chip, tensors, *, shift=0, relu=False, compress=None, ofmap="auto", shards=None,
                   expected=None, corrupt=None, **options) -> LayerResult:
    """Run a layer through the chip's RTL and compare every output with golden.

    Parameters
    ----------
    shape : LayerShape
    mapping : Mapping
    chip : ChipConfig
    tensors : Tensors
    compress, shards : as in `compile_layer`.
    ofmap : str
        How ofmaps lie in DRAM where `compress` does not say it, as `Density.form`; "auto" goes by the golden one.
    expected : ndarray, optional
        The golden ofmap, where it is known.
    corrupt : callable, optional
        Gets the Program, returns another: for tests that break the configuration.
    options : as in `simulate_programs`.

    Raises
    ------
    MappingError, ValueError, TypeError
        Bad input.
    SimulatorError
    """
    if expected is None:
        expected = conv_layer(*tensors, shape, shift=shift, relu=relu)
    coded = Density(ofmap=density_of(expected), form=ofmap).ofmap_coded if compress is None else compress
    program = compile_layer(shape, mapping, chip, *tensors, shift=shift, relu=relu, compress=compress,
                            ofmap_coded=coded, shards=shards)
    return simulate_programs([corrupt(program) if corrupt else program], [expected], chip, **options)[0]


def simulate_programs(programs, expected, chip, *, simulator="verilator", top="chip", progress=None, build=BUILD,
                      verilog=None, **options) -> list[LayerResult]:
    """Run programs one after another in one simulation: each where the one before ends in DRAM.

    Parameters
    ----------
    programs : list of Program
    expected : list of ndarray
        The whole ofmap of each; of shards only their outputs are compared, and nothing where it is None.
    top : str
        Of TOPS.
    progress : callable, optional
        Called with (passes done, passes in all).
    verilog : list of Path, optional
        Instead of the chip's own.
    options : passed to `sim.chip.simulate.simulate`; unless given, a job may take `max_cycles` of twenty times what
        its mapping should.

    Returns
    -------
    list of LayerResult
        After one that does not end well, the others were not begun: their status is "not run".
    """
    started = time.monotonic()
    jobs = [job for program in programs for job in program.jobs]
    passes = [job.placement.passes for job in jobs]

    expected_cycles = [_expected_cycles(job.placement) for job in jobs]
    options.setdefault("max_cycles", 100_000 + 20 * max(expected_cycles))
    options.setdefault("optimize", chip.pes * sum(expected_cycles) > LONG)

    def follow(state):
        progress(sum(passes[:state["job"]]) + state["passes"], sum(passes))

    result = chip_simulation.simulate(
        verilog or chip_verilog(chip, build, top), np.concatenate([program.dram for program in programs]),
        [job.bits for job in jobs], {name: counter_index(name) for name in COUNTERS}, simulator=simulator, top=top,
        progress=follow if progress else None, core_mhz=chip.core_mhz, link_mhz=chip.link_mhz,
        build_root=Path(build) / "sim", **options)
    seconds = time.monotonic() - started
    results, ran = [], list(result.jobs)
    for program, whole in zip(programs, expected, strict=True):
        mine, ran = ran[:len(program.jobs)], ran[len(program.jobs):]
        status = mine[-1]["status"] if len(mine) == len(program.jobs) or mine and mine[-1]["status"] != "done" \
            else "not run"
        # None stands for an X in a counter of a broken chip
        counters = {name: sum(job["counters"][name] or 0 for job in mine) for name in COUNTERS}
        ofmap, difference, status = compare(program, whole, result.dram, status)
        results.append(LayerResult(program, ofmap, difference, status, counters,
                                   sum(job["configuration_cycles"] for job in mine), simulator,
                                   result.cycles_per_second, seconds, _faults_of(mine), len(mine)))
    return results


def _faults_of(jobs):
    """Causes in the last job that ran, where that ended by a fault."""
    if not jobs or jobs[-1]["status"] != "fault":
        return ()
    last = jobs[-1]
    return fault_causes(last["counters"], out_of_range=last["dram_fault"] != "0", bus=last["bus_fault"] != "0")


def fault_causes(counters, *, out_of_range=False, bus=False) -> tuple[str, ...]:
    """What was wrong in a job, a sentence for each cause, from its counters and from what its memory saw."""
    causes = [meaning for name, meaning in FAULTS.items() if counters[name]]
    if out_of_range:
        causes.append("a burst was addressed outside of DRAM")
    if bus:
        causes.append("a rule of the bus to DRAM was broken")
    return tuple(causes or ["neither the chip's counters nor its memory say why"])


def _expected_cycles(placement):
    return int(costs(placement).cycles)


def compare(program, expected, dram, status):
    """The ofmap in DRAM, its first difference to what is expected where the jobs work, and the status."""
    try:
        ofmap = program.ofmap(dram)
    except MalformedStream:  # all a layer that was not finished can leave, but not one that was
        ofmap, status = np.zeros(program.shape.ofmap_shape, np.int16), "malformed" if status == "done" else status
    if expected is None:
        return ofmap, None, status
    return ofmap, first_difference(np.where(program.covered(), expected, np.int16(0)), ofmap), status
