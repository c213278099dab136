"""A compiled layer as files, for hosts and benches that have no Python.

docs/integration.md describes each of the files byte by byte.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from compiler.image.program import Job, Program
from hw.config import VERSION, configuration_cycles, scan_words
from hw.config.registers import OFFSETS

from .axi import job_writes
from .driver import Words

__all__ = ["FILES", "CompiledFolder"]

#: What each file holds, in the order in which they are written: who finds the last one has all.
FILES = {
    "memory.hex": "memory before the first job, a 64-bit word a line",
    "memory.bin": "the same, eight bytes a word, the lowest first",
    "scan.hex": "the scan chain, job by job: 32-bit words in shifting order, bit 0 of each first",
    "registers.hex": "register writes behind AXI in order, a line each: byte offset, value",
    "expected.hex": "words that memory holds after the last job where it has changed, with @addresses",
    "ifmap.npy": "the layer's ifmaps", "weights.npy": "the layer's weights", "bias.npy": "the layer's biases",
    "factors.npy": "of a layer of 8 bits: what the sums of each filter are multiplied by",
    "ofmap.npy": "the golden ofmaps",
    "compiled.h": "addresses, sizes and register writes for C",
    "compiled.f": "sizes as arguments of a simulation",
    "compiled.json": "what all of this is of",
}

LAYOUTS = {
    "ifmap": "in each job: group, block, channel group, tile, column, row, r, q",
    "weights": "in each job: group, m group, channel group, filter group, word of a PE, row ID, col ID, four weights",
    "bias": "in each job: group, filter group, quad, set, four biases",
    "ofmap": "in each job: group, m group, block, filter group, tile, column, quad, set, row, four values",
}

#: The same on a chip of 8 bits, by psums of a word.
INT8_LAYOUTS = {count: LAYOUTS | {
    "weights": LAYOUTS["weights"].replace("four", "eight"),
    "bias": f"in each job: group, filter group, {count} of p, set: {count} biases of 32 bits, then the factors",
    "factors": "behind the biases of each word of psums, the bits of a float32 each",
    "ofmap": ("in each job: group, m group, block, filter group, tile, column, "
              f"{count} of p, set, row, {count} values"),
} for count in (2, 4)}


@dataclass(frozen=True)
class CompiledFolder:
    """A program, with all that its files say.

    Attributes
    ----------
    name : str
        Of the layer.
    program : Program
        Its image begins at word 0.
    tensors : mapping of str to ndarray
        Of LAYOUTS, or for 8 bits of INT8_LAYOUTS; the ofmap is the golden one.
    shift : int
    relu : bool
    cycles : int
        From start to done, planned for one job.
    base : int
        Byte address of word 0 behind AXI.
    """

    name: str
    program: Program
    tensors: Mapping[str, NDArray[Any]]
    shift: int
    relu: bool
    cycles: int
    base: int = 0

    def files(self) -> dict[str, bytes]:
        """The content of each of FILES, in their order."""
        program = self.program
        written = program.ofmap_words(self.tensors["ofmap"])
        scan = [word for job in program.jobs for word in scan_words(job.bits)]
        writes = [(OFFSETS[name], value)
                  for name, value in job_writes((job.bits for job in program.jobs), self.base)]
        sizes = {"memory_words": len(program.dram), "scan_words": len(scan) // len(program.jobs),
                 "jobs": len(program.jobs), "cycles": self.cycles * len(program.jobs)}
        description = self._description(sizes, written)
        texts: dict[str, str | bytes] = {
            "memory.hex": hex_lines(program.dram), "memory.bin": program.dram.astype("<u8").tobytes(),
            "scan.hex": "".join(f"{word:08x}\n" for word in scan),
            "registers.hex": "".join(f"{offset:08x} {value:08x}\n" for offset, value in writes),
            "expected.hex": "".join(f"@{job.ofmap_base:x}\n{hex_lines(words)}"
                                    for job, words in zip(program.jobs, written, strict=True)),
            **{f"{name}.npy": _npy(array) for name, array in self.tensors.items()},
            "compiled.h": self._header(sizes, writes, description["jobs"]),
            "compiled.f": "".join(f"+{name}={value}\n" for name, value in sizes.items()) + f"+base={self.base:x}\n",
            "compiled.json": json.dumps(description, indent=1) + "\n",
        }
        return {name: text if isinstance(text, bytes) else text.encode()
                for name, text in ((name, texts[name]) for name in self._present())}

    def _present(self) -> dict[str, str]:
        """Those of FILES that this layer has."""
        return {name: what for name, what in FILES.items()
                if not name.endswith(".npy") or name.removesuffix(".npy") in self.tensors}

    def _description(self, sizes: Mapping[str, int], written: Sequence[Words]) -> dict[str, Any]:
        program, form = self.program, self.program.ofmap_format
        layouts = INT8_LAYOUTS[program.chip.word_psums] if form else LAYOUTS
        shape = asdict(program.shape) | {"E": program.shape.E, "F": program.shape.F}
        return {
            "version": VERSION, "layer": self.name, "shape": shape, "shift": self.shift, "relu": self.relu,
            "ofmap_zero": form.zero if form else 0, "chip": asdict(program.chip),
            "mapping": program.mapping.as_dict(), **sizes,
            "configuration_cycles": sizes["jobs"] * configuration_cycles(program.chip),
            "scan_bits": len(program.jobs[0].bits), "base": self.base,
            "tensors": {name: {"file": f"{name}.npy", "type": str(array.dtype), "shape": list(array.shape),
                               "layout": layouts[name]} for name, array in self.tensors.items()},
            # here each of them, where `sizes` has their number
            "jobs": [self._job(job, len(words)) for job, words in zip(program.jobs, written, strict=True)],
            "files": self._present(),
        }

    def _job(self, job: Job, written: int) -> dict[str, Any]:
        """Addresses and counts of 64-bit words; `written` of those kept for ofmaps are changed."""
        fields, own = job.fields, job.placement.layer.own_filters
        first = {name: cast(int, fields[f"{name}_base"]) for name in ("ifmap", "filter", "bias", "ofmap")}
        last = [*list(first.values())[1:], job.ofmap_base + job.ofmap_count]
        places = {name: {"address": at, "words": end - at}
                  for (name, at), end in zip(first.items(), last, strict=True)}
        return {"filters": [own.start, own.stop], "cycles": self.cycles, "passes": job.placement.passes,
                "active_pes": job.placement.active_pes, **places,
                "ifmap": {**places["ifmap"], "coded": not fields["ifmap_raw"]},
                "filter": {**places["filter"], "coded": not fields.get("filter_raw", True)},
                "ofmap": {**places["ofmap"], "written": written, "coded": not fields["ofmap_raw"]}}

    def _header(self, sizes: Mapping[str, int], writes: Sequence[tuple[int, int]],
                jobs: Sequence[Mapping[str, Any]]) -> str:
        """C: sizes, the ofmaps' places, register writes."""
        meanings = {"memory_words": "64-bit words of memory.bin", "scan_words": "32-bit words of a job's scan chain",
                    "jobs": "runs of the chip", "cycles": "core cycles from start to done, planned, of all jobs"}
        lines = [f"/* {_comment(self.name)} compiled for {self.program.chip.name}. Eyeriss generator {VERSION}. */",
                 "#ifndef EYERISS_COMPILED_H", "#define EYERISS_COMPILED_H", "", "#include <stdint.h>", ""]
        lines += [f"#define EYERISS_{name.upper()} {value}u /* {meanings[name]} */" for name, value in sizes.items()]
        lines += [f"#define EYERISS_BASE 0x{self.base:x}ull /* byte address of memory.bin's first word */",
                  f"#define EYERISS_WRITES {len(writes)}u", "",
                  "/* Of each job: address and count of the 64-bit words that it writes. */",
                  "static const uint32_t eyeriss_ofmaps[EYERISS_JOBS][2] = {"]
        lines += [f"    {{{job['ofmap']['address']}u, {job['ofmap']['written']}u}}," for job in jobs]
        lines += ["};", "", "/* Byte offset and value of each register write, in order. After each write to "
                  f"0x{OFFSETS['CONTROL']:03X},", "   read STATUS until it has neither BUSY nor RESETTING. */",
                  "static const uint32_t eyeriss_writes[EYERISS_WRITES][2] = {"]
        lines += [f"    {{0x{offset:03x}u, 0x{value:08x}u}}," for offset, value in writes]
        return "\n".join([*lines, "};", "", "#endif /* EYERISS_COMPILED_H */"]) + "\n"


def hex_lines(words: Words) -> str:
    """64-bit words for `$readmemh`, one a line."""
    return words.astype(">u8").tobytes().hex("\n", 8) + "\n"


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _comment(text: str) -> str:
    """A name that cannot end a comment."""
    return text.replace("*/", "* /")
